//! From rows to records: each record's columns, and the function that reads them, side by side.

use bytes::Bytes;
use rollcall_domain::{
    event::{EventType, LoggedEvent, Subject, SubjectKind},
    ids::{DirectoryId, EventId, GroupId, OrganizationId, UserId},
    record::{GroupRecord, GroupRef, GroupSummary, MemberKind, MemberRecord, UserRecord, UserSummary},
};
use rusqlite::Row;

use crate::sql::{corrupt, json, optional_parsed, parsed, time, uint};

/// Of `users u`; read by [`user`].
pub(crate) const USER: &str =
    "u.pk, u.id, u.version, u.event_version, u.created_at, u.updated_at, u.document";

/// A user (its groups are filled in by others) and its row's key.
pub(crate) fn user(row: &Row<'_>) -> rusqlite::Result<(i64, UserRecord)> {
    let record = UserRecord {
        id: parsed(row, 1, UserId::parse)?,
        version: uint(row, 2)?,
        event_version: uint(row, 3)?,
        created_at: time(row, 4)?,
        updated_at: time(row, 5)?,
        document: json(row, 6)?,
        groups: Vec::new(),
    };
    Ok((row.get(0)?, record))
}

/// Of `groups g`; read by [`group`].
pub(crate) const GROUP: &str =
    "g.pk, g.id, g.version, g.event_version, g.created_at, g.updated_at, g.document, g.member_count";

/// A group and its row's key.
pub(crate) fn group(row: &Row<'_>) -> rusqlite::Result<(i64, GroupRecord)> {
    let record = GroupRecord {
        id: parsed(row, 1, GroupId::parse)?,
        version: uint(row, 2)?,
        event_version: uint(row, 3)?,
        created_at: time(row, 4)?,
        updated_at: time(row, 5)?,
        document: json(row, 6)?,
        member_count: uint(row, 7)?,
    };
    Ok((row.get(0)?, record))
}

/// Of `users u`; read by [`user_summary`].
pub(crate) const USER_SUMMARY: &str =
    "u.id, u.external_id, u.user_name, u.email, u.display_name, u.active, u.version, u.event_version";

/// What events about others say of a user.
pub(crate) fn user_summary(row: &Row<'_>) -> rusqlite::Result<UserSummary> {
    Ok(UserSummary {
        id: parsed(row, 0, UserId::parse)?,
        external_id: row.get(1)?,
        user_name: row.get(2)?,
        email: row.get(3)?,
        display_name: row.get(4)?,
        active: row.get(5)?,
        version: uint(row, 6)?,
        event_version: uint(row, 7)?,
    })
}

/// Of `groups g`; read by [`group_summary`].
pub(crate) const GROUP_SUMMARY: &str =
    "g.id, g.external_id, g.display_name, g.version, g.event_version, g.member_count";

/// What events about others say of a group.
pub(crate) fn group_summary(row: &Row<'_>) -> rusqlite::Result<GroupSummary> {
    Ok(GroupSummary {
        id: parsed(row, 0, GroupId::parse)?,
        external_id: row.get(1)?,
        display_name: row.get(2)?,
        version: uint(row, 3)?,
        event_version: uint(row, 4)?,
        member_count: uint(row, 5)?,
    })
}

/// A group as a user's `groups` show it: `g.id, g.external_id, g.display_name` from `from` on.
pub(crate) fn group_ref(row: &Row<'_>, from: usize) -> rusqlite::Result<GroupRef> {
    Ok(GroupRef {
        id: parsed(row, from, GroupId::parse)?,
        external_id: row.get(from + 1)?,
        display_name: row.get(from + 2)?,
    })
}

/// A member: `m.value, m.kind, m.display`.
pub(crate) fn member(row: &Row<'_>) -> rusqlite::Result<MemberRecord> {
    let kind = match row.get(1)? {
        0 => MemberKind::Pending,
        1 => MemberKind::User,
        2 => MemberKind::Group,
        _ => return Err(corrupt(1, "a kind of member")),
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

/// Of [`EVENT_TABLES`] where `d.pk = e.directory_pk`; read by [`event`]. The body comes
/// last.
pub(crate) const EVENT: &str = "e.position, e.shard, e.id, e.kind, d.organization_id, d.id, e.sequence, e.subject_kind, \
     e.subject_id, e.subject_version, e.group_id, e.sandbox, e.timestamp, e.body";

/// [`EVENT`] without the body; read by [`event_head`]. For scans that pass most rows over.
pub(crate) const EVENT_HEAD: &str = "e.position, e.shard, e.id, e.kind, d.organization_id, d.id, e.sequence, e.subject_kind, \
     e.subject_id, e.subject_version, e.group_id, e.sandbox, e.timestamp";

/// Where [`EVENT`] comes from; written so that events are looked up first.
pub(crate) const EVENT_TABLES: &str = "events e CROSS JOIN directories d";

/// An event.
pub(crate) fn event(row: &Row<'_>) -> rusqlite::Result<LoggedEvent> {
    let mut event = event_head(row)?;
    event.body = Bytes::copy_from_slice(row.get_ref(13)?.as_blob()?);
    Ok(event)
}

/// An event without its body: enough for `Endpoint::matches`.
pub(crate) fn event_head(row: &Row<'_>) -> rusqlite::Result<LoggedEvent> {
    let code: u8 = row.get(3)?;
    let subject_kind = match row.get(7)? {
        1 => SubjectKind::User,
        2 => SubjectKind::Group,
        3 => SubjectKind::Directory,
        _ => return Err(corrupt(7, "a kind of subject")),
    };
    Ok(LoggedEvent {
        position: uint(row, 0)?,
        shard: row.get(1)?,
        id: parsed(row, 2, EventId::parse)?,
        kind: EventType::from_code(code).ok_or_else(|| corrupt(3, "an event type"))?,
        organization_id: parsed(row, 4, OrganizationId::parse)?,
        directory_id: parsed(row, 5, DirectoryId::parse)?,
        sequence: uint(row, 6)?,
        subject: Subject { kind: subject_kind, id: row.get::<_, String>(8)?.into(), version: uint(row, 9)? },
        group_id: optional_parsed(row, 10, GroupId::parse)?,
        sandbox: row.get(11)?,
        timestamp: time(row, 12)?,
        body: Bytes::new(),
    })
}

/// Reads the body that belongs to it.
pub(crate) fn with_body(c: &rusqlite::Connection, mut event: LoggedEvent) -> rusqlite::Result<LoggedEvent> {
    event.body = c
        .prepare_cached("SELECT body FROM events WHERE position = $1")?
        .query_row([crate::sql::int(event.position)], |row| {
            Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?))
        })?;
    Ok(event)
}

/// The number that the store keeps for a kind of subject.
pub(crate) const fn subject_kind(kind: SubjectKind) -> i64 {
    match kind {
        SubjectKind::User => 1,
        SubjectKind::Group => 2,
        SubjectKind::Directory => 3,
    }
}
