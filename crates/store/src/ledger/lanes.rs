//! Lanes and parked subjects: saved progress.

use rollcall_domain::ids::EndpointId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{LaneRecord, ParkedRecord, ProgressBatch, SaveError, writer::Task};
use crate::{
    Store,
    read::ReadError,
    sql::{json, optional_time, parsed, uint},
};

impl Store {
    /// Every saved lane through a shard (when a dispatcher takes it on). An endpoint without one has
    /// its `start` as its frontier.
    pub async fn load_lanes(&self, shard: u16) -> Result<Vec<LaneRecord>, ReadError> {
        self.read(move |c| {
            Ok(c.prepare_cached(
                "SELECT e.id, l.shard, l.frontier, l.settled_above, l.breaker, l.failing_since
                 FROM ledger.lanes l JOIN ledger.endpoints e ON e.pk = l.endpoint_pk
                 WHERE l.shard = $1 ORDER BY e.pk",
            )?
            .query_map([shard], lane)?
            .collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Every parked subject of an endpoint in a shard, by its first unsettled event.
    pub async fn load_parked(
        &self,
        endpoint: &EndpointId,
        shard: u16,
    ) -> Result<Vec<ParkedRecord>, ReadError> {
        let endpoint = endpoint.clone();
        self.read(move |c| {
            let Some(number) = number(c, &endpoint)? else { return Ok(Vec::new()) };
            Ok(c.prepare_cached(
                "SELECT p.shard, p.subject_id, p.first_position, p.attempts, p.next_at, p.waits_for, p.endpoint_scope
                 FROM ledger.parked p WHERE p.endpoint_pk = $1 AND p.shard = $2 ORDER BY p.first_position",
            )?
            .query_map(params![number, shard], |row| parked(row, &endpoint))?
            .collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Saves progress; when it returns, a kill of the process does not lose it.
    pub async fn save_progress(&self, batch: ProgressBatch) -> Result<(), SaveError> {
        let fenced = self.fenced(&batch.epochs);
        if !fenced.is_empty() {
            return Err(SaveError::Fenced(fenced));
        }
        Ok(self.inner.ledger.submit(Task::Progress(Box::new(batch))).await?)
    }
}

/// The number of an endpoint in the ledger, if it has one.
pub(super) fn number(c: &Connection, id: &EndpointId) -> rusqlite::Result<Option<i64>> {
    c.prepare_cached("SELECT pk FROM ledger.endpoints WHERE id = $1 AND deleted = 0")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()
}

/// A lane's saved progress.
pub(super) fn lane_of(c: &Connection, number: i64, shard: u16) -> rusqlite::Result<Option<LaneRecord>> {
    c.prepare_cached(
        "SELECT e.id, l.shard, l.frontier, l.settled_above, l.breaker, l.failing_since
         FROM ledger.lanes l JOIN ledger.endpoints e ON e.pk = l.endpoint_pk
         WHERE l.endpoint_pk = $1 AND l.shard = $2",
    )?
    .query_row(params![number, shard], lane)
    .optional()
}

/// A subject's row, if it is parked.
pub(super) fn parked_of(
    c: &Connection,
    endpoint: &EndpointId,
    number: i64,
    shard: u16,
    subject: &str,
) -> rusqlite::Result<Option<ParkedRecord>> {
    c.prepare_cached(
        "SELECT p.shard, p.subject_id, p.first_position, p.attempts, p.next_at, p.waits_for, p.endpoint_scope
         FROM ledger.parked p WHERE p.endpoint_pk = $1 AND p.shard = $2 AND p.subject_id = $3",
    )?
    .query_row(params![number, shard, subject], |row| parked(row, endpoint))
    .optional()
}

fn lane(row: &Row<'_>) -> rusqlite::Result<LaneRecord> {
    Ok(LaneRecord {
        endpoint_id: parsed(row, 0, EndpointId::parse)?,
        shard: row.get(1)?,
        frontier: uint(row, 2)?,
        settled_above: json(row, 3)?,
        breaker: row.get(4)?,
        failing_since: optional_time(row, 5)?,
    })
}

fn parked(row: &Row<'_>, endpoint: &EndpointId) -> rusqlite::Result<ParkedRecord> {
    Ok(ParkedRecord {
        endpoint_id: endpoint.clone(),
        shard: row.get(0)?,
        subject_id: row.get(1)?,
        first_position: uint(row, 2)?,
        attempts: row.get(3)?,
        next_at: optional_time(row, 4)?,
        waits_for: row.get(5)?,
        endpoint_scope: row.get(6)?,
    })
}
