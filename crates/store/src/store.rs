//! Opening and closing.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use rollcall_domain::{event::LoggedEvent, shard::Positions};
use tokio::sync::{oneshot, watch};

use crate::{
    Catalog, Committed, Settings, WriteError, WriteRequest, catalog, checkpoint,
    connection::{self, Purpose, failed},
    db::{Db, DbError},
    disk,
    folder::Folder,
    ledger::{Epochs, Ledger},
    read::{Connector, ReadError, Readers},
    schema::{Schema, migrate},
    seal::Sealer,
    shared::Shared,
    stop::Stop,
    write::{Message, Writer},
};

/// Hears of events after their commit, in order of position, on the writer's thread: it must not
/// block.
pub trait CommitListener: Send + Sync + 'static {
    /// These events are on disk.
    fn committed(&self, events: &[Arc<LoggedEvent>]);
}

/// Why the store cannot be opened. The text of a variant with a source does not repeat the source's:
/// print the whole chain.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses the data folder.
    #[error("the data folder {0} is in use by another process")]
    Locked(std::path::PathBuf),
    /// The key that the endpoints' secrets are sealed with is not there. No other one is made:
    /// deliveries could not be signed any more.
    #[error("{key} {problem}: {cure}")]
    MasterKey {
        /// Which key: the configuration's or the data folder's.
        key: String,
        /// In words.
        problem: &'static str,
        /// What is to be done.
        cure: &'static str,
    },
    /// The URL of the database, or what belongs to it, cannot be used.
    #[error("store.url cannot be used: {why}")]
    Url {
        /// In words, without the password.
        why: String,
    },
    /// The folder or a file in it cannot be used.
    #[error("{what}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The database cannot be opened, or not be brought to this version's schema.
    #[error("{what}")]
    Database {
        /// What was tried, with the path.
        what: String,
        /// Why it failed, with its own causes in its text.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A handle to the store; clones share it. The last one's drop closes the store.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

/// What the handles share; no thread holds it.
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) readers: Readers,
    pub(crate) ledger: Ledger,
    pub(crate) epochs: Epochs,
    pub(crate) attempts_retention_days: u32,
    queue: SyncSender<Message>,
    stop: Stop,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    writer: JoinHandle<Db>,
    helpers: Vec<JoinHandle<()>>,
    /// The last to go.
    folder: Folder,
}

impl Store {
    /// Opens (and at the first time makes) the store of a data folder.
    pub fn open(settings: Settings, listener: Arc<dyn CommitListener>) -> Result<Self, OpenError> {
        let folder = Folder::open(&settings.data_dir)?;
        let (main, ledger_path) = (folder.main(), folder.ledger());
        let mut main_connection = connection::open(&main, Purpose::Writer)?;
        migrate(&mut main_connection, Schema::Main)?;
        let mut ledger_connection = connection::open(&ledger_path, Purpose::Ledger)?;
        migrate(&mut ledger_connection, Schema::Ledger)?;
        let read = |error: DbError| failed("reading", &main, &error);
        let main_connection = Db::Sqlite(main_connection);
        let ledger_connection = Db::Sqlite(ledger_connection);
        let sealed_with = catalog::sealed_with(&main_connection).map_err(read)?;
        let sealer = match &settings.master_key {
            Some(key) => Sealer::configured(key, &sealed_with)?,
            None => Sealer::load(folder.path(), &sealed_with)?,
        };
        let shared = Arc::new(Shared::new(sealer));

        let (queue, receiver) = sync_channel(settings.write_queue.max(1));
        crate::ledger::recall_token_use(&ledger_connection, &shared)
            .map_err(|error| failed("reading", &ledger_path, &error))?;
        let catalog = catalog::complete(&main_connection, &shared).map_err(read)?;
        crate::ledger::reconcile(&ledger_connection, &catalog)
            .map_err(|error| failed("reading", &ledger_path, &error))?;
        shared.revision.send_replace(catalog.revision);
        shared.catalog.store(Arc::new(catalog));
        let writer =
            Writer::new(main_connection, shared.clone(), listener, receiver, settings.batch).map_err(read)?;

        let spawning = |source| OpenError::Io { what: "starting a thread".to_owned(), source };
        let stop = Stop::default();
        let readers = Readers::start(
            &Connector::Sqlite { main: main.clone(), ledger: ledger_path.clone() },
            settings.readers.max(1),
        )?;
        let checkpointer = connection::open(&main, Purpose::Checkpointer)?;
        let helpers = vec![
            checkpoint::start(checkpointer, shared.clone(), stop.clone()).map_err(spawning)?,
            disk::start(folder.path(), settings.clone(), shared.clone(), stop.clone()).map_err(spawning)?,
        ];
        let ledger = Ledger::start(ledger_connection, None, shared.clone(), settings.attempts_retention_days)
            .map_err(spawning)?;
        let writer =
            Builder::new().name("rollcall-writer".to_owned()).spawn(|| writer.run()).map_err(spawning)?;
        let threads = Mutex::new(Some(Threads { writer, helpers, folder }));
        let attempts_retention_days = settings.attempts_retention_days;
        let epochs = Epochs::default();
        let inner = Inner { shared, readers, ledger, epochs, attempts_retention_days, queue, stop, threads };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes no more writes, finishes those that wait, writes what is only in memory, and closes.
    pub async fn close(&self) {
        let inner = self.inner.clone();
        inner.shared.closing.store(true, Ordering::Relaxed);
        if tokio::task::spawn_blocking(move || inner.shut()).await.is_err() {
            tracing::error!("the store did not close in order");
        }
    }

    /// Carries out a command. `Ok` only after the commit.
    pub async fn write(&self, request: WriteRequest) -> Result<Committed, WriteError> {
        let (ticket, committed) = oneshot::channel();
        self.inner.send(Message::Write(Box::new(request), ticket))?;
        // The writer drops a ticket only when it ends before its turn: nothing was written then.
        committed.await.unwrap_or(Err(WriteError::Unavailable {
            reason: "the store is closing",
            retry_after_seconds: 1,
        }))
    }

    /// The present configuration.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.inner.shared.catalog.load_full()
    }

