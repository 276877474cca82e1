//! What the dispatcher saves of replays, and asks of what was delivered before.

use std::{collections::HashSet, sync::Arc};

use rollcall_domain::{endpoint::Endpoint, ids::ReplayId};

use crate::{
    Store,
    db::{Db, DbError, bind},
    ledger::number,
    read::ReadError,
};

/// Of an event (`e`) that was never delivered, nor will be by the endpoint's own lane. The parameters of these names
/// are the position after which that lane began, and the endpoint's number in the ledger or null.
pub(super) fn is_undelivered(start: &str, number: &str) -> String {
    format!(
        "(e.position <= {start} OR EXISTS (SELECT 1 FROM ledger.dead_letters x
            WHERE x.endpoint_pk = {number} AND x.position = e.position AND x.shard = e.shard))
         AND NOT EXISTS (SELECT 1 FROM ledger.attempts a
            WHERE a.endpoint_pk = {number} AND a.position = e.position AND a.shard = e.shard AND a.error IS NULL)"
    )
}

impl Store {
    /// Those of these positions of a shard whose events the endpoint was never delivered, nor will be by its own lane.
    pub async fn undelivered(
        &self,
        endpoint: &Arc<Endpoint>,
        shard: u16,
        positions: Vec<u64>,
    ) -> Result<HashSet<u64>, ReadError> {
        let endpoint = Arc::clone(endpoint);
        self.read(move |c| {
            let number = number(c, &endpoint.id)?;
            let sql = format!(
                "SELECT e.position FROM json_each($1) j
                 CROSS JOIN events e ON e.shard = $2 AND e.position = CAST(j.value AS BIGINT) WHERE {}",
                is_undelivered("$3", "$4")
            );
            let positions = serde_json::Value::from(positions).to_string();
            let start = endpoint.start.at(shard);
            Ok(c.rows(&sql, bind![positions, shard, start, number], |row| row.uint(0))?.into_iter().collect())
        })
        .await
    }
}

/// Adds to what came of replays' events: replay, shard, delivered, failed.
pub(crate) fn save<'a>(
    c: &Db,
    replayed: impl Iterator<Item = (&'a ReplayId, u16, u64, u64)>,
) -> Result<(), DbError> {
    for (id, shard, delivered, failed) in replayed {
        c.execute(
            "INSERT INTO replay_progress (replay_id, shard, delivered, failed) VALUES ($1, $2, $3, $4)
             ON CONFLICT (replay_id, shard) DO UPDATE SET delivered = replay_progress.delivered + excluded.delivered,
                failed = replay_progress.failed + excluded.failed",
            bind![id.as_str(), shard, delivered, failed],
        )?;
    }
    Ok(())
}
