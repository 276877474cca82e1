//! The two resource types that a provider pushes, and what each is called on the wire.

use crate::schema::{CORE_GROUP, CORE_USER};

/// A SCIM resource type (RFC 7643 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    /// A person.
    User,
    /// A group of people.
    Group,
}

impl ResourceKind {
    /// Both, in the order they are advertised.
    pub const ALL: [Self; 2] = [Self::User, Self::Group];

    /// The resource type's name and id: `User`, `Group`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// The path below the base URL: `/Users`, `/Groups`.
    #[must_use]
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }

    /// The core schema's URN.
    #[must_use]
    pub fn schema(self) -> &'static str {
        match self {
            Self::User => CORE_USER,
            Self::Group => CORE_GROUP,
        }
    }
}
