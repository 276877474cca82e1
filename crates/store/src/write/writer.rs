//! The writer: takes what waits, carries it out in one transaction, and tells everybody once it is
//! on the disk.
//!
//! Plot: `BEGIN IMMEDIATE`; each request (`request`), of which a refusal undoes its own writes only;
//! `COMMIT`, which returns when the disk has it; then (`publish`) the head moves, the
//! catalog is replaced, the listener hears of the events, and the tickets resolve. If the commit fails,
//! nothing of the batch happened, and that is what all its tickets say. What of the catalog cannot
//! be read after a commit is read with the next change of it, or a little later if there is none.

mod publish;
mod request;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rollcall_domain::{Refusal, event::LoggedEvent, ids::DirectoryId};

use super::{
    Change, Committed, Message, Touched, WriteError, WriteTicket, directories::Directories, meters::Meters,
    purge::Purge,
};
use crate::read::head;
use crate::{
    CommitListener, checkpoint,
    config_ops::ConfigError,
    db::{Db, DbError, bind},
    shared::Shared,
};

/// The embedded profile has one shard.
const SHARD: u16 = 0;
/// How long the writer waits before it reads again what of the catalog could not be read.
const REREAD: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Writer {
    connection: Db,
    shared: Arc<Shared>,
    listener: Arc<dyn CommitListener>,
    queue: Receiver<Message>,
    batch_limit: usize,
    directories: Directories,
    purge: Purge,
    /// What the catalog does not show as the database has it: read again until it can be.
    stale: HashSet<Touched>,
    /// When that was tried last.
    reread_at: Instant,
    position: u64,
    /// The clock may step back; the log's times do not.
    last_time: Timestamp,
    meters: Meters,
}

/// What a batch leaves to be told after its commit.
#[derive(Default)]
struct Batch {
    done: Vec<Done>,
    events: Vec<Arc<LoggedEvent>>,
    touched: Vec<Touched>,
    changed: Vec<DirectoryId>,
    /// Directories that were deleted, by their rows' keys.
    emptied: Vec<i64>,
}

/// A request with its outcome, which holds only if the batch is committed.
enum Done {
    Write(WriteTicket, Result<Committed, WriteError>),
    Change(Box<dyn Change>, Result<(), ConfigError>),
}

/// Why one request failed.
enum Rejected {
    Refused(Refusal),
    Failed,
    /// The transaction is lost with all that is in it.
    Lost(DbError),
}

impl Writer {
    /// Reads where the log ends.
    pub(crate) fn new(
        connection: Db,
        shared: Arc<Shared>,
        listener: Arc<dyn CommitListener>,
        queue: Receiver<Message>,
        batch_limit: usize,
    ) -> Result<Self, DbError> {
        let position = head(&connection, SHARD)?;
        let purge = Purge::unfinished(&connection)?;
        shared.advance(SHARD, position);
        Ok(Self {
            connection,
            shared,
            listener,
            queue,
            batch_limit: batch_limit.max(1),
            directories: Directories::default(),
            purge,
            stale: HashSet::new(),
            reread_at: Instant::now(),
            position,
            last_time: Timestamp::UNIX_EPOCH,
            meters: Meters::new(),
        })
    }

    /// Works until it is told to end or nobody can send any more; gives the connection back.
    pub(crate) fn run(mut self) -> Db {
        let mut messages = Vec::with_capacity(self.batch_limit);
        loop {
            let mut going = true;
            // While there is something to purge, the writer never waits.
            let first = if !self.purge.is_empty() {
                self.queue.try_recv()
            } else if self.stale.is_empty() {
                self.queue.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.queue.recv_timeout(REREAD).map_err(|error| match error {
                    RecvTimeoutError::Timeout => TryRecvError::Empty,
                    RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
                })
            };
            let mut next = first;
            loop {
                match next {
                    Ok(Message::End) | Err(TryRecvError::Disconnected) => {
                        going = false;
                        break;
                    }
                    Ok(message) => messages.push(message),
                    Err(TryRecvError::Empty) => break,
                }
                if messages.len() >= self.batch_limit {
                    break;
                }
                next = self.queue.try_recv();
            }
            if !messages.is_empty() {
                let taken = messages.len() as u64;
                let before = self.shared.waiting.fetch_sub(taken, Ordering::Relaxed);
                #[expect(clippy::cast_precision_loss, reason = "a gauge")]
                self.meters.queue.set(before.saturating_sub(taken) as f64);
            }
            if !messages.is_empty() || (going && !self.purge.is_empty()) {
                self.batch(&mut messages);
            } else if going {
                self.reread_if_due();
            }
            if !going {
                return self.connection;
            }
        }
    }

    fn batch(&mut self, messages: &mut Vec<Message>) {
        let started = Instant::now();
        let size = messages.len();
        let mut batch = Batch::default();
        let outcome = self.transact(messages, &mut batch);
        match outcome {
            Ok(emptied) => self.publish(batch, emptied, size, started),
            Err(error) => self.give_up(batch, messages, &error),
        }
        if let Some(connection) = self.connection.sqlite() {
            checkpoint::start_over(connection, &self.shared);
        }
    }

    /// Carries the messages out and commits; true if a purge finished.
    fn transact(&mut self, messages: &mut Vec<Message>, batch: &mut Batch) -> Result<bool, DbError> {
        self.run_cached("BEGIN IMMEDIATE")?;
        for message in messages.drain(..) {
            match message {
                Message::Write(request, ticket) => {
                    let outcome = match self.write(*request, batch) {
                        Ok(committed) => Ok(committed),
                        Err(Rejected::Refused(refusal)) => Err(WriteError::Refused(refusal)),
                        Err(Rejected::Failed) => Err(WriteError::Failed),
                        Err(Rejected::Lost(error)) => {
                            batch.done.push(Done::Write(ticket, Err(WriteError::Failed)));
                            return Err(error);
                        }
                    };
                    batch.done.push(Done::Write(ticket, outcome));
                }
                Message::Change(mut change) => {
                    let outcome = self.change(change.as_mut(), batch);
                    let (outcome, lost) = match outcome {
                        Ok(outcome) => (outcome, None),
                        Err(error) => (Err(ConfigError::Failed), Some(error)),
                    };
                    batch.done.push(Done::Change(change, outcome));
                    if let Some(error) = lost {
                        return Err(error);
                    }
                }
                Message::Look | Message::End => {}
            }
        }
        let emptied = self.purge.next_piece(&self.connection)?;
        self.directories.write(&self.connection, &batch.changed)?;
        let committing = Instant::now();
        self.run_cached("COMMIT")?;
        self.meters.commit_seconds.record(committing.elapsed());
        Ok(emptied)
    }

    fn run_cached(&self, sql: &str) -> Result<(), DbError> {
        self.connection.execute(sql, bind![]).map(drop)
    }
}

/// Logs why a change failed.
pub(crate) fn failed_change(error: &DbError) -> ConfigError {
    tracing::error!(%error, "a change of the configuration failed");
    ConfigError::Failed
}
