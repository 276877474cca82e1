//! Many rows in one statement, on PostgreSQL: a column is an array, `unnest` makes rows of them.

use rollcall_domain::delivery::{Attempt, ErrorClass};
use tokio_postgres::types::ToSql;

use super::{
    DeadLetter, LaneRecord, ParkedRecord,
    merged::{Merged, Place},
    save::{numbers, text},
};
use crate::db::{DbError, Session};

/// Runs a statement whose parameters are arrays.
pub(super) fn write(session: &Session, sql: &str, columns: &[&(dyn ToSql + Sync)]) -> Result<(), DbError> {
    let statement = session.statement(sql)?;
    session.run(session.client().execute(&statement, columns)).map(drop)
}

/// All of it, in the order in which the tables depend on each other.
pub(super) fn progress(session: &Session, merged: &Merged<'_>) -> Result<(), DbError> {
    lanes(session, merged)?;
    let (mut gone, mut waiting) = (Vec::new(), Vec::new());
    for ((endpoint, shard, subject), record) in &merged.parked {
        match record {
            Some(record) => waiting.push((*endpoint, *record)),
            None => gone.push((*endpoint, *shard, *subject)),
        }
    }
    unpark(session, &gone)?;
    park(session, &waiting)?;
    attempts(session, &merged.attempts)?;
    let revived: Vec<Place> = merged.revived.iter().copied().collect();
    revive(session, &revived)?;
    let dead: Vec<(i64, &DeadLetter)> =
        merged.dead.iter().map(|((endpoint, ..), record)| (*endpoint, *record)).collect();
    give_up(session, &dead)?;
    replace(session, merged)?;
    give_notice(session, merged)?;
    if merged.manual_done.is_empty() {
        return Ok(());
    }
    write(session, "DELETE FROM manual_sends WHERE id = ANY($1::bigint[])", &[&merged.manual_done])
}

/// One column of some rows.
fn column<'a, R, T>(rows: &'a [R], value: impl FnMut(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn lanes(session: &Session, merged: &Merged<'_>) -> Result<(), DbError> {
    if merged.lanes.is_empty() {
        return Ok(());
    }
    let rows: Vec<(i64, &LaneRecord)> =
        merged.lanes.iter().map(|((endpoint, _), record)| (*endpoint, *record)).collect();
    write(
        session,
        "INSERT INTO lanes (endpoint_pk, shard, frontier, settled_above, breaker, failing_since)
         SELECT * FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::bigint[])
         ON CONFLICT (endpoint_pk, shard) DO UPDATE SET frontier = excluded.frontier,
            settled_above = excluded.settled_above, breaker = excluded.breaker,
            failing_since = excluded.failing_since",
        &[
            &column(&rows, |(endpoint, _)| *endpoint),
            &column(&rows, |(_, lane)| i32::from(lane.shard)),
            &column(&rows, |(_, lane)| int(lane.frontier)),
            &column(&rows, |(_, lane)| numbers(&lane.settled_above)),
            &column(&rows, |(_, lane)| lane.breaker.as_str()),
            &column(&rows, |(_, lane)| lane.failing_since.map(jiff::Timestamp::as_microsecond)),
        ],
    )
}

fn unpark(session: &Session, rows: &[(i64, u16, &str)]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    write(
        session,
        "DELETE FROM parked p USING unnest($1::bigint[], $2::integer[], $3::text[]) AS r (endpoint, shard, subject)
         WHERE p.endpoint_pk = r.endpoint AND p.shard = r.shard AND p.subject_id = r.subject",
        &[
            &column(rows, |(endpoint, _, _)| *endpoint),
            &column(rows, |(_, shard, _)| i32::from(*shard)),
            &column(rows, |(_, _, subject)| *subject),
        ],
    )
}

fn park(session: &Session, rows: &[(i64, &ParkedRecord)]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    write(
        session,
        "INSERT INTO parked (endpoint_pk, shard, subject_id, first_position, attempts, next_at, waits_for,
                endpoint_scope, replaces)
         SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::text[], $8::integer[], $9::text[])
         ON CONFLICT (endpoint_pk, shard, subject_id) DO UPDATE SET first_position = excluded.first_position,
            attempts = excluded.attempts, next_at = excluded.next_at, waits_for = excluded.waits_for,
            endpoint_scope = excluded.endpoint_scope, replaces = excluded.replaces",
        &[
            &column(rows, |(endpoint, _)| *endpoint),
            &column(rows, |(_, parked)| i32::from(parked.shard)),
            &column(rows, |(_, parked)| parked.subject_id.as_str()),
            &column(rows, |(_, parked)| int(parked.first_position)),
            &column(rows, |(_, parked)| i64::from(parked.attempts)),
            &column(rows, |(_, parked)| parked.next_at.map(jiff::Timestamp::as_microsecond)),
            &column(rows, |(_, parked)| parked.waits_for.as_deref()),
            &column(rows, |(_, parked)| i32::from(parked.endpoint_scope)),
            &column(rows, |(_, parked)| numbers(&parked.replaces)),
        ],
    )
}

