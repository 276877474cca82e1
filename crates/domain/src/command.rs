//! Commands, and what must be loaded to decide them.

use std::collections::HashMap;

use rollcall_scim::{
    document::{Document, MemberInput},
    patch::PatchRequest,
};

use crate::{
    ids::{GroupId, UserId},
    operator::{Notice, Told},
    record::{GroupRecord, GroupSummary, MemberRecord, Referent, UserRecord},
};

/// `If-Match`, parsed (RFC 7644 §3.14).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Precondition {
    /// No header, or a malformed one.
    #[default]
    None,
    /// `*`, or one of these `meta.version` numbers.
    Versions(Vec<u64>),
}

impl Precondition {
    /// Whether a resource of this version may be written.
    pub fn allows(&self, version: u64) -> bool {
        match self {
            Self::None => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// One change that somebody asks for. It is atomic: all of it, or a refusal.
#[derive(Clone, Debug)]
pub enum Command {
    /// SCIM `POST /Users`.
    CreateUser {
        /// The new user's attributes.
        document: Document,
    },
    /// SCIM `PUT /Users/{id}`.
    ReplaceUser {
        /// Whom.
        id: UserId,
        /// All attributes.
        document: Document,
        /// Whether the body named `active`; if not, the stored state stays.
        active_given: bool,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// SCIM `PATCH /Users/{id}`.
    PatchUser {
        /// Whom.
        id: UserId,
        /// The operations.
        patch: PatchRequest,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// SCIM `DELETE /Users/{id}`.
    DeleteUser {
        /// Whom.
        id: UserId,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// SCIM `POST /Groups`.
    CreateGroup {
        /// The new group's attributes.
        document: Document,
        /// Its members.
        members: Vec<MemberInput>,
    },
    /// SCIM `PUT /Groups/{id}`.
    ReplaceGroup {
        /// Which.
        id: GroupId,
        /// All attributes.
        document: Document,
        /// All members; `None` leaves them as they are.
        members: Option<Vec<MemberInput>>,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// SCIM `PATCH /Groups/{id}`.
    PatchGroup {
        /// Which.
        id: GroupId,
        /// The operations.
        patch: PatchRequest,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// SCIM `DELETE /Groups/{id}`.
    DeleteGroup {
        /// Which.
        id: GroupId,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// The owner enables the directory.
    ActivateDirectory,
    /// The owner disables the directory.
    DeactivateDirectory,
    /// The owner deletes the directory. Its rows are removed later, piece by piece; to everybody
    /// it is gone at once, with one event.
    DeleteDirectory,
    /// The operator is told something, on a stream of its own.
    TellOperator(Box<Notice>),
}

/// Which member rows of the group a command depends on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum MemberNeeds {
    /// None: the cost of the command does not depend on the group's size.
    #[default]
    None,
    /// The rows of these values, where they exist.
    Values(Vec<String>),
    /// Every row, and the referents of all of them.
    All,
}

/// What must be loaded before a command can be decided.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Needs {
    /// This user, with the groups that it is in. Whom its stored manager names is loaded with it, into
    /// [`Loaded::referents`].
    pub user: Option<UserId>,
    /// This group.
    pub group: Option<GroupId>,
    /// These rows of that group.
    pub members: MemberNeeds,
    /// Who these ids name in the directory, where they name anybody: new members, managers.
    pub referents: Vec<String>,
    /// The counters of all groups that `user` is in (deleting a user touches them).
    pub groups_of_user: bool,
    /// The counters of all groups that `group` is nested in (deleting a group touches them).
    pub groups_of_group: bool,
    /// What the operator was told before.
    pub told: Option<Notice>,
}

/// What was loaded for a command: the answer to its [`Needs`].
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The user, if it exists.
    pub user: Option<UserRecord>,
    /// The group, if it exists.
    pub group: Option<GroupRecord>,
    /// The member rows asked for that exist, by value.
    pub members: HashMap<String, MemberRecord>,
    /// Who the ids asked for are, and with [`MemberNeeds::All`] or [`MemberNeeds::Values`] who the members loaded are.
    pub referents: HashMap<String, Referent>,
    /// The groups that `user` is in, if asked for.
    pub groups_of_user: Vec<GroupSummary>,
    /// The groups that `group` is a nested member of, if asked for.
    pub groups_of_group: Vec<GroupSummary>,
    /// The directory's events so far (`subject.version` of its own events).
    pub directory_event_version: u64,
    /// What the operator was told before.
    pub told: Told,
}
