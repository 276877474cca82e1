//! What the store's handles and its threads have in common. No thread holds the handle itself:
//! the last handle's drop ends the threads.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use rollcall_domain::ids::TokenId;
use tokio::sync::watch;

use crate::{Catalog, seal::Sealer};

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
    /// The newest committed position.
    pub(crate) head: AtomicU64,
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
}

impl Shared {
    /// With an empty catalog.
    pub(crate) fn new(sealer: Sealer) -> Self {
        Self {
            catalog: ArcSwap::default(),
            revision: watch::Sender::new(0),
            head: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            log_is_long: AtomicBool::new(false),
            disk_full: AtomicBool::new(false),
            commit_failed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            waiting: AtomicU64::new(0),
            manual: watch::Sender::new(0),
            ledger: watch::Sender::new(0),
            token_use: Mutex::default(),
            sealer,
        }
    }

    /// Why writes are not taken now, with the seconds to wait; `None` if they are.
    pub(crate) fn refusing(&self) -> Option<(&'static str, u32)> {
        if self.closing.load(Ordering::Relaxed) {
            Some(("the store is closing", 1))
        } else if self.disk_full.load(Ordering::Relaxed) {
            Some(("the disk is too full", 30))
        } else {
            None
        }
    }
}
