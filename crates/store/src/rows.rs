//! From rows to records: each record's columns, and the function that reads them, side by side.

use std::{collections::HashMap, ops::ControlFlow};

use crate::db::{Db, DbError, Row, bind};
use bytes::Bytes;
use rollcall_domain::{
    event::{EventType, LoggedEvent, Subject, SubjectKind},
    ids::{DirectoryId, EventId, GroupId, OrganizationId, UserId},
    record::{GroupRecord, GroupRef, GroupSummary, MemberKind, MemberRecord, UserRecord, UserSummary},
};

/// Of `users u`; read by [`user`].
pub(crate) const USER: &str =
    "u.pk, u.id, u.version, u.event_version, u.created_at, u.updated_at, u.document";

/// A user (its groups are filled in by others) and its row's key.
pub(crate) fn user(row: &Row<'_>) -> Result<(i64, UserRecord), DbError> {
    let record = UserRecord {
        id: row.parsed(1, UserId::parse)?,
        version: row.uint(2)?,
        event_version: row.uint(3)?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
        document: row.json(6)?,
        groups: Vec::new(),
    };
    Ok((row.get(0)?, record))
}

/// Of `groups g`; read by [`group`].
pub(crate) const GROUP: &str =
    "g.pk, g.id, g.version, g.event_version, g.created_at, g.updated_at, g.document, g.member_count";

/// A group and its row's key.
pub(crate) fn group(row: &Row<'_>) -> Result<(i64, GroupRecord), DbError> {
    let record = GroupRecord {
        id: row.parsed(1, GroupId::parse)?,
        version: row.uint(2)?,
        event_version: row.uint(3)?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
        document: row.json(6)?,
        member_count: row.uint(7)?,
    };
    Ok((row.get(0)?, record))
}

/// Of `users u`; read by [`user_summary`].
pub(crate) const USER_SUMMARY: &str =
    "u.id, u.external_id, u.user_name, u.email, u.display_name, u.active, u.version, u.event_version";

/// What events about others say of a user.
pub(crate) fn user_summary(row: &Row<'_>) -> Result<UserSummary, DbError> {
    Ok(UserSummary {
        id: row.parsed(0, UserId::parse)?,
        external_id: row.get(1)?,
        user_name: row.get(2)?,
        email: row.get(3)?,
        display_name: row.get(4)?,
        active: row.get(5)?,
        version: row.uint(6)?,
        event_version: row.uint(7)?,
    })
}

/// Of `groups g`; read by [`group_summary`].
pub(crate) const GROUP_SUMMARY: &str =
    "g.id, g.external_id, g.display_name, g.version, g.event_version, g.member_count";

/// What events about others say of a group.
pub(crate) fn group_summary(row: &Row<'_>) -> Result<GroupSummary, DbError> {
    Ok(GroupSummary {
        id: row.parsed(0, GroupId::parse)?,
        external_id: row.get(1)?,
        display_name: row.get(2)?,
        version: row.uint(3)?,
        event_version: row.uint(4)?,
        member_count: row.uint(5)?,
    })
}

/// A group as a user's `groups` show it: `g.id, g.external_id, g.display_name` from `from` on.
pub(crate) fn group_ref(row: &Row<'_>, from: usize) -> Result<GroupRef, DbError> {
    Ok(GroupRef {
        id: row.parsed(from, GroupId::parse)?,
        external_id: row.get(from + 1)?,
        display_name: row.get(from + 2)?,
    })
}

/// A member: `m.value, m.kind, m.display`.
pub(crate) fn member(row: &Row<'_>) -> Result<MemberRecord, DbError> {
    let kind = match row.get::<i64>(1)? {
        0 => MemberKind::Pending,
        1 => MemberKind::User,
        2 => MemberKind::Group,
        _ => return Err(DbError::Corrupt { column: 1, wanted: "a kind of member" }),
    };
    Ok(MemberRecord { value: row.get(0)?, kind, display: row.get(2)? })
}

/// The number that the store keeps for a kind of member.
pub(crate) const fn member_kind(kind: MemberKind) -> i64 {
    match kind {
        MemberKind::Pending => 0,
        MemberKind::User => 1,
        MemberKind::Group => 2,
    }
}

