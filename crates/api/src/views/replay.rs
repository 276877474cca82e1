//! A replay.

use jiff::Timestamp;
use rollcall_domain::{
    ids::{EndpointId, ReplayId},
    replay::{ReplayFilter, ReplayStatus},
    timestamp,
};
use rollcall_store::replays::ReplayReport;
use serde::Serialize;

use super::endpoint::BreakerView;

/// A replay with what came of it so far.
#[derive(Serialize)]
pub(crate) struct ReplayView<'a> {
    id: &'a ReplayId,
    endpoint_id: &'a EndpointId,
    status: ReplayStatus,
    /// How many events it had when it was made.
    total: u64,
    delivered: u64,
    /// Events that used up their attempts.
    failed: u64,
    #[serde(flatten)]
    filter: &'a ReplayFilter,
    rate_per_second: u32,
    #[serde(flatten)]
    breaker: Option<BreakerView>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    failing_since: Option<Timestamp>,
    #[serde(serialize_with = "timestamp::serialize")]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    finished_at: Option<Timestamp>,
}

impl<'a> From<&'a ReplayReport> for ReplayView<'a> {
    fn from(report: &'a ReplayReport) -> Self {
        let ReplayReport { replay, delivered, failed, breaker, failing_since } = report;
        Self {
            id: &replay.id,
            endpoint_id: &replay.endpoint_id,
            status: replay.status,
            total: replay.total,
            delivered: *delivered,
            failed: *failed,
            filter: &replay.filter,
            rate_per_second: replay.rate_per_second,
            breaker: (replay.status == ReplayStatus::Running).then(|| (*breaker).into()),
            failing_since: *failing_since,
            created_at: replay.created_at,
            finished_at: replay.finished_at,
        }
    }
}
