//! Making a replay.

use rollcall_domain::{
    ids::ReplayId,
    replay::{Replay, ReplayStatus},
};

use super::{NewReplay, ReplayError, range, running};
use crate::{
    Store, clock,
    config_ops::{ConfigError, json},
    db::bind,
    write::Touched,
};

/// At most so many ended ones are kept.
const KEPT: i64 = 1_000;

impl Store {
    /// Makes a replay of what is in the log now. It runs until its events are delivered or given up.
    pub async fn create_replay(&self, new: NewReplay) -> Result<Replay, ReplayError> {
        let NewReplay { endpoint_id, filter, rate_per_second } = new;
        let entry = self.catalog().endpoints.get(&endpoint_id).cloned().ok_or(ReplayError::NoEndpoint)?;
        let shards = self.shards();
        let range = {
            let (endpoint, filter) = (entry.endpoint.clone(), filter.clone());
            self.read(move |c| Ok(range::find(c, &endpoint, &filter, shards)?)).await?
        };
        let replay = Replay {
            id: ReplayId::from_uuid(clock::new_uuid()),
            endpoint_id,
            filter,
            after: range.after,
            up_to: range.up_to,
            rate_per_second: rate_per_second.clamp(1, Replay::MAX_RATE),
            total: range.total,
            // Where there is nothing to be sent, nobody would ever end it.
            status: if range.total == 0 { ReplayStatus::Done } else { ReplayStatus::Running },
            created_at: clock::now(),
            finished_at: (range.total == 0).then(clock::now),
        };
        let made = replay.clone();
        let written = self.change(move |applied| {
            let c = applied.connection;
            if !c.exists("SELECT 1 FROM endpoints WHERE id = $1", bind![made.endpoint_id.as_str()])? {
                return Err(ConfigError::NotFound);
            }
            if running(c, &made.endpoint_id)?.len() >= Replay::MAX_RUNNING {
                return Err(ConfigError::Conflict("endpoint_id"));
            }
            c.execute(
                "INSERT INTO replays (id, endpoint_id, lane_id, status, filter, after_positions, up_to_positions,
                        rate_per_second, total, created_at, finished_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                bind![
                    made.id.as_str(),
                    made.endpoint_id.as_str(),
                    made.lane_id().as_str(),
                    made.status.as_str(),
                    json(&made.filter),
                    json(&made.after),
                    json(&made.up_to),
                    made.rate_per_second,
                    made.total,
                    made.created_at,
                    made.finished_at,
                ],
            )?;
            c.execute(
                "DELETE FROM replays WHERE status <> 'running'
                 AND pk <= (SELECT MAX(pk) FROM replays) - $1",
                bind![KEPT],
            )?;
            applied.touched.push(Touched::Endpoint(made.endpoint_id));
            Ok(())
        });
        match written.await {
            Ok(()) => Ok(replay),
            Err(ConfigError::NotFound) => Err(ReplayError::NoEndpoint),
            Err(ConfigError::Conflict(_)) => Err(ReplayError::TooMany(Replay::MAX_RUNNING)),
            Err(error) => Err(error.into()),
        }
    }
}
