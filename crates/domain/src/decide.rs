//! The decision: a command and what was loaded for it in, changes and events or a refusal out.
//!
//! Cast: [`needs`](Command::needs) says what to load; [`decide`] hands the command to [`user`], [`group`],
//! [`directory`] or [`operator`]; [`membership`] works out who joined and who left; the [`journal`] numbers the events.
//!
//! Plot: the new state is made beside the old one, and what to write and to tell is their difference.

mod directory;
mod group;
mod journal;
mod membership;
mod needs;
mod operator;
mod user;

use jiff::Timestamp;
use uuid::Uuid;

use self::journal::Journal;
use crate::{
    command::{Command, Loaded, Precondition},
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
    /// The operator is told, or was before.
    Told,
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

/// Decides a command. Pure, and in time that depends on the command and on what was loaded.
///
/// Nothing to change gives a decision without writes and events, with the present state as its reply.
///
/// # Errors
/// A [`Refusal`]; nothing is to be written then.
pub fn decide(command: &Command, loaded: Loaded, context: &mut Context<'_>) -> Result<Decision, Refusal> {
    if !matches!(
        command,
        Command::ActivateDirectory | Command::DeactivateDirectory | Command::DeleteDirectory
    ) && context.directory.state != DirectoryState::Active
    {
        return Err(Refusal::DirectoryClosed);
    }
    if let Command::TellOperator(notice) = command {
        return Ok(operator::tell(notice, &loaded.told, context));
    }
    let journal = Journal::new(context);
    match command {
        Command::CreateUser { document } => user::create(document, &loaded, journal),
        Command::ReplaceUser { id, document, active_given, precondition } => {
            user::replace(id, document, *active_given, precondition, loaded, journal)
        }
        Command::PatchUser { id, patch, precondition } => {
            user::patch(id, patch, precondition, loaded, journal)
        }
        Command::DeleteUser { id, precondition } => user::delete(id, precondition, loaded, journal),
        Command::CreateGroup { document, members } => group::create(document, members, &loaded, journal),
        Command::ReplaceGroup { id, document, members, precondition } => {
            group::replace(id, document, members.as_deref(), precondition, loaded, journal)
        }
        Command::PatchGroup { id, patch, precondition } => {
            group::patch(id, patch, precondition, loaded, journal)
        }
        Command::DeleteGroup { id, precondition } => group::delete(id, precondition, loaded, journal),
        Command::ActivateDirectory => directory::activate(&loaded, journal),
        Command::DeactivateDirectory => directory::deactivate(&loaded, journal),
        Command::DeleteDirectory => directory::delete(&loaded, journal),
        // See above: it needs no journal.
        Command::TellOperator(_) => Ok(journal.finish(Reply::Told)),
    }
}

/// Refuses a write whose `If-Match` names another version (RFC 7644 §3.14).
fn check(precondition: &Precondition, version: u64) -> Result<(), Refusal> {
    if precondition.allows(version) {
        Ok(())
    } else {
        Err(Refusal::VersionMismatch { current: version.to_string() })
    }
}
