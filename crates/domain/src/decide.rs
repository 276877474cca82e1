//! The decision: a command and what was loaded for it in, changes and events or a refusal out.

use jiff::Timestamp;
use rollcall_scim::document::Document;
use uuid::Uuid;

use crate::{
    command::{Command, Loaded, Needs},
    directory::{Directory, DirectoryState},
    event::{Cause, DecidedEvent},
    ids::{GroupId, UserId},
    record::{GroupRecord, MemberRecord, UserRecord},
    refusal::Refusal,
};

/// What a decision needs to know beside the command: the time, where ids come from, and the
/// directory with its counters.
pub struct Context<'a> {
    /// The time of the decision.
    pub now: Timestamp,
    /// Gives a new UUIDv7 at each call.
    pub new_uuid: &'a mut dyn FnMut() -> Uuid,
    /// The directory.
    pub directory: &'a Directory,
    /// The directory's last sequence; the first event gets the next one.
    pub last_sequence: u64,
    /// Who asked for it.
    pub cause: Cause,
}

/// One row to write. They are to be persisted in their order, all or none.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A new user. The uniqueness of its userName is the store's to enforce.
    InsertUser(UserRecord),
    /// A user's new state (document, versions, updated_at).
    UpdateUser(UserRecord),
    /// Only the counters of a user changed, because a membership did.
    TouchUser {
        /// Whom.
        id: UserId,
        /// The new `version`.
        version: u64,
        /// The new `event_version`.
        event_version: u64,
    },
    /// A user is gone (its member rows are removed by their own writes, before).
    DeleteUser(UserId),
    /// A new group.
    InsertGroup(GroupRecord),
    /// A group's new state.
    UpdateGroup(GroupRecord),
    /// Only the counters of a group changed, because a membership did.
    TouchGroup {
        /// Which.
        id: GroupId,
        /// The new `version`.
        version: u64,
        /// The new `event_version`.
        event_version: u64,
        /// The new `member_count`.
        member_count: u64,
        /// The new `updated_at`.
        updated_at: Timestamp,
    },
    /// A group is gone (its member rows are removed by their own writes, before).
    DeleteGroup(GroupId),
    /// A new member row.
    AddMember {
        /// Of which group.
        group: GroupId,
        /// The row.
        member: MemberRecord,
    },
    /// A member row is gone.
    RemoveMember {
        /// Of which group.
        group: GroupId,
        /// SCIM `members.value`.
        value: String,
    },
    /// The directory's state changed.
    SetDirectoryState(DirectoryState),
}

/// The state that the answer is built from.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The user after the write.
    User(UserRecord),
    /// The group after the write.
    Group(GroupRecord),
    /// It is gone.
    Deleted,
    /// The directory after the change.
    Directory(Directory),
}

/// What a command comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Rows to write; empty if nothing changed.
    pub writes: Vec<Write>,
    /// Events to append, in order, their sequences following `Context::last_sequence`.
    pub events: Vec<DecidedEvent>,
    /// What to answer with.
    pub reply: Reply,
}

impl Command {
    /// What must be loaded for this command.
    pub fn needs(&self) -> Needs {
        unimplemented!()
    }
}

/// Decides a command. Pure, and in time that depends on the command and on what was loaded.
pub fn decide(command: &Command, loaded: Loaded, context: &mut Context<'_>) -> Result<Decision, Refusal> {
    let _ = (command, loaded, context, Document::default());
    unimplemented!()
}
