//! Looking at replays.

use rollcall_domain::{
    ids::{EndpointId, ReplayId},
    replay::ReplayStatus,
};

use super::{COLUMNS, ReplayReport, replay};
use crate::{
    Store,
    db::{Db, DbError, Row, bind},
    ledger::{BreakerState, health},
    read::ReadError,
};

const REPORT: &str = "
    (SELECT CAST(COALESCE(SUM(p.delivered), 0) AS BIGINT) FROM ledger.replay_progress p WHERE p.replay_id = r.id),
    (SELECT CAST(COALESCE(SUM(p.failed), 0) AS BIGINT) FROM ledger.replay_progress p WHERE p.replay_id = r.id)";

impl Store {
    /// A replay with what came of it so far.
    pub async fn replay(&self, id: &ReplayId) -> Result<Option<ReplayReport>, ReadError> {
        let id = id.clone();
        self.read(move |c| {
            let sql = format!("SELECT {COLUMNS}, {REPORT} FROM replays r WHERE r.id = $1");
            Ok(c.row(&sql, bind![id.as_str()], report)?.map(|report| with_health(c, report)).transpose()?)
        })
        .await
    }

    /// Replays, the newest first: all, or an endpoint's; those older than `before`.
    pub async fn replays(
        &self,
        endpoint: Option<EndpointId>,
        before: Option<ReplayId>,
        limit: u32,
    ) -> Result<Vec<ReplayReport>, ReadError> {
        self.read(move |c| {
            let sql = format!(
                "SELECT {COLUMNS}, {REPORT} FROM replays r
                 WHERE (CAST($1 AS TEXT) IS NULL OR r.endpoint_id = $1) AND (CAST($2 AS TEXT) IS NULL OR r.id < $2)
                 ORDER BY r.id DESC LIMIT $3"
            );
            let (endpoint, before) = (
                endpoint.as_ref().map(EndpointId::as_str),
                before.as_ref().map(ReplayId::as_str),
            );
            let found = c.rows(&sql, bind![endpoint, before, limit], report)?;
            Ok(found.into_iter().map(|report| with_health(c, report)).collect::<Result<_, DbError>>()?)
        })
        .await
    }
}

fn report(row: &Row<'_>) -> Result<ReplayReport, DbError> {
    Ok(ReplayReport {
        replay: replay(row)?,
        delivered: row.uint(10)?,
        failed: row.uint(11)?,
        breaker: BreakerState::default(),
        failing_since: None,
    })
}

/// How it fares, by what is saved of its lanes.
fn with_health(c: &Db, mut report: ReplayReport) -> Result<ReplayReport, DbError> {
    if report.replay.status == ReplayStatus::Running {
        (report.breaker, report.failing_since) = health(c, &report.replay.lane_id())?;
    }
    Ok(report)
}
