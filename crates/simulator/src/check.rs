//! What a SCIM server is held to, each in the terms of the standard, and how a verdict is passed on.

use std::fmt;

use serde_json::Value;

/// One thing that a server does or does not do.
///
/// [`Check::source`] names where it is written, [`Check::title`] what it says, and
/// [`Check::is_required`] whether a provider's provisioning breaks without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each has its sentence in the table below")]
pub enum Check {
    Connect,
    Authentication,
    MediaType,
    ErrorMessage,
    ServiceProviderConfig,
    ResourceTypes,
    Schemas,
    EmptyList,
    FilterFinds,
    UserNameCase,
    Create,
    Uniqueness,
    StoredAsSent,
    Put,
    PutDoesNotCreate,
    Patch,
    PatchIsAtomic,
    UpdatedAsSent,
    UnchangedStaysUnchanged,
    Deactivate,
    Reactivate,
    Manager,
    PasswordNeverReturned,
    GroupCreate,
    GroupPatch,
    GroupPut,
    Members,
    UserGroups,
    ExcludedAttributes,
    Pagination,
    Delete,
    Deleted,
    DeletedMembers,
}

/// Whether provisioning breaks without it.
type Required = bool;
const MUST: Required = true;
const SHOULD: Required = false;

impl Check {
    /// All, in the order of a report.
    pub const ALL: [Self; 33] = [
        Self::Connect,
        Self::Authentication,
        Self::MediaType,
        Self::ErrorMessage,
        Self::ServiceProviderConfig,
        Self::ResourceTypes,
        Self::Schemas,
        Self::EmptyList,
        Self::FilterFinds,
        Self::UserNameCase,
        Self::Pagination,
        Self::Create,
        Self::Uniqueness,
        Self::StoredAsSent,
        Self::Put,
        Self::PutDoesNotCreate,
        Self::Patch,
        Self::PatchIsAtomic,
        Self::UpdatedAsSent,
        Self::UnchangedStaysUnchanged,
        Self::Deactivate,
        Self::Reactivate,
        Self::Manager,
        Self::PasswordNeverReturned,
        Self::GroupCreate,
        Self::GroupPatch,
        Self::GroupPut,
        Self::Members,
        Self::UserGroups,
        Self::ExcludedAttributes,
        Self::Delete,
        Self::Deleted,
        Self::DeletedMembers,
    ];

