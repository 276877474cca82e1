//! The names of this crate's metrics.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Gauge: events that are committed in the shards that this process relays, and not yet on Kafka.
pub const RELAY_LAG: &str = "rollcall_relay_lag_events";
/// Gauge: shards that this process relays.
pub const RELAY_SHARDS: &str = "rollcall_relay_shards";
/// Counter: events that were put on Kafka.
pub const RELAYED: &str = "rollcall_relay_events_total";
/// Counter: producers that were given up after an error.
pub const REBUILDS: &str = "rollcall_relay_producer_rebuilds_total";
/// Counter: records that were read from Kafka.
pub const CONSUMED: &str = "rollcall_feed_records_total";
/// Counter: records on the topic that are no events of ours.
pub const FOREIGN: &str = "rollcall_feed_foreign_records_total";
/// Gauge: shards that are assigned to this process for dispatch.
pub const ASSIGNED: &str = "rollcall_feed_shards_assigned";
/// Gauge: 1 while Kafka answers, 0 while it does not.
pub const CONNECTED: &str = "rollcall_feed_connected";

/// Tells the recorder what they are.
pub(crate) fn describe() {
    describe_gauge!(RELAY_LAG, Unit::Count, "committed events that are not yet on Kafka");
    describe_gauge!(RELAY_SHARDS, Unit::Count, "shards that this process relays to Kafka");
    describe_counter!(RELAYED, Unit::Count, "events that were put on Kafka");
    describe_counter!(REBUILDS, Unit::Count, "producers that were given up after an error");
    describe_counter!(CONSUMED, Unit::Count, "records that were read from Kafka");
    describe_counter!(FOREIGN, Unit::Count, "records on the topic that are no events of Rollcall");
    describe_gauge!(ASSIGNED, Unit::Count, "shards that are assigned to this process for dispatch");
    describe_gauge!(CONNECTED, Unit::Count, "whether Kafka answers");
}

/// Makes every series, with 0: a dashboard shows a number where nothing has happened yet. Without Kafka
/// there is nothing to be connected to, which is as good.
pub fn register() {
    for name in [RELAY_LAG, RELAY_SHARDS, ASSIGNED] {
        gauge!(name).set(0.0);
    }
    gauge!(CONNECTED).set(1.0);
    for name in [RELAYED, REBUILDS, CONSUMED, FOREIGN] {
        counter!(name).increment(0);
    }
}
