//! The writer: takes what waits, carries it out in one transaction, and tells everybody once it is
//! on the disk.
//!
//! Plot: `BEGIN IMMEDIATE`; each request in a savepoint of its own, so that a refusal undoes its
//! own writes only; `COMMIT`, which returns when the disk has it; then the head moves, the catalog
//! is replaced, the listener hears of the events, and the tickets resolve. If the commit fails,
//! nothing of the batch happened, and that is what all its tickets say. What of the catalog cannot
//! be read after a commit is read with the next change of it, or a little later if there is none.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use metrics::{Counter, Histogram};
use rollcall_domain::{
    Context, Decision, Refusal, Reply, Write,
    directory::DirectoryState,
    event::{Cause, EventType, LoggedEvent},
    ids::DirectoryId,
};
use rusqlite::{Connection, ErrorCode, ffi};

use super::{
    Applied, Change, Committed, Message, Touched, WriteError, WriteRequest, WriteTicket,
    directories::{Directories, DirectoryRow},
    events, load,
    persist::{Persist, Problem},
    purge::Purge,
};
use crate::{
    CommitListener, catalog, checkpoint, clock, config_ops::ConfigError, metric, resources, shared::Shared,
};

/// How long the writer waits before it reads again what of the catalog could not be read.
const REREAD: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Writer {
    connection: Connection,
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

/// Why a batch as a whole failed.
enum Failure {
    DiskFull,
    Database,
}

/// Why one request failed.
enum Rejected {
    Refused(Refusal),
    Failed,
    /// The transaction is lost with all that is in it.
    Lost(rusqlite::Error),
}

struct Meters {
    batch_size: Histogram,
    batch_seconds: Histogram,
    commit_seconds: Histogram,
    commit_failures: Counter,
    done: Counter,
    refused: Counter,
    failed: Counter,
    events: Vec<Counter>,
    queue: metrics::Gauge,
}

impl Writer {
    /// Reads where the log ends.
    pub(crate) fn new(
        connection: Connection,
        shared: Arc<Shared>,
        listener: Arc<dyn CommitListener>,
        queue: Receiver<Message>,
        batch_limit: usize,
    ) -> rusqlite::Result<Self> {
        let position: i64 =
            connection.query_row("SELECT COALESCE(MAX(position), 0) FROM events", [], |row| row.get(0))?;
        let purge = Purge::unfinished(&connection)?;
        let position = u64::try_from(position).unwrap_or(0);
        shared.head.store(position, Ordering::Release);
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
    pub(crate) fn run(mut self) -> Connection {
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
        checkpoint::start_over(&self.connection, &self.shared);
    }

    /// Carries the messages out and commits; true if a purge finished.
    fn transact(&mut self, messages: &mut Vec<Message>, batch: &mut Batch) -> Result<bool, rusqlite::Error> {
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
                Message::End => {}
            }
        }
        let emptied = self.purge.piece(&self.connection)?;
        self.directories.write(&self.connection, &batch.changed)?;
        let committing = Instant::now();
        self.run_cached("COMMIT")?;
        self.meters.commit_seconds.record(committing.elapsed());
        Ok(emptied)
    }

    fn publish(&mut self, batch: Batch, emptied: bool, size: usize, started: Instant) {
        self.shared.head.store(self.position, Ordering::Release);
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        self.shared.commit_failed.store(false, Ordering::Relaxed);
        if emptied {
            self.purge.done();
        }
        for directory in batch.emptied {
            self.purge.add(directory);
        }
        if !batch.touched.is_empty() {
            for touched in &batch.touched {
                if let Touched::Directory(id) = touched {
                    self.directories.forget_one(id);
                }
            }
            self.stale.extend(batch.touched);
            self.reread();
        } else {
            self.reread_if_due();
        }
        if !batch.events.is_empty() {
            for event in &batch.events {
                if let Some(counter) = self.meters.events.get(usize::from(event.kind as u8)) {
                    counter.increment(1);
                }
            }
            if catch_unwind(AssertUnwindSafe(|| self.listener.committed(&batch.events))).is_err() {
                tracing::error!("the listener for committed events panicked");
            }
        }
        for done in batch.done {
            match done {
                Done::Write(ticket, outcome) => {
                    match &outcome {
                        Ok(_) => self.meters.done.increment(1),
                        Err(WriteError::Refused(_)) => self.meters.refused.increment(1),
                        Err(_) => self.meters.failed.increment(1),
                    }
                    // Whoever asked may be gone; what it asked for is done all the same.
                    let _ = ticket.send(outcome);
                }
                Done::Change(change, outcome) => change.resolve(outcome),
            }
        }
        if size > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a histogram")]
            self.meters.batch_size.record(size as f64);
            self.meters.batch_seconds.record(started.elapsed());
        }
    }

    /// Puts what was touched into the catalog; what cannot be read stays for the next time.
    fn reread(&mut self) {
        self.reread_at = Instant::now();
        if let Some(catalog) = catalog::refreshed(&self.connection, &self.shared, &mut self.stale) {
            let revision = catalog.revision;
            self.shared.catalog.store(Arc::new(catalog));
            self.shared.revision.send_replace(revision);
        }
    }

    fn reread_if_due(&mut self) {
        if !self.stale.is_empty() && self.reread_at.elapsed() >= REREAD {
            self.reread();
        }
    }

    /// Nothing of the batch happened.
    fn give_up(&mut self, batch: Batch, rest: &mut Vec<Message>, error: &rusqlite::Error) {
        tracing::error!(%error, requests = batch.done.len() + rest.len(), "a commit failed; nothing of it was kept");
        self.meters.commit_failures.increment(1);
        self.shared.commit_failed.store(true, Ordering::Relaxed);
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the transaction could not be rolled back");
        }
        self.position = self.shared.head.load(Ordering::Acquire);
        self.directories.forget();
        let failure = if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
            Failure::DiskFull
        } else {
            Failure::Database
        };
        let rest = rest.drain(..).filter_map(|message| match message {
            Message::Write(_, ticket) => Some(Done::Write(ticket, Err(WriteError::Failed))),
            Message::Change(change) => Some(Done::Change(change, Err(ConfigError::Failed))),
            Message::End => None,
        });
        for done in batch.done.into_iter().chain(rest) {
            self.meters.failed.increment(1);
            match done {
                Done::Write(ticket, _) => {
                    let _ = ticket.send(Err(failure.for_write()));
                }
                Done::Change(change, _) => change.resolve(Err(failure.for_change())),
            }
        }
    }

    fn write(&mut self, request: WriteRequest, batch: &mut Batch) -> Result<Committed, Rejected> {
        let directory =
            self.directories.get(&self.connection, &request.directory_id).map_err(|e| self.sql(e))?;
        let Some(directory) = directory.filter(|row| row.directory.state != DirectoryState::Deleted) else {
            return Err(Rejected::Refused(Refusal::DirectoryClosed));
        };
        let decided = self.decide(&request, &directory)?;
        let (decision, user) = decided;
        let members_up_to = request.members_up_to;
        if decision.writes.is_empty() && decision.events.is_empty() {
            return self.committed(decision.reply, members_up_to, &directory, 0);
        }
        // What a constraint can refuse is a user's row, and where that is the first statement, a
        // refusal has nothing to undo: the statement undoes itself. A savepoint would copy every
        // page that the request touches.
        let undoes_itself =
            matches!(decision.writes.first(), Some(Write::InsertUser(_) | Write::UpdateUser(_)));
        self.guarded(!undoes_itself, |writer| {
            let mark = (batch.events.len(), writer.position);
            let state = directory.directory.state;
            let mut row = directory;
            let persist = || {
                let mut persist = Persist::new(&writer.connection, &mut row, user);
                for write in decision.writes {
                    persist.write(write)?;
                }
                for event in decision.events {
                    let event = events::append(&writer.connection, &mut row, &mut writer.position, event)?;
                    batch.events.push(event);
                }
                Ok(())
            };
            let persisted = persist().map_err(|problem| writer.rejected(problem)).and_then(|()| {
                writer.committed(decision.reply, members_up_to, &row, batch.events.len() - mark.0)
            });
            if persisted.is_err() {
                batch.events.truncate(mark.0);
                writer.position = mark.1;
                return persisted;
            }
            if row.directory.state != state {
                batch.touched.push(Touched::Directory(row.directory.id.clone()));
                if row.directory.state == DirectoryState::Deleted {
                    batch.emptied.push(row.pk);
                }
            }
            if !batch.changed.contains(&row.directory.id) {
                batch.changed.push(row.directory.id.clone());
            }
            writer.directories.put(row);
            persisted
        })
    }

    /// Loads and decides.
    fn decide(
        &mut self,
        request: &WriteRequest,
        directory: &DirectoryRow,
    ) -> Result<(Decision, Option<load::FoundUser>), Rejected> {
        self.last_time = self.last_time.max(clock::now());
        let now = self.last_time;
        // A panic in there is a fault in this program; it must not end the writer.
        let decided = catch_unwind(AssertUnwindSafe(|| {
            let needs = request.command.needs();
            let found = load::load(&self.connection, directory, &needs).map_err(|e| self.sql(e))?;
            let mut context = Context {
                now,
                new_uuid: &mut clock::new_uuid,
                directory: &directory.directory,
                last_sequence: directory.sequence,
                cause: Cause {
                    provider: directory.directory.provider.as_str().into(),
                    request_id: request.request_id.clone(),
                    method: request.method.into(),
                },
            };
            let decision = rollcall_domain::decide(&request.command, found.loaded, &mut context)
                .map_err(Rejected::Refused)?;
            Ok((decision, found.user))
        }));
        decided.unwrap_or_else(|_| {
            tracing::error!(request_id = %request.request_id, "a decision panicked");
            Err(Rejected::Failed)
        })
    }

    fn committed(
        &self,
        reply: Reply,
        members_up_to: u64,
        directory: &DirectoryRow,
        events: usize,
    ) -> Result<Committed, Rejected> {
        let members = match &reply {
            Reply::Group(group) if members_up_to > 0 && group.member_count <= members_up_to => {
                let read = || {
                    let Some((pk, _)) = resources::group(&self.connection, directory.pk, &group.id)? else {
                        return Ok(Vec::new());
                    };
                    resources::members(&self.connection, pk, "", members_up_to)
                };
                Some(read().map_err(|e| self.sql(e))?)
            }
            _ => None,
        };
        let last_position = (events > 0).then_some(self.position);
        Ok(Committed { reply, members, events, last_position })
    }

    /// The outer error means that the transaction is lost.
    fn change(
        &mut self,
        change: &mut dyn Change,
        batch: &mut Batch,
    ) -> Result<Result<(), ConfigError>, rusqlite::Error> {
        // What this batch did to directories must be in their rows before a change reads them.
        self.directories.write(&self.connection, &batch.changed)?;
        let mut refused = None;
        let applied = self.savepoint(|writer| {
            let mut applied =
                Applied { connection: &writer.connection, position: writer.position, touched: Vec::new() };
            match catch_unwind(AssertUnwindSafe(|| change.apply(&mut applied)))
                .unwrap_or(Err(ConfigError::Failed))
            {
                Ok(()) => Ok(applied.touched),
                Err(error) => {
                    refused = Some(error);
                    Err(Rejected::Failed)
                }
            }
        });
        match applied {
            Ok(touched) => {
                batch.touched.extend(touched);
                Ok(Ok(()))
            }
            Err(Rejected::Lost(error)) => Err(error),
            Err(_) => Ok(Err(refused.unwrap_or(ConfigError::Failed))),
        }
    }

    /// Runs `work` in a savepoint, or without one if `work` leaves nothing behind when it is refused.
    fn guarded<T>(
        &mut self,
        savepoint: bool,
        work: impl FnOnce(&mut Self) -> Result<T, Rejected>,
    ) -> Result<T, Rejected> {
        if savepoint {
            return self.savepoint(work);
        }
        match work(self) {
            // It may have left a part of itself: nothing of the batch can be kept.
            Err(Rejected::Failed) => Err(Rejected::Lost(rusqlite::Error::SqliteFailure(
                ffi::Error::new(ffi::SQLITE_ABORT),
                Some("a request failed half-way".to_owned()),
            ))),
            outcome => outcome,
        }
    }

    /// Runs `work` in a savepoint, which is rolled back if it fails.
    fn savepoint<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Rejected>) -> Result<T, Rejected> {
        self.run_cached("SAVEPOINT request").map_err(Rejected::Lost)?;
        match work(self) {
            Ok(value) => {
                self.run_cached("RELEASE request").map_err(Rejected::Lost)?;
                Ok(value)
            }
            Err(Rejected::Lost(error)) => Err(Rejected::Lost(error)),
            Err(rejected) => {
                self.run_cached("ROLLBACK TO request").map_err(Rejected::Lost)?;
                self.run_cached("RELEASE request").map_err(Rejected::Lost)?;
                Err(rejected)
            }
        }
    }

    fn run_cached(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.raw_execute().map(drop)
    }

    fn rejected(&self, problem: Problem) -> Rejected {
        match problem {
            Problem::UserNameTaken => Rejected::Refused(Refusal::UserNameTaken),
            Problem::Missing(what) => {
                tracing::error!(what, "a decision does not fit the database");
                Rejected::Failed
            }
            Problem::Sql(error) => self.sql(error),
        }
    }

    /// Whether an error costs its request only, or the whole transaction.
    fn sql(&self, error: rusqlite::Error) -> Rejected {
        let lost = self.connection.is_autocommit()
            || matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::DiskFull
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::OutOfMemory
                        | ErrorCode::DatabaseCorrupt
                        | ErrorCode::CannotOpen
                        | ErrorCode::ReadOnly
                )
            );
        if lost {
            return Rejected::Lost(error);
        }
        tracing::error!(%error, "a statement failed");
        Rejected::Failed
    }
}