    /// Its name in a report for programs, where it is written, what it says, and whether a
    /// provider needs it.
    const fn row(self) -> (&'static str, &'static str, &'static str, Required) {
        match self {
            Self::Connect => {
                ("connect", "RFC 7644 §3.4", "the connection test is answered as it must be", MUST)
            }
            Self::Authentication => {
                ("authentication", "RFC 7644 §2", "a request with a wrong token is answered 401", MUST)
            }
            Self::MediaType => ("media-type", "RFC 7644 §3.1", "answers are application/scim+json", MUST),
            Self::ErrorMessage => {
                ("error-message", "RFC 7644 §3.12", "errors are Error messages, status a string", MUST)
            }
            Self::ServiceProviderConfig => (
                "service-provider-config",
                "RFC 7643 §5",
                "/ServiceProviderConfig says what is supported",
                MUST,
            ),
            Self::ResourceTypes => {
                ("resource-types", "RFC 7643 §6", "/ResourceTypes names User and its endpoint", SHOULD)
            }
            Self::Schemas => ("schemas", "RFC 7643 §7", "/Schemas describes the User schema", SHOULD),
            Self::EmptyList => {
                ("empty-list", "RFC 7644 §3.4.2", "nothing found is 200 with an empty list", MUST)
            }
            Self::FilterFinds => {
                ("filter", "RFC 7644 §3.4.2.2", "an eq filter finds the one that matches", MUST)
            }
            Self::UserNameCase => {
                ("user-name-case", "RFC 7643 §4.1.1", "userName is found whatever its case", MUST)
            }
            Self::Pagination => {
                ("pagination", "RFC 7644 §3.4.2.4", "pages are complete and have each user once", MUST)
            }
            Self::Create => ("create", "RFC 7644 §3.3", "a new user is 201 with id and Location", MUST),
            Self::Uniqueness => ("uniqueness", "RFC 7644 §3.3", "a userName in use is 409 uniqueness", MUST),
            Self::StoredAsSent => {
                ("stored-as-sent", "RFC 7644 §3.4.1", "a new user reads back as it was sent", MUST)
            }
            Self::Put => ("put", "RFC 7644 §3.5.1", "PUT answers 200 with the user as it now is", MUST),
            Self::PutDoesNotCreate => {
                ("put-does-not-create", "RFC 7644 §3.5.1", "PUT to an unknown id is 404", MUST)
            }
            Self::Patch => ("patch", "RFC 7644 §3.5.2", "PATCH of a user is 200 with it, or 204", MUST),
            Self::PatchIsAtomic => {
                ("patch-is-atomic", "RFC 7644 §3.5.2", "a PATCH that fails changes nothing", MUST)
            }
            Self::UpdatedAsSent => {
                ("updated-as-sent", "RFC 7644 §3.5", "a changed user reads back as it was changed", MUST)
            }
            Self::UnchangedStaysUnchanged => {
                ("unchanged", "RFC 7644 §3.5.2.1", "what is sent again moves no version", SHOULD)
            }
            Self::Deactivate => {
                ("deactivate", "RFC 7643 §4.1.1", "a deactivated user reads active false", MUST)
            }
            Self::Reactivate => ("reactivate", "RFC 7643 §4.1.1", "a reactivated user has what it had", MUST),
            Self::Manager => ("manager", "RFC 7643 §4.3", "manager is an object with a value", MUST),
            Self::PasswordNeverReturned => {
                ("password", "RFC 7643 §4.1.1", "password is never returned", MUST)
            }
            Self::GroupCreate => {
                ("group-create", "RFC 7644 §3.3", "a new group is 201 with id and Location", MUST)
            }
            Self::GroupPatch => {
                ("group-patch", "RFC 7644 §3.5.2", "PATCH of a group is 200 with it, or 204", MUST)
            }
            Self::GroupPut => ("group-put", "RFC 7644 §3.5.1", "PUT answers 200 with the group", MUST),
            Self::Members => ("members", "RFC 7643 §4.2", "a group has exactly the members sent", MUST),
            Self::UserGroups => {
                ("user-groups", "RFC 7643 §4.1.2", "a user's groups follow its memberships", SHOULD)
            }
            Self::ExcludedAttributes => {
                ("excluded-attributes", "RFC 7644 §3.4.2.5", "excludedAttributes leaves members out", MUST)
            }
            Self::Delete => ("delete", "RFC 7644 §3.6", "DELETE answers 204", MUST),
            Self::DeletedMembers => {
                ("deleted-members", "RFC 7643 §4.2", "a deleted user is a member of nothing", SHOULD)
            }
            Self::Deleted => ("deleted", "RFC 7644 §3.6", "what was deleted is 404, and not found", MUST),
        }
    }

    /// Its name for programs, such as `stored-as-sent`.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Where it is written, such as `RFC 7644 §3.6`.
    pub const fn source(self) -> &'static str {
        self.row().1
    }

    /// What it says.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// Whether provisioning breaks without it; else it only gets worse.
    pub const fn is_required(self) -> bool {
        self.row().3
    }
}

/// What was seen when a check failed: the request, the answer, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What was expected and what came instead.
    pub why: String,
    /// The HTTP method.
    pub method: &'static str,
    /// The path and query below the base URL, as sent.
    pub path: String,
    /// The request's body.
    pub request: Option<Value>,
    /// The answer's status; 0 if there was none.
    pub status: u16,
    /// The answer's body, if it was JSON.
    pub answer: Option<Value>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, method, path, status, .. } = self;
        match status {
            0 => write!(f, "{method} {path}: {why}"),
            _ => write!(f, "{method} {path} was answered {status}: {why}"),
        }
    }
}

/// How one look at one check ended.
pub type Verdict = Result<(), Box<Failure>>;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_check_is_listed_once_and_names_its_source() {
        let names: HashSet<_> = Check::ALL.iter().map(|check| check.name()).collect();
        assert_eq!(names.len(), Check::ALL.len());
        assert_eq!(Check::ALL.iter().max(), Some(&Check::DeletedMembers));
        for check in Check::ALL {
            assert!(check.source().starts_with("RFC 764"), "{check:?}");
            assert!(check.title().len() <= 48, "{check:?}: {}", check.title().len());
        }
    }
}
