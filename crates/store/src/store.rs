//! Opening and closing.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{SyncSender, TrySendError},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use rollcall_domain::{event::LoggedEvent, shard::Positions};
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};

use crate::{
    Catalog, Committed, Settings, WriteError, WriteRequest,
    db::Db,
    folder::Folder,
    ledger::{Epochs, Ledger},
    open,
    read::{ReadError, Readers},
    requests::RequestLog,
    shared::Shared,
    stop::Stop,
    write::{self, Message, Writers},
};

/// How long somebody waits for the catalog to be brought up to date.
const CATCH_UP: Duration = Duration::from_secs(1);

/// How long somebody waits for the dispatchers, and how often they are looked at meanwhile.
const FOLLOW: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

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
    /// The folder's store moves to a server, or has moved there.
    #[error(
        "the data folder {folder} {}: use that store; to use the folder all the same, and lose what happened there since, \
         remove {file}",
        if *begun { format!("is being moved to {to} (`rollcall migrate` goes on with it)") } else { format!("has moved to {to}") }
    )]
    Moved {
        /// The folder.
        folder: std::path::PathBuf,
        /// Where to.
        to: String,
        /// The file that says so.
        file: std::path::PathBuf,
        /// Not all of it has arrived.
        begun: bool,
    },
    /// Only some of a folder's store has arrived at the server's.
    #[error("{store} holds a part of a store that is being moved: run `rollcall migrate` again to finish it")]
    Unfinished {
        /// Which.
        store: String,
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

impl OpenError {
    /// Whether the configuration is wrong: trying again would not help.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::MasterKey { .. } | Self::Url { .. })
    }
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
    pub(crate) requests: RequestLog,
    pub(crate) epochs: Epochs,
    pub(crate) attempts_retention_days: u32,
    pub(crate) writing: Writing,
    /// Since when the catalog is known to be up to date, as of the last time that somebody asked.
    pub(crate) caught_up: tokio::sync::Mutex<Option<Instant>>,
}

/// Who writes.
pub(crate) enum Writing {
    /// One thread, to files of its own.
    Files {
        /// To the writer.
        queue: SyncSender<Message>,
        /// Ends the helpers.
        stop: Stop,
        /// Until they are ended.
        threads: Mutex<Option<Threads>>,
    },
    /// Some threads, to a server that others write to as well.
    Server(Writers),
}

/// The threads that work on files.
pub(crate) struct Threads {
    pub(crate) writer: JoinHandle<Db>,
    pub(crate) helpers: Vec<JoinHandle<()>>,
    /// The last to go.
    pub(crate) folder: Folder,
}

impl Store {
    /// The store's own name, which it has from its first opening on: 32 hex digits.
    pub fn id(&self) -> &str {
        &self.inner.shared.store_id
    }

    /// Opens the store that the settings name, and makes it at the first time. Blocks, for as long as
    /// a server takes to answer.
    pub fn open(settings: Settings, listener: Arc<dyn CommitListener>) -> Result<Self, OpenError> {
        let inner = match settings.url.clone() {
            None => open::files(settings, listener)?,
            // A session has a small runtime of its own, which cannot run within another.
            Some(url) => std::thread::scope(|scope| {
                let opening = Builder::new()
                    .name("rollcall-open".to_owned())
                    .spawn_scoped(scope, || open::server(&settings, &url, listener))
                    .map_err(|source| OpenError::Io { what: "starting a thread".to_owned(), source })?;
                opening.join().unwrap_or_else(|_| {
                    Err(OpenError::Database {
                        what: "opening the store".to_owned(),
                        source: "it panicked".into(),
                    })
                })
            })?,
        };
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

    /// Another process has changed the configuration up to this revision: it is read soon. Without being
    /// told, the store looks by itself, more than once a second.
    pub fn refresh_catalog_to(&self, revision: u64) {
        if let Writing::Server(writers) = &self.inner.writing
            && revision > *self.inner.shared.revision.borrow()
        {
            writers.look_at_catalog();
        }
    }

    /// Brings the catalog up to what any process had changed before this call, so that who was
    /// answered by one process finds it at the next. Not longer than a second; then, and if the
    /// database cannot be asked, the catalog stays as it is. With files there is nothing to do.
    pub async fn catch_up(&self) {
        let Writing::Server(writers) = &self.inner.writing else { return };
        let asked = Instant::now();
        let caught_up = async {
            // One asks for all who wait.
            let mut last = self.inner.caught_up.lock().await;
            if last.is_some_and(|last| last >= asked) {
                return;
            }
            let began = Instant::now();
            let Ok(newest) = self.read(|c| Ok(write::revision(c)?)).await else { return };
            let mut revision = self.inner.shared.revision.subscribe();
            if *revision.borrow() < newest {
                writers.look_at_catalog();
                let _ = revision.wait_for(|revision| *revision >= newest).await;
            }
            *last = Some(began);
        };
        if timeout(CATCH_UP, caught_up).await.is_err() {
            tracing::debug!("the configuration could not be read again in time");
        }
    }

    /// Waits until every dispatcher goes by the configuration that this process has now, wherever it
    /// runs: whoever asked for more types and was answered gets the very next event. Not longer than two
    /// seconds: a dispatcher that hangs follows later.
    pub async fn dispatchers_follow(&self) {
        if !matches!(self.inner.writing, Writing::Server(_)) {
            return;
        }
        let revision = self.catalog().revision;
        let followed = async {
            while !self.dispatchers_seen(revision).await.unwrap_or(true) {
                sleep(LOOK_AGAIN).await;
            }
        };
        if timeout(FOLLOW, followed).await.is_err() {
            tracing::warn!("a dispatcher has not followed a change of the configuration yet");
        }
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
        self.inner.shared.shards()
    }

    /// The newest committed position of each shard.
    pub async fn heads(&self) -> Result<Positions, ReadError> {
        match self.inner.writing {
            Writing::Files { .. } => Ok(vec![self.head(0)].into()),
            Writing::Server(_) => {
                let heads = self.read(|c| Ok(write::heads(c)?)).await?;
                heads.iter().for_each(|(shard, position)| self.inner.shared.advance(shard, position));
                Ok(heads)
            }
        }
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
            None if self.inner.shared.is_silent() => Err("the database does not answer"),
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
        let queue = match &self.writing {
            Writing::Files { queue, .. } => queue,
            Writing::Server(writers) => writers.queue(&message),
        };
        queue.try_send(message).map_err(|error| {
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
        match &self.writing {
            Writing::Files { queue, stop, threads } => {
                let threads = threads.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(threads) = threads {
                    let _ = queue.send(Message::End);
                    self.shut_files(threads, stop);
                }
            }
            Writing::Server(writers) => {
                writers.shut();
                self.readers.shut();
                self.ledger.shut();
                self.requests.shut();
            }
        }
    }

    fn shut_files(&self, threads: Threads, stop: &Stop) {
        let Threads { writer, helpers, folder } = threads;
        let connection = writer.join();
        // The last connection to a file that can write moves its write-ahead log into it and removes
        // the log: the readers, which cannot, go before the writers' connections.
        self.readers.shut();
        self.ledger.shut();
        self.requests.shut();
        stop.stop();
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
