//! A replay.

use jiff::Timestamp;
use rollcall_domain::{
    ids::{EndpointId, ReplayId},
    replay::{ReplayFilter, ReplayStatus},
    timestamp,
};
use rollcall_store::replays::ReplayReport;
use serde::Serialize;

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
    #[serde(serialize_with = "timestamp::serialize")]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    finished_at: Option<Timestamp>,
}

impl<'a> From<&'a ReplayReport> for ReplayView<'a> {
    fn from(report: &'a ReplayReport) -> Self {
        let ReplayReport { replay, delivered, failed } = report;
        Self {
            id: &replay.id,
            endpoint_id: &replay.endpoint_id,
            status: replay.status,
            total: replay.total,
            delivered: *delivered,
            failed: *failed,
            filter: &replay.filter,
            rate_per_second: replay.rate_per_second,
            created_at: replay.created_at,
            finished_at: replay.finished_at,
        }
    }
}
