//! Reads, on connections beside the writer: resources, lists, events.
//!
//! Cast: the [`pool`] of reader threads; one module for each kind of question. A read is one
//! closure on one connection inside one read transaction, so that all of its statements see the
//! same state.

pub(crate) mod events;
mod groups;
pub(crate) mod lanes;
#[cfg(test)]
mod plans;
mod pool;
mod reader;
mod referents;
mod representation;
mod scim_groups;
mod scim_list;
mod scim_users;
mod shard_events;
mod users;

use std::sync::Arc;

pub(crate) use lanes::head;
pub(crate) use pool::Readers;
pub(crate) use reader::Connector;
use rollcall_domain::{
    endpoint::Scope,
    event::{EventType, LoggedEvent},
    ids::{DirectoryId, OrganizationId},
    shard::Positions,
};
pub(crate) use shard_events::shard_events;

use crate::db::{Db, DbError, bind};

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The query would have to look at too many resources (SCIM `tooMany`).
    #[error("the query would have to look at more than {0} resources")]
    TooMany(u64),
    /// The database cannot be reached at the moment.
    #[error("the database cannot be reached")]
    Unavailable,
    /// All readers were busy for too long.
    #[error("the store is busy")]
    Busy,
    /// The database failed; the cause was logged.
    #[error("the store failed")]
    Failed,
}

/// A page of a SCIM list.
#[derive(Clone, Debug)]
pub struct ScimPage<T> {
    /// The resources of this page, in a stable order.
    pub resources: Vec<T>,
    /// How many match in all.
    pub total: u64,
}

/// Which events to read.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field narrows the result")]
pub struct EventQuery {
    /// Only after this place.
    pub after: Positions,
    pub directory_id: Option<DirectoryId>,
    pub organization_id: Option<OrganizationId>,
    pub types: Vec<EventType>,
    /// A user, a group or a directory; membership events are found under user and group.
    pub subject_id: Option<String>,
    /// At most so many, 1 to 1,000.
    pub limit: u32,
}

/// Which events an endpoint's lane wants next.
#[derive(Clone, Debug)]
pub struct LaneQuery {
    /// Through which shard.
    pub shard: u16,
    /// The endpoint's scope.
    pub scope: Scope,
    /// Empty: every type.
    pub types: Vec<EventType>,
    /// Only after this position.
    pub after: u64,
    /// Only up to this position.
    pub up_to: u64,
    /// At most so many.
    pub limit: u32,
}

/// What a lane read found.
#[derive(Clone, Debug)]
pub struct LaneRead {
    /// The matching events, in order.
    pub events: Vec<Arc<LoggedEvent>>,
    /// Every position up to this one was looked at.
    pub scanned_to: u64,
}

/// What a read of events found.
#[derive(Clone, Debug, Default)]
pub struct EventRead {
    /// The matching events: those of one shard in order of position, and the shards merged by time.
    pub events: Vec<Arc<LoggedEvent>>,
    /// Every position up to this place was looked at: there to go on.
    pub scanned_to: Positions,
}

impl From<DbError> for ReadError {
    fn from(error: DbError) -> Self {
        if error.is_unavailable() {
            tracing::warn!(%error, "a read did not reach the database");
            return Self::Unavailable;
        }
        tracing::error!(%error, "a read failed");
        Self::Failed
    }
}

/// A directory's row key with its numbers of users and groups; `None` if it is gone.
fn directory(c: &Db, id: &DirectoryId) -> Result<Option<(i64, u64, u64)>, DbError> {
    c.row(
        "SELECT pk, user_count, group_count FROM directories WHERE id = $1 AND state <> 'deleted'",
        bind![id.as_str()],
        |row| Ok((row.get(0)?, row.uint(1)?, row.uint(2)?)),
    )
}
