//! What every worker of the server shares.

use std::sync::Arc;

use rollcall_domain::{directory::Directory, ids::DirectoryId};
use rollcall_scim::Rules;
use rollcall_store::Store;

use crate::Settings;

/// Says which deviations from strict SCIM a directory may show.
pub type RulesOf = Arc<dyn Fn(&Directory) -> Rules + Send + Sync>;

/// The state behind the routes; one per process.
#[derive(Clone)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) cursor_secret: Option<Arc<[u8]>>,
    rules_of: RulesOf,
    /// `https://host[/path]/scim/v2`, without a trailing slash.
    scim_base: String,
}

impl State {
    /// `public_url` is what `Location`, `meta.location` and every `$ref` begin with; a slash at its end does not
    /// count. Nothing is ever built from the `Host` header. Every directory may show every deviation.
    #[must_use]
    pub fn new(settings: Settings, store: Store, public_url: String) -> Self {
        let scim_base = format!("{}/scim/v2", public_url.trim_end_matches('/'));
        Self { settings, store, cursor_secret: None, rules_of: Arc::new(|_| Rules::default()), scim_base }
    }

    /// With these rules for each directory, asked for at each request.
    #[must_use]
    pub fn with_rules(mut self, rules_of: RulesOf) -> Self {
        self.rules_of = rules_of;
        self
    }

    /// With a secret that signs the cursors of lists. It has to be the same in every process, and to last. Without
    /// one they are signed by what the server keeps of the client's token: then a cursor ends with its token, and a
    /// client could make cursors of its own, which would show it nothing that its token does not.
    #[must_use]
    pub fn with_cursor_secret(mut self, secret: [u8; 32]) -> Self {
        self.cursor_secret = Some(Arc::new(secret));
        self
    }

    /// Which deviations this directory may show.
    pub(crate) fn rules_for(&self, directory: &Directory) -> Rules {
        (self.rules_of)(directory)
    }

    /// The SCIM base URL of a directory, without a trailing slash.
    pub(crate) fn base_url(&self, directory: &DirectoryId) -> String {
        format!("{}/{directory}", self.scim_base)
    }
}
