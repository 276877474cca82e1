//! The metrics, by name.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Gauge: 1 while what this process says reaches the others, 0 while Redis is away.
pub const CONNECTED: &str = "rollcall_coordination_connected";
/// Gauge: processes that were heard of in the last seconds, this one included.
pub const PROCESSES: &str = "rollcall_coordination_processes";
/// Counter: connections to Redis that were lost.
pub const LOST: &str = "rollcall_coordination_connections_lost_total";
/// Histogram: seconds that a round trip to Redis took, of those that were answered.
pub const ROUND_TRIP: &str = "rollcall_coordination_round_trip_seconds";
/// Counter, by `kind` (`breaker`, `activity`, `message`): what was not shared, because there was
/// no room for it or it made no sense.
pub const DROPPED: &str = "rollcall_coordination_dropped_total";

/// The help texts.
pub fn describe() {
    describe_gauge!(CONNECTED, "1 while this process shares with the others, 0 while Redis is away.");
    describe_gauge!(PROCESSES, "Processes that share with each other, this one included.");
    describe_counter!(LOST, "Connections to Redis that were lost.");
    describe_histogram!(ROUND_TRIP, metrics::Unit::Seconds, "How long a round trip to Redis took.");
    describe_counter!(DROPPED, "What was not shared for want of room or sense, by kind.");
}

/// All of them are there from the start, so that an alert sees a number and not nothing. A process
/// that has nobody to reach counts as connected.
pub fn register() {
    metrics::gauge!(CONNECTED).set(1.0);
    metrics::gauge!(PROCESSES).set(1.0);
    metrics::counter!(LOST).increment(0);
    let _ = metrics::histogram!(ROUND_TRIP);
    for dropped in [Dropped::Breaker, Dropped::Activity, Dropped::Message] {
        metrics::counter!(DROPPED, "kind" => dropped.kind()).increment(0);
    }
}

/// What was dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dropped {
    Breaker,
    Activity,
    Message,
}

impl Dropped {
    pub(crate) fn count(self) {
        metrics::counter!(DROPPED, "kind" => self.kind()).increment(1);
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Activity => "activity",
            Self::Message => "message",
        }
    }
}
