//! The write path: what goes in, and what the ticket resolves to.
//!
//! Cast: a [`WriteRequest`] in the `queue` with its ticket; the `writer`, the one thread that
//! writes `main.db`, or the threads of `postgres`, which write to a server; for each request `load`,
//! what the domain `decided`, and `persist`, which numbers the `events`; `purge`, which removes what a
//! deleted directory left; the `preview`, which ends before anything is written; the `meters`, and what is `told` to those who wait.

mod change;
mod decided;
mod directories;
mod events;
mod load;
mod meters;
mod persist;
mod postgres;
mod preview;
mod purge;
mod queue;
mod told;
mod writer;

pub(crate) use change::{Applied, Change, Touched, change, heads};
pub(crate) use directories::directory;
pub(crate) use postgres::{Writers, WritersSettings, revision};
pub use preview::Preview;
pub(crate) use queue::{Message, WriteTicket};
pub(crate) use writer::{Writer, failed_change};

use rollcall_domain::{
    Command, Refusal, Reply,
    ids::{DirectoryId, RequestId},
    record::MemberRecord,
};

/// One command for one directory.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// Which directory.
    pub directory_id: DirectoryId,
    /// What to do.
    pub command: Command,
    /// For the event's `cause` and the logs.
    pub request_id: RequestId,
    /// The HTTP method, for the event's `cause`.
    pub method: &'static str,
    /// Return a group's members with the reply if it has at most so many (0: never).
    pub members_up_to: u64,
}

/// A write that is on disk. There is no other way to come by one than a commit.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The state after the write.
    pub reply: Reply,
    /// The group's members, if asked for and few enough.
    pub members: Option<Vec<MemberRecord>>,
    /// How many events it gave; 0 means that nothing changed or only counters did.
    pub events: usize,
    /// The position of its last event, if it gave any.
    pub last_position: Option<u64>,
}

/// Why a write did not happen.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The command was refused; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many writes wait, the disk is too full, or the database cannot be reached: try again after
    /// this many seconds. Nothing changed, with one exception: where the connection to a server was lost
    /// during a commit and what came of it could not be found out, the write may have happened, and a
    /// repeated create is refused as a duplicate.
    #[error("the store does not take writes at the moment: {reason}")]
    Unavailable {
        /// In words, for the log and the answer.
        reason: &'static str,
        /// For `Retry-After`.
        retry_after_seconds: u32,
    },
    /// The database failed; nothing changed. The cause was logged by the store.
    #[error("the store failed")]
    Failed,
}
