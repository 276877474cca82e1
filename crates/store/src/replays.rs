//! Replays: made, looked at, ended.
//!
//! Cast: a `range`, which turns sequences and times into positions of each shard and counts what lies in
//! them; `create` and `end`, which change the configuration; `look`, which reads them; `progress`, what the
//! dispatcher saves and asks.
//!
//! Plot: a running replay is a part of its endpoint in the catalog, where the dispatcher finds it. Its lanes are in the
//! ledger under a name of their own ([`Replay::lane_id`]), and go when it ends.

mod create;
mod end;
mod look;
mod progress;
mod range;

use jiff::Timestamp;
use rollcall_domain::{
    ids::{EndpointId, ReplayId},
    replay::{Replay, ReplayFilter, ReplayStatus},
};

use crate::{
    config_ops::ConfigError,
    db::{Db, DbError, Row, bind},
    ledger::BreakerState,
    read::ReadError,
};

pub(crate) use progress::save;
pub(crate) use range::start;

/// A new replay.
#[derive(Clone, Debug)]
pub struct NewReplay {
    /// To whom.
    pub endpoint_id: EndpointId,
    /// Which events.
    pub filter: ReplayFilter,
    /// At most so many attempts per second.
    pub rate_per_second: u32,
}

/// Why a replay was not made.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such endpoint.
    #[error("there is no such endpoint")]
    NoEndpoint,
    /// So many run for the endpoint already.
    #[error("{0} replays run for this endpoint already")]
    TooMany(usize),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] ConfigError),
}

/// A replay with what came of it so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayReport {
    /// The replay.
    pub replay: Replay,
    /// How many of its events were delivered.
    pub delivered: u64,
    /// How many used up their attempts.
    pub failed: u64,
    /// Whether it is being sent, as of now: its own lanes find out whether the endpoint answers.
    pub breaker: BreakerState,
    /// Since when every attempt of it has failed, if so.
    pub failing_since: Option<Timestamp>,
}

/// What happened to events of a replay in a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Which replay.
    pub id: ReplayId,
    /// In which shard.
    pub shard: u16,
    /// So many more were delivered.
    pub delivered: u64,
    /// So many more used up their attempts.
    pub failed: u64,
}

/// Read by [`replay`].
const COLUMNS: &str =
    "r.id, r.endpoint_id, r.filter, r.after_positions, r.up_to_positions, r.rate_per_second, r.total,
     r.status, r.created_at, r.finished_at";

fn replay(row: &Row<'_>) -> Result<Replay, DbError> {
    Ok(Replay {
        id: row.parsed(0, ReplayId::parse)?,
        endpoint_id: row.parsed(1, EndpointId::parse)?,
        filter: row.json::<ReplayFilter>(2)?,
        after: row.json(3)?,
        up_to: row.json(4)?,
        rate_per_second: row.get(5)?,
        total: row.uint(6)?,
        status: row.parsed(7, ReplayStatus::parse)?,
        created_at: row.time(8)?,
        finished_at: row.optional_time(9)?,
    })
}

/// An endpoint's running replays, the oldest first.
pub(crate) fn running(c: &Db, endpoint: &EndpointId) -> Result<Vec<Replay>, DbError> {
    c.rows(
        &format!(
            "SELECT {COLUMNS} FROM replays r WHERE r.endpoint_id = $1 AND r.status = 'running' ORDER BY r.pk"
        ),
        bind![endpoint.as_str()],
        replay,
    )
}

/// Ends an endpoint's running replays, since it is deleted.
pub(crate) fn fail(c: &Db, endpoint: &EndpointId, now: Timestamp) -> Result<(), DbError> {
    c.execute(
        "UPDATE replays SET status = 'failed', finished_at = $1 WHERE endpoint_id = $2 AND status = 'running'",
        bind![now, endpoint.as_str()],
    )
    .map(drop)
}
