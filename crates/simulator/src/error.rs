//! Why a persona stops: the server cannot be reached, or answered what the product cannot use.

use crate::check::Failure;

/// Why a step was not finished.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The persona cannot be set up: the base URL or the token cannot be used in a request.
    #[error("the target cannot be used: {0}")]
    Target(String),
    /// There was no answer, or none that the product would accept.
    #[error("{persona} {what}: {failure}")]
    Refused {
        /// The product.
        persona: &'static str,
        /// What the request was for, in words.
        what: String,
        /// The request, the answer, and what is wrong with it.
        failure: Box<Failure>,
    },
    /// The script speaks of somebody or something that this persona has not made, or could not
    /// make.
    #[error("the script uses {0} before it is made")]
    Script(String),
}
