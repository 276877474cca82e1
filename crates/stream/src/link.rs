//! What the feed needs of the store, and what it says of its own state.

use std::{sync::Arc, time::Instant};

use rollcall_domain::{event::LoggedEvent, shard::Positions};
use rollcall_store::{
    Store,
    read::ReadError,
    relay::{RelayShard, Surplus},
};

/// The methods of the store that the feed uses, so that tests can bring a log of their own.
pub trait Log: Clone + Send + Sync + 'static {
    /// The store's own name: what another store put on the topic is told by that.
    fn store_id(&self) -> Box<str>;
    /// The newest committed position of each shard.
    fn heads(&self) -> impl Future<Output = Result<Positions, ReadError>> + Send;
    /// All events of a shard after a position, in order and without a gap; some of them.
    fn shard_events(
        &self,
        shard: u16,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Arc<LoggedEvent>>, ReadError>> + Send;
    /// Keeps, takes and lets go shards so that the live relays share them evenly; gives those held now,
    /// for [`rollcall_store::relay::RELAY_LEASE`] from the call.
    fn relay_claim(
        &self,
        holder: &str,
        surplus: Surplus,
    ) -> impl Future<Output = Result<Vec<RelayShard>, ReadError>> + Send;
    /// Lets all go.
    fn relay_release(&self, holder: &str) -> impl Future<Output = Result<(), ReadError>> + Send;
    /// Saves published positions (shard, token, position); names the shards whose token is not the
    /// present one.
    fn relay_published(
        &self,
        positions: &[(u16, u64, u64)],
    ) -> impl Future<Output = Result<Vec<u16>, ReadError>> + Send;
    /// Begins shards (shard, token) anew at 0, under a new token that the next claim tells.
    fn relay_rewind(&self, lost: &[(u16, u64)]) -> impl Future<Output = Result<(), ReadError>> + Send;
}

impl Log for Store {
    fn store_id(&self) -> Box<str> {
        self.id().into()
    }

    async fn heads(&self) -> Result<Positions, ReadError> {
        self.heads().await
    }

    async fn shard_events(
        &self,
        shard: u16,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Arc<LoggedEvent>>, ReadError> {
        self.shard_events(shard, after, limit).await
    }

    async fn relay_claim(&self, holder: &str, surplus: Surplus) -> Result<Vec<RelayShard>, ReadError> {
        self.relay_claim(holder, surplus).await
    }

    async fn relay_release(&self, holder: &str) -> Result<(), ReadError> {
        self.relay_release(holder).await
    }

    async fn relay_published(&self, positions: &[(u16, u64, u64)]) -> Result<Vec<u16>, ReadError> {
        self.relay_published(positions).await
    }

    async fn relay_rewind(&self, lost: &[(u16, u64)]) -> Result<(), ReadError> {
        self.relay_rewind(lost).await
    }
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
