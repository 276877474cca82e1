//! The metrics, by name. Labels carry ids and states, never a person's attributes.

use metrics::{describe_counter, describe_gauge, describe_histogram};

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

pub(crate) fn describe() {
    describe_counter!(ATTEMPTS, "Attempts that ended, by outcome.");
    describe_histogram!(ATTEMPT_SECONDS, "How long attempts took.");
    describe_histogram!(LATENCY, "From an event's decision to its first 2xx at an endpoint.");
    describe_gauge!(LAG, "Positions of the log that an endpoint has yet to pass.");
    describe_gauge!(BREAKERS_OPEN, "Endpoints that are not sent to because they fail.");
    describe_gauge!(SLOTS, "Attempts under way, by pool.");
    describe_gauge!(PARKED, "Subjects that wait because one of their events failed.");
}
