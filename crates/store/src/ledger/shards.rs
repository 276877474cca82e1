//! Which process dispatches a shard: a lease, and an epoch that grows with each change of hands. What
//! an earlier holder saves under an older epoch is refused.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{Store, read::ReadError};

/// How long a shard stays with its holder that does not renew. Whoever holds one renews well before,
/// and stops sending before it ends by its own monotonic clock.
pub const SHARD_LEASE: Duration = Duration::from_secs(6);

/// A shard that is held, and by which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeldShard {
    /// Which.
    pub shard: u16,
    /// Grows with each claim.
    pub epoch: u64,
}

/// Why progress was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Somebody else dispatches one of the shards by now: nothing of the batch was saved, and nothing
    /// more may be sent of these.
    #[error("another dispatcher took over")]
    Fenced(Vec<u16>),
    /// The store did not take it; nothing of it was saved.
    #[error(transparent)]
    Store(#[from] ReadError),
}

/// The epochs, where one process alone uses the store: nobody else can hold a shard.
#[derive(Debug, Default)]
pub(crate) struct Epochs(Mutex<HashMap<u16, u64>>);

impl Epochs {
    fn claim(&self, shard: u16) -> HeldShard {
        let mut epochs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = epochs.entry(shard).or_default();
        *epoch += 1;
        HeldShard { shard, epoch: *epoch }
    }

    fn holds(&self, held: HeldShard) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&held.shard) == Some(&held.epoch)
    }
}

impl Store {
    /// Takes those of the shards that nobody holds, whose lease is over, or that this holder (a name
    /// of the process that no other has had) holds already; each under a new epoch, for
    /// [`SHARD_LEASE`] from the call. The others are left out.
    pub async fn claim_shards(&self, holder: &str, shards: &[u16]) -> Result<Vec<HeldShard>, ReadError> {
        let _ = holder;
        Ok(shards.iter().map(|shard| self.inner.epochs.claim(*shard)).collect())
    }

    /// Keeps shards for another [`SHARD_LEASE`]. Those that somebody else took meanwhile are left out.
    pub async fn renew_shards(&self, held: &[HeldShard]) -> Result<Vec<HeldShard>, ReadError> {
        Ok(held.iter().copied().filter(|held| self.inner.epochs.holds(*held)).collect())
    }

    /// Lets shards go, for others to claim at once. Their epochs stay.
    pub async fn release_shards(&self, held: &[HeldShard]) -> Result<(), ReadError> {
        let _ = held;
        Ok(())
    }

    /// The shards of these that are not held under their epochs any more.
    pub(super) fn fenced(&self, epochs: &[HeldShard]) -> Vec<u16> {
        epochs.iter().filter(|held| !self.inner.epochs.holds(**held)).map(|held| held.shard).collect()
    }
}
