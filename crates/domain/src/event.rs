//! Events: immutable facts with an id, a type, a place in their directory and a body that is
//! serialized once and delivered verbatim.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{DirectoryId, EventId, GroupId, OrganizationId, RequestId};

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)*) => {
        /// What happened. The number is what the store keeps; it never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum EventType { $($(#[$doc])* $variant = $code,)* }

        impl EventType {
            /// Every type, in the order of their codes.
            pub const ALL: &'static [EventType] = &[$(EventType::$variant),*];

            /// The name on the wire, such as `user.created`.
            pub const fn as_str(self) -> &'static str {
                match self { $(EventType::$variant => $name,)* }
            }

            /// The type with this code.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(EventType::$variant),)* _ => None }
            }
        }

        impl FromStr for EventType {
            type Err = UnknownEventType;

            fn from_str(name: &str) -> Result<Self, UnknownEventType> {
                match name { $($name => Ok(EventType::$variant),)* _ => Err(UnknownEventType(name.to_owned())) }
            }
        }
    };
}

event_types! {
    /// A user came to be.
    UserCreated = 1, "user.created";
    /// Something about a user changed, its state of activity apart.
    UserUpdated = 2, "user.updated";
    /// A user that was active is not any more.
    UserDeactivated = 3, "user.deactivated";
    /// A user that was inactive is active again.
    UserReactivated = 4, "user.reactivated";
    /// A user is gone.
    UserDeleted = 5, "user.deleted";
    /// A group came to be.
    GroupCreated = 6, "group.created";
    /// A group's own attributes changed.
    GroupUpdated = 7, "group.updated";
    /// A group is gone.
    GroupDeleted = 8, "group.deleted";
    /// A user (or a nested group) became a member of a group.
    MemberAdded = 9, "group.member_added";
    /// A user (or a nested group) is no longer a member of a group.
    MemberRemoved = 10, "group.member_removed";
    /// The owner enabled a directory that was disabled.
    DirectoryActivated = 11, "directory.activated";
    /// The owner disabled a directory.
    DirectoryDeactivated = 12, "directory.deactivated";
    /// The owner deleted a directory with all that was in it.
    DirectoryDeleted = 13, "directory.deleted";
    /// An endpoint fails: it is probed until it answers again.
    EndpointFailing = 100, "endpoint.failing";
    /// An endpoint is not sent to any more until its owner resumes it.
    EndpointDisabled = 101, "endpoint.disabled";
    /// An endpoint that failed answers again.
    EndpointRecovered = 102, "endpoint.recovered";
    /// Events used up their attempts at an endpoint.
    DeliveryExhausted = 103, "delivery.exhausted";
}

/// A name that is no event type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown event type {0:?}")]
pub struct UnknownEventType(pub String);

impl EventType {
    /// Whether the event takes something away from somebody: such events go first among subjects.
    pub const fn is_revoking(self) -> bool {
        matches!(self, Self::UserDeactivated | Self::UserDeleted | Self::GroupDeleted | Self::MemberRemoved)
    }
}

impl EventType {
    /// Whether the event is about how Rollcall itself fares, on the operator's stream
    /// ([`operator`](crate::operator)).
    pub const fn is_operator(self) -> bool {
        matches!(
            self,
            Self::EndpointFailing
                | Self::EndpointDisabled
                | Self::EndpointRecovered
                | Self::DeliveryExhausted
        )
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EventType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// What kind of thing an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// A user; membership events are about their user.
    User,
    /// A group (its own events, and a nested group's membership).
    Group,
    /// A directory.
    Directory,
    /// An endpoint, on the operator's stream.
    Endpoint,
}

impl SubjectKind {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Directory => "directory",
            Self::Endpoint => "endpoint",
        }
    }
}

/// What an event is about. `version` counts the events of this subject from 1 without gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// User, group or directory.
    #[serde(rename = "type")]
    pub kind: SubjectKind,
    /// `usr_…`, `grp_…`, `dir_…` or `ep_…`.
    pub id: Box<str>,
    /// The number of this event among the subject's events, from 1.
    pub version: u64,
}

/// Why an event came to be: which provider sent what. `method` is the HTTP method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The directory's configured provider, such as `entra_id`.
    pub provider: Box<str>,
    /// The request that caused it.
    pub request_id: RequestId,
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: Box<str>,
}

/// One difference between two states, as in an event's `changes`: a dotted path into `data`,
/// the value before and the value after; a side that was absent is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Such as `name.family_name` or `custom_attributes.level`; what only the SCIM resource shows is
    /// `raw.<attribute>` or `raw.<urn>.<attribute>`.
    pub path: String,
    /// The value before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<serde_json::Value>,
    /// The value after.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<serde_json::Value>,
}

/// An event as the log keeps it. `body` is the JSON document that webhooks, `/v1/events` and the
/// public feed carry, byte for byte; the other fields repeat what routing and ordering need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// The partition of the log (0 in the embedded profile).
    pub shard: u16,
    /// Gapless place in the shard, from 1.
    pub position: u64,
    /// The event's id.
    pub id: EventId,
    /// What happened.
    pub kind: EventType,
    /// Whose customer it concerns.
    pub organization_id: OrganizationId,
    /// The directory it happened in.
    pub directory_id: DirectoryId,
    /// Gapless place in the directory, from 1.
    pub sequence: u64,
    /// What it is about.
    pub subject: Subject,
    /// The group of a membership event: it must not overtake that group's own events.
    pub group_id: Option<GroupId>,
    /// Whether the directory is a sandbox.
    pub sandbox: bool,
    /// When it was decided.
    pub timestamp: Timestamp,
    /// The serialized event, UTF-8 JSON.
    pub body: Bytes,
}

/// An event that was decided and has no position yet.
#[derive(Clone, Debug, PartialEq)]
pub struct DecidedEvent {
    /// The event's id.
    pub id: EventId,
    /// What happened.
    pub kind: EventType,
    /// Gapless place in the directory.
    pub sequence: u64,
    /// What it is about.
    pub subject: Subject,
    /// The group of a membership event.
    pub group_id: Option<GroupId>,
    /// When it was decided.
    pub timestamp: Timestamp,
    /// The serialized event.
    pub body: Bytes,
}
