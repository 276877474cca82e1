//! How the dispatcher shares what it has.

use serde::{Deserialize, Serialize};

/// The dispatcher's settings. Every number is a bound on something that could otherwise grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Attempts under way at the same time, of lanes that answer quickly.
    pub fast_slots: usize,
    /// Attempts under way at the same time, of lanes that answer slowly or not at all.
    pub slow_slots: usize,
    /// Attempts under way at the same time for one organization (its own endpoints).
    pub slots_per_organization: usize,
    /// Attempts under way at the same time to one destination (host and port), whosever endpoints are
    /// there; in each of the two pools.
    pub slots_per_host: usize,
    /// Subjects that may be parked in one lane; beyond it the lane takes no further events until
    /// some of them go on. Nothing is lost: they stay in the log.
    pub max_parked_per_lane: usize,
    /// Attempts whose record is not saved yet; beyond it no new attempt begins.
    pub max_unsaved_attempts: usize,
    /// Reads of the store under way at the same time.
    pub store_reads: usize,
    /// Bytes of events that were read from the store and are not settled yet, over all endpoints.
    /// Beyond it, an endpoint that lags reads on only when it has nothing else to send, and little.
    pub max_held_bytes: usize,
    /// An endpoint whose every attempt has failed for so many seconds is disabled. Its place is kept.
    pub disable_after_seconds: u64,
    /// Idle connections kept open for one host.
    pub idle_connections_per_host: usize,
    /// When another process is to have a shard, attempts under way may take so many seconds to end
    /// before they are cut off, to be made again there. At most the lease of a shard, 6 s.
    pub drain_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fast_slots: 512,
            slow_slots: 256,
            slots_per_organization: 256,
            slots_per_host: 256,
            max_parked_per_lane: 10_000,
            max_unsaved_attempts: 8_192,
            store_reads: 8,
            max_held_bytes: 32 * 1024 * 1024,
            disable_after_seconds: 5 * 24 * 3_600,
            idle_connections_per_host: 64,
            drain_seconds: 3,
        }
    }
}
