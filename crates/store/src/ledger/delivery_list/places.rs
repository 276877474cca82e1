//! Where there may be deliveries with a status that has rows: dead letters, parked subjects, attempts.

use rollcall_domain::delivery::DeliveryStatus;

use super::{Place, SCAN};
use crate::{
    db::{Db, DbError, bind},
    ledger::deliveries::View,
};

/// In one shard, below a position, the newest first.
pub(super) fn in_one(
    view: &View<'_>,
    number: i64,
    status: DeliveryStatus,
    before: u64,
    limit: usize,
) -> Result<Vec<Place>, DbError> {
    let (sql, most) = match status {
        DeliveryStatus::Dead => (
            "SELECT position FROM ledger.dead_letters WHERE endpoint_pk = $1 AND shard = $2 AND position < $3
             ORDER BY position DESC LIMIT $4",
            limit,
        ),
        // One that was sent by hand after all is passed over later.
        DeliveryStatus::Discarded => (
            "SELECT position FROM ledger.replaced WHERE endpoint_pk = $1 AND shard = $2 AND position < $3
             ORDER BY position DESC LIMIT $4",
            SCAN,
        ),
        // The events behind the first one, and first ones never tried or not tried again.
        DeliveryStatus::Parked => (
            "SELECT e.position FROM ledger.parked p JOIN events e ON e.subject_id = p.subject_id AND e.shard = p.shard
             WHERE p.endpoint_pk = $1 AND p.shard = $2 AND e.position < $3 AND e.position >= p.first_position
             ORDER BY e.position DESC LIMIT $4",
            SCAN,
        ),
        _ => (
            "SELECT first_position FROM ledger.parked WHERE endpoint_pk = $1 AND shard = $2 AND first_position < $3
             ORDER BY first_position DESC LIMIT $4",
            SCAN,
        ),
    };
    let c = view.c;
    let mut all = c.rows(sql, bind![number, view.shard, before, most as u64], |row| row.uint(0))?;
    if status == DeliveryStatus::Retrying {
        // What failed and has not been parked is above the frontier.
        all.extend(c.rows(
            "SELECT DISTINCT position FROM ledger.attempts
             WHERE endpoint_pk = $1 AND shard = $2 AND position > $3 AND position < $4
             ORDER BY position DESC LIMIT $5",
            bind![number, view.shard, view.frontier, before, SCAN as u64],
            |row| row.uint(0),
        )?);
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
    }
    Ok(all.into_iter().map(|position| (view.shard, position)).collect())
}

/// In several shards, of events with lower ids, the newest first.
pub(super) fn in_many(
    c: &Db,
    views: &[View<'_>],
    number: i64,
    status: DeliveryStatus,
    before: &str,
    limit: usize,
) -> Result<Vec<Place>, DbError> {
    let (sql, most) = match status {
        DeliveryStatus::Dead => (
            "SELECT event_id, shard, position FROM ledger.dead_letters WHERE endpoint_pk = $1 AND event_id < $2
             ORDER BY event_id DESC LIMIT $3",
            limit,
        ),
        DeliveryStatus::Discarded => (
            "SELECT e.id, e.shard, e.position
             FROM ledger.replaced r JOIN events e ON e.shard = r.shard AND e.position = r.position
             WHERE r.endpoint_pk = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3",
            SCAN,
        ),
        DeliveryStatus::Parked => (
            "SELECT e.id, e.shard, e.position
             FROM ledger.parked p JOIN events e ON e.subject_id = p.subject_id AND e.shard = p.shard
             WHERE p.endpoint_pk = $1 AND e.id < $2 AND e.position >= p.first_position
             ORDER BY e.id DESC LIMIT $3",
            SCAN,
        ),
        _ => (
            "SELECT e.id, e.shard, e.position
             FROM ledger.parked p JOIN events e ON e.shard = p.shard AND e.position = p.first_position
             WHERE p.endpoint_pk = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3",
            SCAN,
        ),
    };
    let mut all = c.rows(sql, bind![number, before, most as u64], |row| {
        Ok::<_, DbError>((row.get::<String>(0)?, row.get::<u16>(1)?, row.uint(2)?))
    })?;
    if status == DeliveryStatus::Retrying {
        for view in views {
            let share = (SCAN / views.len()) as u64;
            all.extend(c.rows(
                "SELECT DISTINCT e.id, e.position
                 FROM ledger.attempts a JOIN events e ON e.shard = a.shard AND e.position = a.position
                 WHERE a.endpoint_pk = $1 AND a.shard = $2 AND a.position > $3 AND e.id < $4
                 ORDER BY e.id DESC LIMIT $5",
                bind![number, view.shard, view.frontier, before, share],
                |row| Ok::<_, DbError>((row.get(0)?, view.shard, row.uint(1)?)),
            )?);
        }
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
    }
    Ok(all.into_iter().map(|(_, shard, position)| (shard, position)).collect())
}
