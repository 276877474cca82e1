//! What every worker of the server shares.

use rollcall_domain::{directory::Directory, ids::DirectoryId};
use rollcall_scim::Rules;
use rollcall_store::Store;

use crate::Settings;

/// The state behind the routes; one per process.
#[derive(Clone)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    /// `https://host[/path]/scim/v2`, without a trailing slash.
    scim_base: String,
}

impl State {
    /// `public_url` is what `Location`, `meta.location` and every `$ref` begin with; a slash at its end does not
    /// count. Nothing is ever built from the `Host` header.
    #[must_use]
    pub fn new(settings: Settings, store: Store, public_url: String) -> Self {
        let scim_base = format!("{}/scim/v2", public_url.trim_end_matches('/'));
        Self { settings, store, scim_base }
    }

    /// The SCIM base URL of a directory, without a trailing slash.
    pub(crate) fn base_url(&self, directory: &DirectoryId) -> String {
        format!("{}/{directory}", self.scim_base)
    }
}

/// Which deviations from strict SCIM a directory may show. So far every directory may show all of them.
pub(crate) fn rules_for(_directory: &Directory) -> Rules {
    Rules::default()
}
