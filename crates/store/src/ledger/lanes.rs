//! Lanes and parked subjects: saved progress.

use rollcall_domain::ids::EndpointId;

use super::{LaneRecord, ParkedRecord, ProgressBatch, SaveError, Task};
use crate::{
    Store,
    db::{Db, DbError, Row, bind},
    read::ReadError,
    resources::statement,
};

/// Of `lanes l` with `endpoints e`; read by [`lane`].
const LANE: &str = "e.id, l.shard, l.frontier, l.settled_above, l.breaker, l.failing_since";
/// Of `parked p`; read by [`parked`].
const PARKED: &str =
    "p.shard, p.subject_id, p.first_position, p.attempts, p.next_at, p.waits_for, p.endpoint_scope,
     p.replaces";

impl Store {
    /// Every saved lane through a shard (when a dispatcher takes it on). An endpoint without one has
    /// its `start` as its frontier.
    pub async fn load_lanes(&self, shard: u16) -> Result<Vec<LaneRecord>, ReadError> {
        self.read(move |c| {
            Ok(c.rows(
                statement!(
                    "SELECT ",
                    LANE,
                    " FROM ledger.lanes l JOIN ledger.endpoints e ON e.pk = l.endpoint_pk
                     WHERE l.shard = $1 AND e.deleted = 0 ORDER BY e.pk"
                ),
                bind![shard],
                lane,
            )?)
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
            Ok(c.rows(
                statement!(
                    "SELECT ",
                    PARKED,
                    " FROM ledger.parked p WHERE p.endpoint_pk = $1 AND p.shard = $2 ORDER BY p.first_position"
                ),
                bind![number, shard],
                |row| parked(row, &endpoint),
            )?)
        })
        .await
    }

    /// Saves progress; when it returns, a kill of the process does not lose it. `Store(Busy)` is worth
    /// another try.
    pub async fn save_progress(&self, batch: ProgressBatch) -> Result<(), SaveError> {
        let fenced = self.fenced(&batch.epochs);
        if !fenced.is_empty() {
            return Err(SaveError::Fenced(fenced));
        }
        self.inner.ledger.submit(Task::Progress(Box::new(batch))).await
    }
}

/// The number of an endpoint in the ledger, if it has one.
pub(crate) fn number(c: &Db, id: &EndpointId) -> Result<Option<i64>, DbError> {
    c.row("SELECT pk FROM ledger.endpoints WHERE id = $1 AND deleted = 0", bind![id.as_str()], |row| {
        row.get(0)
    })
}

/// A lane's saved progress.
pub(super) fn lane_of(c: &Db, number: i64, shard: u16) -> Result<Option<LaneRecord>, DbError> {
    c.row(
        statement!(
            "SELECT ",
            LANE,
            " FROM ledger.lanes l JOIN ledger.endpoints e ON e.pk = l.endpoint_pk
             WHERE l.endpoint_pk = $1 AND l.shard = $2"
        ),
        bind![number, shard],
        lane,
    )
}

/// The saved progress of all of an endpoint's lanes.
pub(super) fn lanes_of(c: &Db, number: i64) -> Result<Vec<LaneRecord>, DbError> {
    c.rows(
        statement!(
            "SELECT ",
            LANE,
            " FROM ledger.lanes l JOIN ledger.endpoints e ON e.pk = l.endpoint_pk WHERE l.endpoint_pk = $1"
        ),
        bind![number],
        lane,
    )
}

/// The rows of those of these subjects (a JSON array) that are parked.
pub(super) fn parked_among(
    c: &Db,
    endpoint: &EndpointId,
    number: i64,
    shard: u16,
    subjects: &str,
) -> Result<Vec<ParkedRecord>, DbError> {
    c.rows(
        statement!(
            "SELECT ",
            PARKED,
            " FROM ledger.parked p WHERE p.endpoint_pk = $1 AND p.shard = $2
             AND p.subject_id IN (SELECT value FROM json_each($3))"
        ),
        bind![number, shard, subjects],
        |row| parked(row, endpoint),
    )
}

/// A lane's parked subjects by their first unsettled events, at most so many: all, or those that
/// parked only because of this group.
pub(super) fn parked_where(
    c: &Db,
    endpoint: &EndpointId,
    number: i64,
    shard: u16,
    behind: Option<&str>,
    limit: u32,
) -> Result<Vec<ParkedRecord>, DbError> {
    c.rows(
        statement!(
            "SELECT ",
            PARKED,
            " FROM ledger.parked p WHERE p.endpoint_pk = $1 AND p.shard = $2
             AND (CAST($3 AS TEXT) IS NULL OR p.waits_for = $3) ORDER BY p.first_position LIMIT $4"
        ),
        bind![number, shard, behind, limit],
        |row| parked(row, endpoint),
    )
}

fn lane(row: &Row<'_>) -> Result<LaneRecord, DbError> {
    Ok(LaneRecord {
        endpoint_id: row.parsed(0, EndpointId::parse)?,
        shard: row.get(1)?,
        frontier: row.uint(2)?,
        settled_above: row.json(3)?,
        breaker: row.get(4)?,
        failing_since: row.optional_time(5)?,
    })
}

fn parked(row: &Row<'_>, endpoint: &EndpointId) -> Result<ParkedRecord, DbError> {
    Ok(ParkedRecord {
        endpoint_id: endpoint.clone(),
        shard: row.get(0)?,
        subject_id: row.get(1)?,
        first_position: row.uint(2)?,
        attempts: row.get(3)?,
        next_at: row.optional_time(4)?,
        waits_for: row.get(5)?,
        endpoint_scope: row.get(6)?,
        replaces: row.json(7)?,
    })
}
