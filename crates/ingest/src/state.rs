//! What every worker of the server shares.

use rollcall_store::Store;

use crate::Settings;

/// The state behind the routes; one per process.
#[derive(Clone)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    /// `https://host[/path]/scim/v2`, without a trailing slash.
    pub(crate) scim_base: String,
}

impl State {
    /// `public_url` is what `Location`, `meta.location` and every `$ref` begin with; a slash at its end does not
    /// count. Nothing is ever built from the `Host` header.
    #[must_use]
    pub fn new(settings: Settings, store: Store, public_url: String) -> Self {
        let scim_base = format!("{}/scim/v2", public_url.trim_end_matches('/'));
        Self { settings, store, scim_base }
    }
}
