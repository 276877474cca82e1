//! Writes progress, row by row (SQLite) or by column (PostgreSQL).

use std::borrow::Cow;

use rollcall_domain::delivery::{Attempt, ErrorClass};

use super::{DeadLetter, LaneRecord, ParkedRecord, columns, merged::Merged, notices};
use crate::{
    db::{Db, DbError, bind},
    replays,
};

/// All of it, in the order in which the tables depend on each other.
pub(super) fn progress(c: &Db, merged: &Merged<'_>) -> Result<(), DbError> {
    match c {
        Db::Sqlite(_) => by_row(c, merged)?,
        Db::Postgres(session) => columns::progress(session, merged)?,
    }
    // Few, whichever the database.
    let replayed = merged.replayed.iter();
    replays::save(c, replayed.map(|((id, shard), (delivered, failed))| (*id, *shard, *delivered, *failed)))
}

fn by_row(c: &Db, merged: &Merged<'_>) -> Result<(), DbError> {
    for ((endpoint, _), record) in &merged.lanes {
        lane(c, *endpoint, record)?;
    }
    for ((endpoint, shard, subject), record) in &merged.parked {
        match record {
            Some(record) => parked(c, *endpoint, record)?,
            None => {
                c.execute(
                    "DELETE FROM parked WHERE endpoint_pk = $1 AND shard = $2 AND subject_id = $3",
                    bind![*endpoint, *shard, *subject],
                )?;
            }
        }
    }
    for (endpoint, record) in &merged.attempts {
        attempt(c, *endpoint, record)?;
    }
    for (endpoint, shard, position) in &merged.revived {
        c.execute(
            "DELETE FROM dead_letters WHERE endpoint_pk = $1 AND position = $2 AND shard = $3",
            bind![*endpoint, *position, *shard],
        )?;
    }
    for ((endpoint, ..), record) in &merged.dead {
        dead(c, *endpoint, record)?;
    }
    for ((endpoint, shard, position), by) in &merged.replaced {
        c.execute(
            "INSERT INTO replaced (endpoint_pk, shard, position, replaced_by) VALUES ($1, $2, $3, $4)
             ON CONFLICT (endpoint_pk, position, shard) DO UPDATE SET replaced_by = excluded.replaced_by",
            bind![*endpoint, *shard, *position, *by],
        )?;
    }
    for id in &merged.manual_done {
        c.execute("DELETE FROM manual_sends WHERE id = $1", bind![*id])?;
    }
    notices::save(c, merged)?;
    Ok(())
}

fn lane(c: &Db, endpoint: i64, record: &LaneRecord) -> Result<(), DbError> {
    c.execute(
        "INSERT INTO lanes (endpoint_pk, shard, frontier, settled_above, breaker, failing_since)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (endpoint_pk, shard) DO UPDATE SET frontier = excluded.frontier,
            settled_above = excluded.settled_above, breaker = excluded.breaker,
            failing_since = excluded.failing_since",
        bind![
            endpoint,
            record.shard,
            record.frontier,
            numbers(&record.settled_above),
            &record.breaker,
            record.failing_since,
        ],
    )
    .map(drop)
}

/// A JSON array.
pub(super) fn numbers(list: &[u64]) -> String {
    serde_json::Value::from(list).to_string()
}

fn parked(c: &Db, endpoint: i64, record: &ParkedRecord) -> Result<(), DbError> {
    c.execute(
        "INSERT INTO parked (endpoint_pk, shard, subject_id, first_position, attempts, next_at, waits_for,
                endpoint_scope, replaces)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (endpoint_pk, shard, subject_id) DO UPDATE SET first_position = excluded.first_position,
            attempts = excluded.attempts, next_at = excluded.next_at, waits_for = excluded.waits_for,
            endpoint_scope = excluded.endpoint_scope, replaces = excluded.replaces",
        bind![
            endpoint,
            record.shard,
            &record.subject_id,
            record.first_position,
            record.attempts,
            record.next_at,
            &record.waits_for,
            record.endpoint_scope,
            numbers(&record.replaces),
        ],
    )
    .map(drop)
}

fn attempt(c: &Db, endpoint: i64, record: &Attempt) -> Result<(), DbError> {
    let (detail, body) = (text(record.error_detail.as_deref()), text(record.response_body.as_deref()));
    c.execute(
        "INSERT INTO attempts (endpoint_pk, shard, position, id, event_id, number, cause, started_at,
                duration_ms, response_status, error, error_detail, response_body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        bind![
            endpoint,
            record.shard,
            record.position,
            record.id.uuid().as_bytes(),
            record.event_id.uuid().as_bytes(),
            record.number,
            record.trigger.as_str(),
            record.started_at,
            record.duration_ms,
            record.response_status,
            record.error.map(ErrorClass::as_str),
            detail.as_deref(),
            body.as_deref(),
        ],
    )
    .map(drop)
}

/// What a receiver sent may hold the character 0, which PostgreSQL's text cannot.
pub(super) fn text(received: Option<&str>) -> Option<Cow<'_, str>> {
    received.map(|text| {
        if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
    })
}

/// Unless it was delivered: somebody may have sent it by hand while its lane gave it up.
fn dead(c: &Db, endpoint: i64, record: &DeadLetter) -> Result<(), DbError> {
    c.execute(
        "INSERT INTO dead_letters (endpoint_pk, shard, position, event_id, subject_id, attempts, died_at)
         SELECT $1, $2, $3, $4, $5, $6, $7
         WHERE NOT EXISTS (SELECT 1 FROM attempts a
            WHERE a.endpoint_pk = $1 AND a.position = $3 AND a.shard = $2 AND a.error IS NULL)
         ON CONFLICT (endpoint_pk, position, shard) DO UPDATE SET attempts = excluded.attempts,
            died_at = excluded.died_at",
        bind![
            endpoint,
            record.shard,
            record.position,
            record.event_id.as_str(),
            &record.subject_id,
            record.attempts,
            record.died_at,
        ],
    )
    .map(drop)
}
