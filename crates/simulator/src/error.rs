//! Why a persona stops: the server cannot be reached, or answered what the product cannot use.

/// Why a step was not finished. Each variant names the request in words and on the wire.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The persona cannot be set up: the base URL or the token cannot be used in a request.
    #[error("the target cannot be used: {0}")]
    Target(String),
    /// There was no answer.
    #[error("{persona} {what}: {method} {path}: {source}")]
    Transport {
        /// The product.
        persona: &'static str,
        /// What the request was for.
        what: String,
        /// The HTTP method.
        method: &'static str,
        /// The path below the base URL.
        path: String,
        /// What failed.
        source: reqwest::Error,
    },
    /// There was an answer that the product would not accept.
    #[error("{persona} {what}: {method} {path} was answered {status}: {why}")]
    Unusable {
        /// The product.
        persona: &'static str,
        /// What the request was for.
        what: String,
        /// The HTTP method.
        method: &'static str,
        /// The path below the base URL.
        path: String,
        /// The answer's status.
        status: u16,
        /// What the product would have needed, or the error that the server gave.
        why: String,
    },
    /// The script speaks of somebody or something that this persona has not made yet.
    #[error("the script uses {0} before it is made")]
    Script(String),
}
