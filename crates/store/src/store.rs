//! Opening and closing.

use std::sync::Arc;

use rollcall_domain::event::LoggedEvent;
use tokio::sync::watch;

use crate::{Catalog, Committed, Settings, WriteError, WriteRequest};

/// Hears of events after their commit, in order of position, on the writer's thread: it must not
/// block.
pub trait CommitListener: Send + Sync + 'static {
    /// These events are on disk.
    fn committed(&self, events: &[Arc<LoggedEvent>]);
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses the data folder.
    #[error("the data folder {0} is in use by another process")]
    Locked(std::path::PathBuf),
    /// The folder or a file in it cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The database cannot be opened, or not be brought to this version's schema.
    #[error("{what}: {source}")]
    Database {
        /// What was tried, with the path.
        what: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A handle to the store; clones share it.
#[derive(Clone)]
pub struct Store {
    #[expect(dead_code, reason = "provisional")]
    inner: Arc<()>,
}

impl Store {
    /// Opens (and at the first time makes) the store of a data folder.
    pub fn open(settings: Settings, listener: Arc<dyn CommitListener>) -> Result<Self, OpenError> {
        let _ = (settings, listener);
        unimplemented!()
    }

    /// Takes no more writes, finishes those that wait, writes what is only in memory, and closes.
    pub async fn close(&self) {}

    /// Carries out a command. `Ok` only after the commit.
    pub async fn write(&self, request: WriteRequest) -> Result<Committed, WriteError> {
        let _ = request;
        unimplemented!()
    }

    /// The present configuration.
    pub fn catalog(&self) -> Arc<Catalog> {
        unimplemented!()
    }

    /// Changes when the configuration does (the catalog's revision).
    pub fn catalog_changes(&self) -> watch::Receiver<u64> {
        unimplemented!()
    }

    /// Changes when a manual send is asked for.
    pub fn manual_changes(&self) -> watch::Receiver<u64> {
        unimplemented!()
    }

    /// The newest committed position of the shard; 0 if there is none.
    pub fn head(&self, shard: u16) -> u64 {
        let _ = shard;
        unimplemented!()
    }

    /// Whether writes are taken, and if not why (for `/readyz`).
    pub fn health(&self) -> Result<(), &'static str> {
        Ok(())
    }
}
