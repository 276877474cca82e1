//! The metrics, by name. Labels carry ids and states, never a person's attributes.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// Attempts that ended, by `outcome`: `delivered`, or why it failed.
pub(crate) const ATTEMPTS: &str = "rollcall_attempts_total";
/// How long attempts took, in seconds.
pub(crate) const ATTEMPT_SECONDS: &str = "rollcall_attempt_seconds";
/// From an event's decision to its first 2xx at an endpoint, in seconds.
pub(crate) const LATENCY: &str = "rollcall_delivery_latency_seconds";
/// Positions of the log that an `endpoint` has yet to pass; of endpoints that are behind.
pub(crate) const LAG: &str = "rollcall_lane_lag_events";
/// Endpoints that are not sent to because they fail.
pub(crate) const BREAKERS_OPEN: &str = "rollcall_breakers_open";
/// Attempts under way, by `pool`.
pub(crate) const SLOTS: &str = "rollcall_slots_in_use";
/// Subjects that wait because one of their events failed.
pub(crate) const PARKED: &str = "rollcall_parked_subjects";

/// Shards that this process sends the events of.
pub(crate) const SHARDS_HELD: &str = "rollcall_dispatch_shards_held";
/// Shards that were lost though they were to be kept.
pub(crate) const LEASES_LOST: &str = "rollcall_dispatch_leases_lost_total";

pub(crate) fn describe() {
    // There from the start, though it happens seldom.
    counter!(LEASES_LOST).absolute(0);
    gauge!(SHARDS_HELD).set(0.0);
    describe_counter!(ATTEMPTS, "Attempts that ended, by outcome.");
    describe_histogram!(ATTEMPT_SECONDS, "How long attempts took.");
    describe_histogram!(LATENCY, "From an event's decision to its first 2xx at an endpoint.");
    describe_gauge!(LAG, "Positions of the log that an endpoint has yet to pass.");
    describe_gauge!(BREAKERS_OPEN, "Endpoints that are not sent to because they fail.");
    describe_gauge!(SLOTS, "Attempts under way, by pool.");
    describe_gauge!(SHARDS_HELD, "Shards that this process sends the events of.");
    describe_counter!(LEASES_LOST, "Shards that were lost though they were to be kept.");
    describe_gauge!(PARKED, "Subjects that wait because one of their events failed.");
}
