//! What the feed needs of the store, and what it says of its own state.

use std::time::Instant;

use rollcall_domain::shard::Positions;
use rollcall_store::read::{LaneQuery, LaneRead, ReadError};

/// How long a shard stays with a relay that does not claim it again.
pub(crate) const RELAY_LEASE: std::time::Duration = std::time::Duration::from_secs(5);

/// A shard whose events this process relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayShard {
    /// Which.
    pub shard: u16,
    /// Fences earlier relays of it.
    pub token: u64,
    /// All positions up to this one are on the topic.
    pub published: u64,
}

/// The methods of the store that the feed uses, so that tests can bring a log of their own.
pub trait Log: Clone + Send + Sync + 'static {
    /// The newest committed position of each shard.
    fn heads(&self) -> impl Future<Output = Result<Positions, ReadError>> + Send;
    /// Events of a shard in order.
    fn lane_events(&self, query: LaneQuery) -> impl Future<Output = Result<LaneRead, ReadError>> + Send;
    /// Keeps, takes and lets go shards so that the live relays share them evenly; gives those held now,
    /// for five seconds from the call.
    fn relay_claim(&self, holder: &str) -> impl Future<Output = Result<Vec<RelayShard>, ReadError>> + Send;
    /// Lets all go.
    fn relay_release(&self, holder: &str) -> impl Future<Output = Result<(), ReadError>> + Send;
    /// Saves published positions (shard, token, position); names the shards whose token is not the
    /// present one.
    fn relay_published(
        &self,
        positions: &[(u16, u64, u64)],
    ) -> impl Future<Output = Result<Vec<u16>, ReadError>> + Send;
}

/// How it stands with Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// None is configured.
    #[default]
    Unused,
    /// It answers.
    Connected,
    /// It does not; the store is read instead.
    Away {
        /// Since when.
        since: Instant,
        /// In words.
        reason: String,
    },
}