    /// Changes when the configuration does (the catalog's revision).
    pub fn catalog_changes(&self) -> watch::Receiver<u64> {
        self.inner.shared.revision.subscribe()
    }

    /// Changes when a manual send is asked for.
    pub fn manual_changes(&self) -> watch::Receiver<u64> {
        self.inner.shared.manual.subscribe()
    }

    /// Changes after each commit of the ledger, when what was saved can be read. Commits that follow
    /// each other quickly may be seen as one change.
    pub fn ledger_changes(&self) -> watch::Receiver<u64> {
        self.inner.shared.ledger.subscribe()
    }

    /// How many shards the log has; fixed when the store was made.
    pub fn shards(&self) -> u16 {
        1
    }

    /// The newest committed position of each shard.
    pub async fn heads(&self) -> Result<Positions, ReadError> {
        Ok(vec![self.head(0)].into())
    }

    /// The newest position of the shard that this process has committed or seen; 0 if there is none.
    pub fn head(&self, shard: u16) -> u64 {
        self.inner.shared.head(shard)
    }

    /// Whether writes are taken, and if not why (for `/readyz`).
    pub fn health(&self) -> Result<(), &'static str> {
        match self.inner.shared.refusing() {
            Some((reason, _)) => Err(reason),
            None if self.inner.shared.commit_failed.load(Ordering::Relaxed) => Err("the last commit failed"),
            None => Ok(()),
        }
    }
}

impl Inner {
    /// Puts something into the writer's queue, or says why not.
    pub(crate) fn send(&self, message: Message) -> Result<(), WriteError> {
        if let Some((reason, retry_after_seconds)) = self.shared.refusing() {
            return Err(WriteError::Unavailable { reason, retry_after_seconds });
        }
        // Counted before it is sent, so that the writer never takes away what is not there yet.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(message).map_err(|error| {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            let reason = match error {
                TrySendError::Full(_) => "too many writes wait",
                TrySendError::Disconnected(_) => "the store is closed",
            };
            WriteError::Unavailable { reason, retry_after_seconds: 1 }
        })
    }

    fn shut(&self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Threads { writer, helpers, folder }) = threads else { return };
        let _ = self.queue.send(Message::End);
        let connection = writer.join();
        // The last connection to a file that can write moves its write-ahead log into it and removes
        // the log: the readers, which cannot, go before the writers' connections.
        self.readers.shut();
        self.ledger.shut();
        self.stop.stop();
        for helper in helpers {
            if helper.join().is_err() {
                tracing::error!("a thread of the store had panicked");
            }
        }
        match connection {
            Ok(connection) => drop(connection.close()),
            Err(_) => tracing::error!("the writer had panicked"),
        }
        drop(folder);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shut();
    }
}
