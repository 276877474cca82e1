//! Why a command changes nothing.

use rollcall_scim::error::ScimError;

/// A write that is refused. Each becomes one SCIM error; none changes anything.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The write itself is wrong (400), by RFC 7644.
    #[error("{0}")]
    Scim(#[from] ScimError),
    /// No such resource in this directory (404).
    #[error("{0} not found")]
    NotFound(String),
    /// `If-Match` named another version (412).
    #[error("the resource's version is {current}")]
    VersionMismatch {
        /// The present `meta.version`.
        current: String,
    },
    /// The userName is taken in this directory, whatever its case (409). The store finds it, by
    /// its constraint.
    #[error("userName is already in use")]
    UserNameTaken,
    /// The directory was deleted or disabled between authentication and the write.
    #[error("the directory does not take writes")]
    DirectoryClosed,
}
