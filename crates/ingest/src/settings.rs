//! What ingest is told at its start.

use serde::{Deserialize, Serialize};

/// Bounds of what providers may send and ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The largest body of a user's POST, PUT and PATCH, in bytes. 413 beyond.
    pub user_body_bytes: usize,
    /// The largest body of a group's POST, PUT and PATCH and of `.search`, in bytes. 413 beyond.
    pub group_body_bytes: usize,
    /// The largest body of a bulk request, in bytes. 413 beyond.
    pub bulk_body_bytes: usize,
    /// The most operations in a bulk request. 413 beyond.
    pub bulk_operations: usize,
    /// How long a body may take to arrive, in seconds. 408 beyond.
    pub body_timeout_seconds: u64,
    /// How deep a body's arrays and objects may nest. 400 beyond.
    pub max_depth: usize,
    /// The page of a list that names no `count`.
    pub default_page_size: u64,
    /// The largest page of a list; a larger `count` is cut to it.
    pub max_results: u64,
    /// How long after a page the next one may be asked for by its cursor, in seconds.
    pub cursor_timeout_seconds: u64,
    /// A group with more members than this is answered 204 to a PATCH, unless a selection was asked for.
    pub members_in_answer: u64,
    /// Where people read on; advertised in the ServiceProviderConfig.
    pub documentation_uri: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_body_bytes: 1024 * 1024,
            group_body_bytes: 16 * 1024 * 1024,
            bulk_body_bytes: 16 * 1024 * 1024,
            bulk_operations: 1000,
            body_timeout_seconds: 30,
            max_depth: 64,
            default_page_size: 100,
            max_results: 1000,
            cursor_timeout_seconds: 3600,
            members_in_answer: 100,
            documentation_uri: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_keys_have_defaults_and_unknown_ones_are_refused() {
        let settings: Settings = serde_json::from_str(r#"{"max_results":50}"#).unwrap();
        assert_eq!(settings, Settings { max_results: 50, ..Settings::default() });
        assert!(serde_json::from_str::<Settings>(r#"{"max_result":50}"#).is_err());
    }
}