/// Logs why a change failed.
pub(crate) fn failed_change(error: &rusqlite::Error) -> ConfigError {
    tracing::error!(%error, "a change of the configuration failed");
    ConfigError::Failed
}

impl Failure {
    fn for_write(&self) -> WriteError {
        match self {
            Self::DiskFull => WriteError::Unavailable { reason: "the disk is full", retry_after_seconds: 30 },
            Self::Database => WriteError::Failed,
        }
    }

    fn for_change(&self) -> ConfigError {
        match self {
            Self::DiskFull => ConfigError::Unavailable,
            Self::Database => ConfigError::Failed,
        }
    }
}

impl Meters {
    fn new() -> Self {
        let codes = EventType::ALL.iter().map(|kind| usize::from(*kind as u8)).max().unwrap_or(0);
        let mut events = vec![Counter::noop(); codes + 1];
        for kind in EventType::ALL {
            events[usize::from(*kind as u8)] = metrics::counter!(metric::EVENTS, "type" => kind.as_str());
        }
        Self {
            batch_size: metrics::histogram!(metric::BATCH_SIZE),
            batch_seconds: metrics::histogram!(metric::BATCH_SECONDS),
            commit_seconds: metrics::histogram!(metric::COMMIT_SECONDS),
            commit_failures: metrics::counter!(metric::COMMIT_FAILURES),
            done: metrics::counter!(metric::WRITES, "outcome" => "done"),
            refused: metrics::counter!(metric::WRITES, "outcome" => "refused"),
            failed: metrics::counter!(metric::WRITES, "outcome" => "failed"),
            events,
            queue: metrics::gauge!(metric::WRITE_QUEUE),
        }
    }
}