/// Where the answer to a commit was lost, the same come again.
fn attempts(session: &Session, rows: &[(i64, &Attempt)]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    write(
        session,
        "INSERT INTO attempts (endpoint_pk, shard, position, id, event_id, number, cause, started_at,
                duration_ms, response_status, error, error_detail, response_body)
         SELECT a, b, c, d, e, f, g, h, i, j, k, l, m
         FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bigint[], $7::text[],
            $8::bigint[], $9::bigint[], $10::integer[], $11::text[], $12::text[], $13::text[])
            WITH ORDINALITY AS r (a, b, c, d, e, f, g, h, i, j, k, l, m, n)
         WHERE NOT EXISTS (SELECT 1 FROM attempts o
            WHERE o.endpoint_pk = r.a AND o.shard = r.b AND o.position = r.c AND o.id = r.d) ORDER BY n",
        &[
            &column(rows, |(endpoint, _)| *endpoint),
            &column(rows, |(_, attempt)| i32::from(attempt.shard)),
            &column(rows, |(_, attempt)| int(attempt.position)),
            &column(rows, |(_, attempt)| attempt.id.uuid().as_bytes().to_vec()),
            &column(rows, |(_, attempt)| attempt.event_id.uuid().as_bytes().to_vec()),
            &column(rows, |(_, attempt)| i64::from(attempt.number)),
            &column(rows, |(_, attempt)| attempt.trigger.as_str()),
            &column(rows, |(_, attempt)| attempt.started_at.as_microsecond()),
            &column(rows, |(_, attempt)| i64::from(attempt.duration_ms)),
            &column(rows, |(_, attempt)| attempt.response_status.map(i32::from)),
            &column(rows, |(_, attempt)| attempt.error.map(ErrorClass::as_str)),
            &column(rows, |(_, attempt)| text(attempt.error_detail.as_deref())),
            &column(rows, |(_, attempt)| text(attempt.response_body.as_deref())),
        ],
    )
}

fn replace(session: &Session, merged: &Merged<'_>) -> Result<(), DbError> {
    if merged.replaced.is_empty() {
        return Ok(());
    }
    let rows: Vec<(Place, u64)> = merged.replaced.iter().map(|(place, by)| (*place, *by)).collect();
    write(
        session,
        "INSERT INTO replaced (endpoint_pk, shard, position, replaced_by)
         SELECT * FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[])
         ON CONFLICT (endpoint_pk, position, shard) DO UPDATE SET replaced_by = excluded.replaced_by",
        &[
            &column(&rows, |((endpoint, ..), _)| *endpoint),
            &column(&rows, |((_, shard, _), _)| i32::from(*shard)),
            &column(&rows, |((.., position), _)| int(*position)),
            &column(&rows, |(_, by)| int(*by)),
        ],
    )
}

/// Seldom more than a few.
fn give_notice(session: &Session, merged: &Merged<'_>) -> Result<(), DbError> {
    if !merged.notices.is_empty() {
        write(
            session,
            "INSERT INTO notices (id, shard, endpoint_id, kind, noticed_at, data)
             SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::integer[], $5::bigint[], $6::text[])
             ON CONFLICT (id) DO NOTHING",
            &[
                &column(&merged.notices, |(_, notice)| notice.id.as_str()),
                &column(&merged.notices, |(shard, _)| i32::from(*shard)),
                &column(&merged.notices, |(_, notice)| notice.endpoint_id.as_str()),
                &column(&merged.notices, |(_, notice)| notice.kind as i32),
                &column(&merged.notices, |(_, notice)| notice.at.as_microsecond()),
                &column(&merged.notices, |(_, notice)| notice.data.to_string()),
            ],
        )?;
    }
    if merged.notices_told.is_empty() {
        return Ok(());
    }
    let told = column(&merged.notices_told, |id| id.as_str());
    write(session, "DELETE FROM notices WHERE id = ANY($1::text[])", &[&told])
}

fn revive(session: &Session, rows: &[Place]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    write(
        session,
        "DELETE FROM dead_letters d USING unnest($1::bigint[], $2::integer[], $3::bigint[]) AS r (endpoint, shard, place)
         WHERE d.endpoint_pk = r.endpoint AND d.shard = r.shard AND d.position = r.place",
        &[
            &column(rows, |(endpoint, _, _)| *endpoint),
            &column(rows, |(_, shard, _)| i32::from(*shard)),
            &column(rows, |(_, _, position)| int(*position)),
        ],
    )
}

fn give_up(session: &Session, rows: &[(i64, &DeadLetter)]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    write(
        session,
        "INSERT INTO dead_letters (endpoint_pk, shard, position, event_id, subject_id, attempts, died_at)
         SELECT r.endpoint, r.shard, r.place, r.event, r.subject, r.attempts, r.at
         FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
            AS r (endpoint, shard, place, event, subject, attempts, at)
         WHERE NOT EXISTS (SELECT 1 FROM attempts a WHERE a.endpoint_pk = r.endpoint AND a.shard = r.shard
            AND a.position = r.place AND a.error IS NULL)
         ON CONFLICT (endpoint_pk, position, shard) DO UPDATE SET attempts = excluded.attempts,
            died_at = excluded.died_at",
        &[
            &column(rows, |(endpoint, _)| *endpoint),
            &column(rows, |(_, dead)| i32::from(dead.shard)),
            &column(rows, |(_, dead)| int(dead.position)),
            &column(rows, |(_, dead)| dead.event_id.as_str()),
            &column(rows, |(_, dead)| dead.subject_id.as_str()),
            &column(rows, |(_, dead)| i64::from(dead.attempts)),
            &column(rows, |(_, dead)| dead.died_at.as_microsecond()),
        ],
    )
}
