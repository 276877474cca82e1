//! What can go wrong where a caller asks for an answer. Nothing else in this crate fails: what
//! cannot be shared is not shared.

use std::{path::PathBuf, time::Duration};

/// The settings cannot work, whatever Redis does. None of the texts holds a part of the URL.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not a URL of Redis.
    #[error("redis.url is not usable: {0}")]
    Url(String),
    /// The file of trusted certificates cannot be read, or nothing uses it.
    #[error("redis.tls_ca ({}) is not usable: {reason}", path.display())]
    TlsCa {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A number or name is out of range.
    #[error("{0}")]
    Setting(&'static str),
}

/// Redis did not answer as it should. One line each, without secrets.
#[derive(Debug, thiserror::Error)]
pub enum PingError {
    /// It does not let this process in: the URL's user name or password is to be corrected, or the
    /// user's rights.
    #[error("Redis refuses this process: {0}")]
    Denied(String),
    /// Nothing answers in time.
    #[error("Redis did not answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Any other failure.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(String),
}
