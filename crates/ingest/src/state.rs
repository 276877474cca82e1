//! What every worker of the server shares.

use std::sync::Arc;

use rollcall_domain::ids::DirectoryId;
use rollcall_store::Store;

use crate::Settings;

/// The state behind the routes; one per process.
#[derive(Clone)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) cursor_secret: Option<Arc<[u8]>>,
    /// `https://host[/path]/scim/v2`, without a trailing slash.
    scim_base: String,
}

impl State {
    /// `public_url` is what `Location`, `meta.location` and every `$ref` begin with; a slash at its end does not
    /// count. Nothing is ever built from the `Host` header.
    #[must_use]
    pub fn new(settings: Settings, store: Store, public_url: String) -> Self {
        let scim_base = format!("{}/scim/v2", public_url.trim_end_matches('/'));
        Self { settings, store, cursor_secret: None, scim_base }
    }

    /// With a secret that signs the cursors of lists. It has to be the same in every process, and to last. Without
    /// one they are signed by what the server keeps of the client's token: then a cursor ends with its token, and a
    /// client could make cursors of its own, which would show it nothing that its token does not.
    #[must_use]
    pub fn with_cursor_secret(mut self, secret: [u8; 32]) -> Self {
        self.cursor_secret = Some(Arc::new(secret));
        self
    }

    /// The SCIM base URL of a directory, without a trailing slash.
    pub(crate) fn base_url(&self, directory: &DirectoryId) -> String {
        format!("{}/{directory}", self.scim_base)
    }
}
