//! Ending a replay: by its owner, or when nothing is left of it.

use rollcall_domain::{
    ids::{EndpointId, ReplayId},
    replay::{Replay, ReplayStatus},
};

use super::{COLUMNS, replay};
use crate::{
    Store, clock,
    config_ops::ConfigError,
    db::{Db, DbError, bind},
    read::ReadError,
    write::Touched,
};

impl Store {
    /// Ends a replay: what is under way may still arrive. One that has ended stays as it is.
    pub async fn cancel_replay(&self, id: &ReplayId) -> Result<(), ConfigError> {
        self.end_replay(id, ReplayStatus::Cancelled).await
    }

    /// Ends a replay if its lanes have come to their ends in all shards.
    ///
    /// # Errors
    /// Worth another try.
    pub async fn finish_replay(&self, replay: &Replay) -> Result<(), ReadError> {
        let asked = replay.clone();
        if self.read(move |c| Ok(is_through(c, &asked)?)).await? {
            match self.end_replay(&replay.id, ReplayStatus::Done).await {
                Ok(()) | Err(ConfigError::NotFound) => {}
                Err(_) => return Err(ReadError::Unavailable),
            }
        }
        Ok(())
    }

    async fn end_replay(&self, id: &ReplayId, status: ReplayStatus) -> Result<(), ConfigError> {
        let ended = id.clone();
        let found = self
            .change(move |applied| {
                let c = applied.connection;
                let found = c
                    .row(
                        &format!("SELECT {COLUMNS} FROM replays r WHERE r.id = $1"),
                        bind![ended.as_str()],
                        replay,
                    )?
                    .ok_or(ConfigError::NotFound)?;
                c.execute(
                    "UPDATE replays SET status = $1, finished_at = $2 WHERE id = $3 AND status = 'running'",
                    bind![status.as_str(), clock::now(), ended.as_str()],
                )?;
                applied.touched.push(Touched::Endpoint(found.endpoint_id.clone()));
                Ok(found)
            })
            .await?;
        if found.status == ReplayStatus::Running {
            self.forget_lanes(found.lane_id()).await;
        }
        Ok(())
    }

    /// The lanes of a replay that ended are of no use to anybody; should this fail, the next start does it.
    pub(crate) async fn forget_lanes(&self, lane_id: EndpointId) {
        if let Err(error) = self.inner.ledger.delete_endpoint(lane_id.clone()).await {
            tracing::warn!(lane = %lane_id, %error, "the lanes of a replay are removed at the next start");
        }
    }
}

/// Whether nothing is left to be sent, by what is saved.
fn is_through(c: &Db, replay: &Replay) -> Result<bool, DbError> {
    for (shard, end) in replay.parts() {
        let sql = "SELECT 1 FROM ledger.lanes l JOIN ledger.endpoints e ON e.pk = l.endpoint_pk
                   WHERE e.id = $1 AND e.deleted = 0 AND l.shard = $2 AND l.frontier >= $3
                   AND NOT EXISTS (SELECT 1 FROM ledger.parked p WHERE p.endpoint_pk = l.endpoint_pk AND p.shard = l.shard)";
        if !c.exists(sql, bind![replay.lane_id().as_str(), shard, end])? {
            return Ok(false);
        }
    }
    Ok(true)
}
