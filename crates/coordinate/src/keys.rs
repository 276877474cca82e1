//! The names in Redis. The crate's documentation says what is behind each.

/// Everything this crate names in Redis, for one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Channel of [`crate::message::Message`]s.
    pub(crate) announcements: String,
    /// String: the newest announced revision of the catalog.
    pub(crate) catalog: String,
    /// Sorted set: endpoints by the end of their breaker's opening.
    pub(crate) breakers: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            announcements: format!("{prefix}:announcements"),
            catalog: format!("{prefix}:catalog"),
            breakers: format!("{prefix}:breakers"),
        }
    }
}
