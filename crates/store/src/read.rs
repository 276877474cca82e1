//! Reads, on connections beside the writer: resources, lists, events.

use std::{collections::BTreeMap, sync::Arc};

use rollcall_domain::{
    endpoint::Scope,
    event::{EventType, LoggedEvent},
    ids::{DirectoryId, EventId, GroupId, OrganizationId, UserId},
    record::{GroupRecord, MemberRecord, Referent, UserRecord},
};
use rollcall_scim::query::ListQuery;

use crate::Store;

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The query would have to look at too many resources (SCIM `tooMany`).
    #[error("the query would have to look at more than {0} resources")]
    TooMany(u64),
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

/// Which events to read, in order of position.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field narrows the result")]
pub struct EventQuery {
    /// Only after this position.
    pub after: u64,
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

impl Store {
    /// A user, with its groups.
    pub async fn user(&self, directory: &DirectoryId, id: &UserId) -> Result<Option<UserRecord>, ReadError> {
        let _ = (directory, id);
        unimplemented!()
    }

    /// A group without its members.
    pub async fn group(&self, directory: &DirectoryId, id: &GroupId) -> Result<Option<GroupRecord>, ReadError> {
        let _ = (directory, id);
        unimplemented!()
    }

    /// A group together with its members, from one snapshot.
    pub async fn group_with_members(&self, directory: &DirectoryId, id: &GroupId) -> Result<Option<(GroupRecord, Vec<MemberRecord>)>, ReadError> {
        let _ = (directory, id);
        unimplemented!()
    }

    /// Users for a SCIM list. An index narrows where the filter allows; the rest is evaluated in
    /// memory on at most `scan_limit` candidates.
    pub async fn list_users(&self, directory: &DirectoryId, query: ListQuery) -> Result<ScimPage<UserRecord>, ReadError> {
        let _ = (directory, query);
        unimplemented!()
    }

    /// Groups for a SCIM list; members are loaded only if the filter or the projection wants them.
    #[expect(clippy::type_complexity, reason = "a group and, where wanted, its members")]
    pub async fn list_groups(&self, directory: &DirectoryId, query: ListQuery) -> Result<ScimPage<(GroupRecord, Option<Vec<MemberRecord>>)>, ReadError> {
        let _ = (directory, query);
        unimplemented!()
    }

    /// Users for `/v1`, by creation, after the id (exclusive); all directories if `None`.
    pub async fn users_after(&self, directory: Option<&DirectoryId>, after: Option<&UserId>, limit: u32) -> Result<Vec<(DirectoryId, UserRecord)>, ReadError> {
        let _ = (directory, after, limit);
        unimplemented!()
    }

    /// Groups for `/v1`, by creation, after the id (exclusive); all directories if `None`.
    pub async fn groups_after(&self, directory: Option<&DirectoryId>, after: Option<&GroupId>, limit: u32) -> Result<Vec<(DirectoryId, GroupRecord)>, ReadError> {
        let _ = (directory, after, limit);
        unimplemented!()
    }

    /// A user of any directory (`/v1`).
    pub async fn find_user(&self, id: &UserId) -> Result<Option<(DirectoryId, UserRecord)>, ReadError> {
        let _ = id;
        unimplemented!()
    }

    /// A group of any directory (`/v1`).
    pub async fn find_group(&self, id: &GroupId) -> Result<Option<(DirectoryId, GroupRecord)>, ReadError> {
        let _ = id;
        unimplemented!()
    }

    /// A group's members in a stable order, after this value (exclusive).
    pub async fn members_after(&self, group: &GroupId, after: Option<&str>, limit: u32) -> Result<Vec<MemberRecord>, ReadError> {
        let _ = (group, after, limit);
        unimplemented!()
    }

    /// Who these ids name in the directory.
    pub async fn referents(&self, directory: &DirectoryId, ids: Vec<String>) -> Result<BTreeMap<String, Referent>, ReadError> {
        let _ = (directory, ids);
        unimplemented!()
    }

    /// Events in order of position.
    pub async fn events(&self, query: EventQuery) -> Result<Vec<Arc<LoggedEvent>>, ReadError> {
        let _ = query;
        unimplemented!()
    }

    /// One event.
    pub async fn event(&self, id: &EventId) -> Result<Option<Arc<LoggedEvent>>, ReadError> {
        let _ = id;
        unimplemented!()
    }

    /// The event at a position.
    pub async fn event_at(&self, shard: u16, position: u64) -> Result<Option<Arc<LoggedEvent>>, ReadError> {
        let _ = (shard, position);
        unimplemented!()
    }

    /// What a lane sends next, by position.
    pub async fn lane_events(&self, query: LaneQuery) -> Result<LaneRead, ReadError> {
        let _ = query;
        unimplemented!()
    }

    /// The events about one subject from this position (inclusive) to that one (inclusive),
    /// by the index on (shard, subject, position).
    pub async fn subject_events(&self, subject_id: &str, from: u64, up_to: u64, limit: u32) -> Result<Vec<Arc<LoggedEvent>>, ReadError> {
        let _ = (subject_id, from, up_to, limit);
        unimplemented!()
    }
}
