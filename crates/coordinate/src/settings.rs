//! Whether Redis is used, and how it is reached.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

/// How processes reach each other. Without a URL there is one process, and no client is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `redis://…` or `rediss://…` (TLS), `redis+unix:///path` for a socket. It may hold a user name
    /// and a password, so it is a secret: it is serialized as `"(hidden)"`.
    #[serde(serialize_with = "hidden")]
    pub url: Option<SecretString>,
    /// A file of PEM certificates to trust instead of the system's, for `rediss://`.
    pub tls_ca: Option<PathBuf>,
    /// Every key and channel begins with it and a colon, so that deployments can share a Redis.
    pub key_prefix: String,
    /// No call to Redis takes longer than this, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { url: None, tls_ca: None, key_prefix: "rollcall".to_owned(), timeout_ms: 1_000 }
    }
}

fn hidden<S: Serializer>(url: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    url.as_ref().map(|_| "(hidden)").serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_never_written_down() {
        let text = r#"{"url": "redis://:hunter2@cache"}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        assert_eq!(settings.timeout_ms, Settings::default().timeout_ms);
        let written = serde_json::to_string(&settings).unwrap() + &format!("{settings:?}");
        assert!(!written.contains("hunter2") && written.contains("(hidden)"), "{written}");
    }
}
