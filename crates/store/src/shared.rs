//! What the store's handles and its threads have in common. No thread holds the handle itself:
//! the last handle's drop ends the threads.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use rollcall_domain::ids::TokenId;
use tokio::sync::watch;

use crate::{Catalog, seal::Sealer};

/// A server that has not answered for so long is missed.
const SILENT: Duration = Duration::from_secs(6);

/// A token's last use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenUse {
    /// In microseconds.
    pub(crate) at: i64,
    /// It is not in the ledger yet.
    pub(crate) dirty: bool,
}

/// See the module.
pub(crate) struct Shared {
    /// The present configuration.
    pub(crate) catalog: ArcSwap<Catalog>,
    /// The catalog's revision.
    pub(crate) revision: watch::Sender<u64>,
    /// The newest committed position of each shard that this process knows of.
    heads: Vec<AtomicU64>,
    /// Grows with each commit of the writer.
    pub(crate) commits: AtomicU64,
    /// The writer is to let the write-ahead log start over.
    pub(crate) log_is_long: AtomicBool,
    /// The disk is too full to take writes.
    pub(crate) disk_full: AtomicBool,
    /// The last commit failed.
    pub(crate) commit_failed: AtomicBool,
    /// No more writes are taken.
    pub(crate) closing: AtomicBool,
    /// When a server last answered the thread that asks it all the time; `None` with files.
    pub(crate) heard: Mutex<Option<Instant>>,
    /// Threads that try to reach the database in vain.
    pub(crate) unreachable: AtomicU64,
    /// Requests in the writer's queue.
    pub(crate) waiting: AtomicU64,
    /// Grows with each request for a manual send.
    pub(crate) manual: watch::Sender<u64>,
    /// Grows with each commit of the ledger.
    pub(crate) ledger: watch::Sender<u64>,
    /// When each token was last used.
    pub(crate) token_use: Mutex<HashMap<TokenId, TokenUse>>,
    /// For the endpoints' secrets.
    pub(crate) sealer: Sealer,
    /// The store's own name.
    pub(crate) store_id: Box<str>,
}

impl Shared {
    /// For a log of one shard; with an empty catalog.
    pub(crate) fn new(sealer: Sealer, store_id: Box<str>) -> Self {
        Self::with_shards(sealer, store_id, 1)
    }

    /// For a log of so many shards; with an empty catalog.
    pub(crate) fn with_shards(sealer: Sealer, store_id: Box<str>, shards: u16) -> Self {
        Self {
            catalog: ArcSwap::default(),
            revision: watch::Sender::new(0),
            heads: (0..shards.max(1)).map(|_| AtomicU64::new(0)).collect(),
            commits: AtomicU64::new(0),
            log_is_long: AtomicBool::new(false),
            disk_full: AtomicBool::new(false),
            commit_failed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            heard: Mutex::default(),
            unreachable: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            manual: watch::Sender::new(0),
            ledger: watch::Sender::new(0),
            token_use: Mutex::default(),
            sealer,
            store_id,
        }
    }

    /// The server answered just now.
    pub(crate) fn note_heard(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a server has not answered for long: one that hangs refuses nothing.
    pub(crate) fn is_silent(&self) -> bool {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_some_and(|at| at.elapsed() > SILENT)
    }

    /// How many shards the log has.
    pub(crate) fn shards(&self) -> u16 {
        u16::try_from(self.heads.len()).unwrap_or(u16::MAX)
    }

    /// The newest position of a shard that this process knows of; 0 if there is none.
    pub(crate) fn head(&self, shard: u16) -> u64 {
        self.heads.get(usize::from(shard)).map_or(0, |head| head.load(Ordering::Acquire))
    }

    /// Notes that a shard's log goes up to this position.
    pub(crate) fn advance(&self, shard: u16, position: u64) {
        if let Some(head) = self.heads.get(usize::from(shard)) {
            head.fetch_max(position, Ordering::AcqRel);
        }
    }

    /// Why writes are not taken now, with the seconds to wait; `None` if they are.
    pub(crate) fn refusing(&self) -> Option<(&'static str, u32)> {
        if self.closing.load(Ordering::Relaxed) {
            Some(("the store is closing", 1))
        } else if self.disk_full.load(Ordering::Relaxed) {
            Some(("the disk is too full", 30))
        } else if self.unreachable.load(Ordering::Relaxed) > 0 {
            Some(("the database cannot be reached", 2))
        } else {
            None
        }
    }
}
