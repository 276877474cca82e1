//! Writes a progress batch.

use rollcall_domain::delivery::Attempt;
use rusqlite::{Connection, params};

use super::{DeadLetter, LaneRecord, ParkedRecord, ProgressBatch, endpoints::Endpoints};
use crate::sql::int;

/// Everything in the batch; what belongs to a deleted endpoint is passed over.
pub(super) fn progress(
    c: &Connection,
    endpoints: &mut Endpoints,
    batch: &ProgressBatch,
) -> rusqlite::Result<()> {
    for record in &batch.lanes {
        if let Some(endpoint) = endpoints.number(c, &record.endpoint_id)? {
            lane(c, endpoint, record)?;
        }
    }
    // A subject may go on and park again between two saves: what parked is the later state.
    for (endpoint_id, shard, subject_id) in &batch.unparked {
        if let Some(endpoint) = endpoints.number(c, endpoint_id)? {
            c.prepare_cached("DELETE FROM parked WHERE endpoint_pk = $1 AND shard = $2 AND subject_id = $3")?
                .execute(params![endpoint, shard, subject_id])?;
        }
    }
    for record in &batch.parked {
        if let Some(endpoint) = endpoints.number(c, &record.endpoint_id)? {
            parked(c, endpoint, record)?;
        }
    }
    for record in &batch.attempts {
        if let Some(endpoint) = endpoints.number(c, &record.endpoint_id)? {
            attempt(c, endpoint, record)?;
            if record.error.is_none() {
                revive(c, endpoint, record.shard, record.position)?;
            }
        }
    }
    for (endpoint_id, shard, position) in &batch.revived {
        if let Some(endpoint) = endpoints.number(c, endpoint_id)? {
            revive(c, endpoint, *shard, *position)?;
        }
    }
    for record in &batch.dead {
        if let Some(endpoint) = endpoints.number(c, &record.endpoint_id)? {
            dead(c, endpoint, record)?;
        }
    }
    for id in &batch.manual_done {
        c.prepare_cached("DELETE FROM manual_sends WHERE id = $1")?.execute([id])?;
    }
    Ok(())
}

fn lane(c: &Connection, endpoint: i64, record: &LaneRecord) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO lanes (endpoint_pk, shard, frontier, settled_above, breaker, failing_since)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (endpoint_pk, shard) DO UPDATE SET frontier = excluded.frontier,
            settled_above = excluded.settled_above, breaker = excluded.breaker,
            failing_since = excluded.failing_since",
    )?
    .execute(params![
        endpoint,
        record.shard,
        int(record.frontier),
        serde_json::Value::from(record.settled_above.as_slice()).to_string(),
        record.breaker,
        record.failing_since.map(jiff::Timestamp::as_microsecond),
    ])
    .map(drop)
}

fn parked(c: &Connection, endpoint: i64, record: &ParkedRecord) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO parked (endpoint_pk, shard, subject_id, first_position, attempts, next_at, waits_for,
                endpoint_scope)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (endpoint_pk, shard, subject_id) DO UPDATE SET first_position = excluded.first_position,
            attempts = excluded.attempts, next_at = excluded.next_at, waits_for = excluded.waits_for,
            endpoint_scope = excluded.endpoint_scope",
    )?
    .execute(params![
        endpoint,
        record.shard,
        record.subject_id,
        int(record.first_position),
        record.attempts,
        record.next_at.map(jiff::Timestamp::as_microsecond),
        record.waits_for,
        record.endpoint_scope,
    ])
    .map(drop)
}

fn attempt(c: &Connection, endpoint: i64, record: &Attempt) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO attempts (endpoint_pk, shard, position, id, event_id, number, cause, started_at,
                duration_ms, response_status, error, error_detail, response_body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )?
    .execute(params![
        endpoint,
        record.shard,
        int(record.position),
        record.id.uuid().as_bytes(),
        record.event_id.uuid().as_bytes(),
        record.number,
        record.trigger.as_str(),
        record.started_at.as_microsecond(),
        record.duration_ms,
        record.response_status,
        record.error.map(rollcall_domain::delivery::ErrorClass::as_str),
        record.error_detail,
        record.response_body,
    ])
    .map(drop)
}

/// A dead letter that was delivered after all is none any more.
fn revive(c: &Connection, endpoint: i64, shard: u16, position: u64) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM dead_letters WHERE endpoint_pk = $1 AND position = $2 AND shard = $3")?
        .execute(params![endpoint, int(position), shard])
        .map(drop)
}

/// Unless it was delivered: somebody may have sent it by hand while its lane gave it up.
fn dead(c: &Connection, endpoint: i64, record: &DeadLetter) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO dead_letters (endpoint_pk, shard, position, event_id, subject_id, attempts, died_at)
         SELECT $1, $2, $3, $4, $5, $6, $7
         WHERE NOT EXISTS (SELECT 1 FROM attempts a
            WHERE a.endpoint_pk = $1 AND a.position = $3 AND a.shard = $2 AND a.error IS NULL)
         ON CONFLICT (endpoint_pk, position, shard) DO UPDATE SET attempts = excluded.attempts,
            died_at = excluded.died_at",
    )?
    .execute(params![
        endpoint,
        record.shard,
        int(record.position),
        record.event_id.as_str(),
        record.subject_id,
        record.attempts,
        record.died_at.as_microsecond(),
    ])
    .map(drop)
}