/// Of [`EVENT_TABLES`]; read by [`event`]. The body comes last.
pub(crate) const EVENT: &str = "e.position, e.shard, e.id, e.kind, d.organization_id, d.id, e.sequence, e.subject_kind, \
     e.subject_id, e.subject_version, e.group_id, e.sandbox, e.timestamp, e.body";

/// [`EVENT`] without the body; read by [`event_head`]. For scans that pass most rows over.
pub(crate) const EVENT_HEAD: &str = "e.position, e.shard, e.id, e.kind, d.organization_id, d.id, e.sequence, e.subject_kind, \
     e.subject_id, e.subject_version, e.group_id, e.sandbox, e.timestamp";

/// Where [`EVENT`] comes from; written so that events are looked up first.
pub(crate) const EVENT_TABLES: &str = "events e CROSS JOIN directories d ON d.pk = e.directory_pk";

/// An event.
pub(crate) fn event(row: &Row<'_>) -> Result<LoggedEvent, DbError> {
    let mut event = event_head(row)?;
    event.body = Bytes::copy_from_slice(row.get::<&[u8]>(13)?);
    Ok(event)
}

/// An event without its body: enough for `Endpoint::matches`.
pub(crate) fn event_head(row: &Row<'_>) -> Result<LoggedEvent, DbError> {
    let code: u8 = row.get(3)?;
    let subject_kind = match row.get::<i64>(7)? {
        1 => SubjectKind::User,
        2 => SubjectKind::Group,
        3 => SubjectKind::Directory,
        4 => SubjectKind::Endpoint,
        _ => return Err(DbError::Corrupt { column: 7, wanted: "a kind of subject" }),
    };
    Ok(LoggedEvent {
        position: row.uint(0)?,
        shard: row.get(1)?,
        id: row.parsed(2, EventId::parse)?,
        kind: EventType::from_code(code).ok_or(DbError::Corrupt { column: 3, wanted: "an event type" })?,
        organization_id: row.parsed(4, OrganizationId::parse)?,
        directory_id: row.parsed(5, DirectoryId::parse)?,
        sequence: row.uint(6)?,
        subject: Subject { kind: subject_kind, id: row.get::<&str>(8)?.into(), version: row.uint(9)? },
        group_id: row.optional_parsed(10, GroupId::parse)?,
        sandbox: row.get(11)?,
        timestamp: row.time(12)?,
        body: Bytes::new(),
    })
}

/// Reads the body that belongs to it.
pub(crate) fn with_body(c: &Db, mut event: LoggedEvent) -> Result<LoggedEvent, DbError> {
    event.body = c
        .row(
            "SELECT body FROM events WHERE shard = $1 AND position = $2",
            bind![event.shard, event.position],
            |row| Ok::<_, DbError>(Bytes::copy_from_slice(row.get(0)?)),
        )?
        .ok_or(DbError::Corrupt { column: 0, wanted: "an event's body" })?;
    Ok(event)
}

/// Adds the bodies that belong to these events of one shard.
pub(crate) fn add_bodies(c: &Db, shard: u16, mut events: Vec<&mut LoggedEvent>) -> Result<(), DbError> {
    let positions = serde_json::Value::from_iter(events.iter().map(|event| event.position)).to_string();
    let mut bodies: HashMap<u64, Bytes> = HashMap::with_capacity(events.len());
    c.each(
        "SELECT e.position, e.body FROM json_each($1) j CROSS JOIN events e ON e.position = CAST(j.value AS BIGINT)
         WHERE e.shard = $2",
        bind![positions, shard],
        |row| {
            bodies.insert(row.uint(0)?, Bytes::copy_from_slice(row.get(1)?));
            Ok::<_, DbError>(ControlFlow::Continue(()))
        },
    )?;
    for event in &mut events {
        event.body = bodies
            .remove(&event.position)
            .ok_or(DbError::Corrupt { column: 1, wanted: "an event's body" })?;
    }
    Ok(())
}

/// The number that the store keeps for a kind of subject.
pub(crate) const fn subject_kind(kind: SubjectKind) -> i64 {
    match kind {
        SubjectKind::User => 1,
        SubjectKind::Group => 2,
        SubjectKind::Directory => 3,
        SubjectKind::Endpoint => 4,
    }
}
