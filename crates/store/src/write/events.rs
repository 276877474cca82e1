//! Appends decided events to the log: each gets the next position of the shard.

use std::sync::Arc;

use rollcall_domain::directory::Mode;
use rollcall_domain::event::{DecidedEvent, LoggedEvent, SubjectKind};

use super::{directories::DirectoryRow, persist::Problem};
use crate::{
    db::{Db, bind},
    rows,
};

/// Gives one event the next place of a shard and of its directory, and the log its row.
pub(super) fn append(
    c: &Db,
    shard: u16,
    directory: &mut DirectoryRow,
    position: &mut u64,
    event: DecidedEvent,
) -> Result<Arc<LoggedEvent>, Problem> {
    let event = placed(shard, directory, position, event)?;
    c.execute(
        "INSERT INTO events (position, shard, directory_pk, sequence, id, kind, subject_kind, subject_id,
                subject_version, group_id, sandbox, timestamp, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        bind![
            event.position,
            event.shard,
            directory.pk,
            event.sequence,
            event.id.as_str(),
            event.kind as u8,
            rows::subject_kind(event.subject.kind),
            &*event.subject.id,
            event.subject.version,
            event.group_id.as_ref().map(rollcall_domain::ids::GroupId::as_str),
            event.sandbox,
            event.timestamp,
            &*event.body,
        ],
    )?;
    Ok(event)
}

/// Gives one event the next place of a shard and of its directory.
pub(super) fn placed(
    shard: u16,
    directory: &mut DirectoryRow,
    position: &mut u64,
    event: DecidedEvent,
) -> Result<Arc<LoggedEvent>, Problem> {
    if event.sequence != directory.sequence + 1 {
        return Err(Problem::Missing("a sequence without gaps"));
    }
    *position += 1;
    directory.sequence = event.sequence;
    if event.subject.kind == SubjectKind::Directory {
        directory.event_version = event.subject.version;
    }
    directory.dirty = true;
    Ok(Arc::new(LoggedEvent {
        shard,
        position: *position,
        id: event.id,
        kind: event.kind,
        organization_id: directory.directory.organization_id.clone(),
        directory_id: directory.directory.id.clone(),
        sequence: event.sequence,
        subject: event.subject,
        group_id: event.group_id,
        sandbox: directory.directory.mode == Mode::Sandbox,
        timestamp: event.timestamp,
        body: event.body,
    }))
}
