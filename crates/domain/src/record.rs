//! Resources as the store keeps them, and the short forms that events about others need.

use jiff::Timestamp;
use rollcall_scim::document::Document;
use serde::{Deserialize, Serialize};

use crate::ids::{GroupId, UserId};

/// A group that a user is a direct member of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRef {
    /// `grp_…`
    pub id: GroupId,
    /// The group's `externalId`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub external_id: Option<String>,
    /// The group's name.
    pub display_name: String,
}

/// A SCIM User as last written.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRecord {
    /// `usr_…`
    pub id: UserId,
    /// The attributes in canonical form.
    pub document: Document,
    /// Counts the changes of the representation (SCIM `meta.version`), from 1.
    pub version: u64,
    /// Counts the events about this user (`subject.version`).
    pub event_version: u64,
    /// `meta.created`.
    pub created_at: Timestamp,
    /// `meta.lastModified`.
    pub updated_at: Timestamp,
    /// The groups that it is a direct member of, by id.
    pub groups: Vec<GroupRef>,
}

/// A SCIM Group as last written, without its members.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRecord {
    /// `grp_…`
    pub id: GroupId,
    /// The attributes in canonical form.
    pub document: Document,
    /// Counts the changes of the representation, members included (SCIM `meta.version`), from 1.
    pub version: u64,
    /// Counts the events whose subject is this group: its own, and its joining and leaving other groups
    /// (`subject.version`).
    pub event_version: u64,
    /// `meta.created`.
    pub created_at: Timestamp,
    /// `meta.lastModified`.
    pub updated_at: Timestamp,
    /// How many members it has, pending ones included.
    pub member_count: u64,
}

/// Who a member of a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberKind {
    /// A user of the directory.
    User,
    /// A group of the directory (nested).
    Group,
    /// Nobody that is known here (yet).
    Pending,
}

/// One member of a group, a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// SCIM `members.value`: the member's id, or what the provider sent for a pending one.
    pub value: String,
    /// Who it is.
    pub kind: MemberKind,
    /// SCIM `members.display`, as sent or from the member itself.
    pub display: Option<String>,
}

/// What a membership event says of its user, and what a change of the user's counters needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSummary {
    /// `usr_…`
    pub id: UserId,
    /// SCIM `externalId`.
    pub external_id: Option<String>,
    /// SCIM `userName`.
    pub user_name: String,
    /// The primary e-mail address, else the work one, else the first.
    pub email: Option<String>,
    /// SCIM `displayName`.
    pub display_name: Option<String>,
    /// SCIM `active`.
    pub active: bool,
    /// See [`UserRecord::version`].
    pub version: u64,
    /// See [`UserRecord::event_version`].
    pub event_version: u64,
}

/// What a membership event says of a group, and what a change of the group's counters needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSummary {
    /// `grp_…`
    pub id: GroupId,
    /// SCIM `externalId`.
    pub external_id: Option<String>,
    /// SCIM `displayName`.
    pub display_name: String,
    /// See [`GroupRecord::version`].
    pub version: u64,
    /// See [`GroupRecord::event_version`].
    pub event_version: u64,
    /// How many members it has.
    pub member_count: u64,
}

/// Who an id in `members` or `manager` names, in the same directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referent {
    /// A user.
    User(UserSummary),
    /// A group.
    Group(GroupSummary),
}
