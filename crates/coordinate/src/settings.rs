//! Whether Redis is used, and how it is reached.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

/// How processes reach each other. Without a URL there is one process, and no client is started.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `redis://…` or `rediss://…` (TLS), `redis+unix:///path` for a socket. It may hold a user name
    /// and a password, so it is a secret.
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
