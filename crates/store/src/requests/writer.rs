//! The writer: a queue with a bound before it, and a thread that appends what is in it.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{LoggedRequest, Settings, redact, upkeep};
use crate::{
    db::{Db, DbError, Session, Target, bind},
    metric,
    shared::Shared,
};

/// How many requests may wait, and how many bytes of them.
const WAITING: usize = 4_096;
const WAITING_BYTES: usize = 32 << 20;
/// How many share a commit, and how long each batch takes at least: so that a flood of requests is not slowed by the log
/// of it, at most [`BATCH`] of them are kept per [`PACE`].
const BATCH: usize = 256;
const PACE: Duration = Duration::from_millis(250);
/// Of those that anybody can send, at most so many are kept per [`PACE`].
const STRANGERS: usize = 4;
/// How often what is too old or too much is removed.
const UPKEEP: Duration = Duration::from_secs(30);
/// After a failure of the database.
const AGAIN: Duration = Duration::from_secs(1);

/// A handle to the log.
pub(crate) struct RequestLog {
    /// `None` if there is no log.
    queue: Option<Arc<Queue>>,
    body_bytes: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    lost: metrics::Counter,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<LoggedRequest>,
    bytes: usize,
    flushes: Vec<Flush>,
    closed: bool,
}

/// Somebody waits until everything before it is written, and perhaps until what has to go is gone.
struct Flush {
    done: oneshot::Sender<()>,
    tidy: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session with a server.
fn connect(target: &Target) -> Result<Db, DbError> {
    let db = Db::Postgres(Session::connect(target, "rollcall requests", "requests")?);
    db.batch("SET synchronous_commit = off")?;
    Ok(db)
}

impl RequestLog {
    /// Starts the thread, which uses `db`, and on a server (`target`) connects anew when that is lost.
    pub(crate) fn start(
        db: Option<Db>,
        target: Option<Target>,
        settings: Settings,
        shared: Arc<Shared>,
    ) -> std::io::Result<Self> {
        let body_bytes = settings.body_bytes;
        if !settings.enabled {
            return Ok(Self { queue: None, body_bytes, thread: Mutex::default() });
        }
        let lost = metrics::counter!(metric::REQUESTS_LOST);
        let queue = Arc::new(Queue { state: Mutex::default(), changed: Condvar::new(), lost });
        let writer = Writer { db, target, settings, shared, queue: queue.clone(), failing: false };
        let thread = Builder::new().name("rollcall-requests".to_owned()).spawn(move || writer.run())?;
        Ok(Self { queue: Some(queue), body_bytes, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn body_bytes(&self) -> Option<usize> {
        self.queue.is_some().then_some(self.body_bytes)
    }

    pub(super) fn log(&self, request: LoggedRequest) {
        let Some(queue) = &self.queue else { return };
        let bytes = request.bytes();
        {
            let mut state = queue.lock();
            if state.waiting.len() >= WAITING || state.bytes + bytes > WAITING_BYTES || state.closed {
                drop(state);
                queue.lost.increment(1);
                return;
            }
            state.bytes += bytes;
            state.waiting.push_back(request);
            if state.waiting.len() > 1 {
                // Whoever came first has woken the thread.
                return;
            }
        }
        queue.changed.notify_one();
    }

    pub(super) async fn flushed(&self) {
        self.flush(false).await;
    }

    pub(super) async fn tidied(&self) {
        self.flush(true).await;
    }

    async fn flush(&self, tidy: bool) {
        let Some(queue) = &self.queue else { return };
        let (done, wait) = oneshot::channel();
        queue.lock().flushes.push(Flush { done, tidy });
        queue.changed.notify_one();
        let _ = wait.await;
    }

    /// Writes what waits and ends the thread.
    pub(crate) fn shut(&self) {
        let Some(queue) = &self.queue else { return };
        queue.lock().closed = true;
        queue.changed.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the request log's writer had panicked");
        }
    }
}

struct Writer {
    db: Option<Db>,
    target: Option<Target>,
    settings: Settings,
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    /// It was said that nothing can be written.
    failing: bool,
}

impl Writer {
    fn run(mut self) {
        let mut upkeep_due = Instant::now();
        loop {
            let Some((batch, flushes, last)) = self.next(upkeep_due) else { break };
            let begun = Instant::now();
            if !batch.is_empty() {
                self.write(batch);
            }
            let urgent = !flushes.is_empty();
            if flushes.iter().any(|flush| flush.tidy) {
                while self.tidy() == PACE {}
            }
            for flush in flushes {
                // Who waited may be gone.
                let _ = flush.done.send(());
            }
            if Instant::now() >= upkeep_due && !last {
                upkeep_due = Instant::now() + self.tidy();
            }
            if !last && !urgent {
                self.pause(PACE.saturating_sub(begun.elapsed()));
            }
        }
        if let Some(db) = self.db.take() {
            let _ = db.close();
        }
    }

    /// What is next, once there is something or the upkeep is due; whether the end has been asked for too, and `None`
    /// when nothing is left then. Flushes come with the last of what waited.
    fn next(&self, due: Instant) -> Option<(Vec<LoggedRequest>, Vec<Flush>, bool)> {
        let mut state = self.queue.lock();
        while state.waiting.is_empty() && state.flushes.is_empty() && !state.closed {
            let wait = due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break;
            }
            state = self.queue.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.waiting.is_empty() && state.flushes.is_empty() && state.closed {
            return None;
        }
        let count = state.waiting.len().min(BATCH);
        let batch: Vec<LoggedRequest> = state.waiting.drain(..count).collect();
        state.bytes -= batch.iter().map(LoggedRequest::bytes).sum::<usize>();
        let flushes = if state.waiting.is_empty() { std::mem::take(&mut state.flushes) } else { Vec::new() };
        Some((batch, flushes, state.closed))
    }

    /// Lets others have the processor, unless somebody waits for the log or it ends.
    fn pause(&self, length: Duration) {
        let until = Instant::now() + length;
        let mut state = self.queue.lock();
        while !state.closed && state.flushes.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.queue.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn write(&mut self, batch: Vec<LoggedRequest>) {
        let (count, mut strangers) = (batch.len(), 0);
        let kept: Vec<LoggedRequest> = batch
            .into_iter()
            .filter(|request| {
                strangers += usize::from(request.of_a_stranger);
                !request.of_a_stranger || strangers <= STRANGERS
            })
            .collect();
        let lost = count - kept.len();
        let body_bytes = self.settings.body_bytes;
        let written = self.connected().and_then(|db| db.transaction(|db| append(db, &kept, body_bytes)));
        let lost = match written {
            Ok(()) => {
                self.failing = false;
                lost
            }
            Err(error) => {
                self.failed(&error);
                count
            }
        };
        self.queue.lost.increment(lost as u64);
    }

    /// Removes what has to go; gives when it is to be looked at again.
    fn tidy(&mut self) -> Duration {
        let (settings, shared) = (self.settings.clone(), self.shared.clone());
        match self.connected().and_then(|db| upkeep::remove(db, &settings, &shared)) {
            Ok(true) => PACE,
            Ok(false) => UPKEEP,
            Err(error) => {
                self.failed(&error);
                AGAIN
            }
        }
    }

    fn connected(&mut self) -> Result<&Db, DbError> {
        if self.db.as_ref().is_some_and(Db::is_lost) {
            self.db = None;
        }
        if self.db.is_none()
            && let Some(target) = &self.target
        {
            self.db = Some(connect(target)?);
        }
        self.db.as_ref().ok_or(DbError::Corrupt { column: 0, wanted: "a connection" })
    }

    /// An outage is one line, however long it is.
    fn failed(&mut self, error: &DbError) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(%error, "requests are not being logged");
        }
    }
}

fn append(db: &Db, requests: &[LoggedRequest], body_bytes: usize) -> Result<(), DbError> {
    for request in requests {
        let sent = redact::body(request.request_body.as_deref().unwrap_or_default(), body_bytes);
        let answered = redact::body(&request.response_body, body_bytes);
        let path = redact::path(request.path.clone());
        let cut = u8::from(sent.cut || request.request_unread)
            | u8::from(answered.cut || request.response_cut) << 1
            | u8::from(sent.changed || path.changed || request.path_cut) << 2;
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let bytes = 256 + length(&path.text) + length(&sent.text) + length(&answered.text);
        let events = request.events;
        db.execute(
            "INSERT INTO log (id, directory_id, at, method, path, status, reason, micros, sender, rules, user_agent,
                    events, first_position, last_position, request_body, response_body, cut, bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
            bind![
                request.id.as_str(),
                request.directory_id.as_str(),
                request.at,
                request.method,
                path.text,
                request.status,
                request.reason,
                request.micros,
                request.sender,
                request.rules.join(" "),
                &request.user_agent,
                events.map_or(0, |(count, ..)| count),
                events.map(|(_, first, _)| first),
                events.map(|(.., last)| last),
                sent.text,
                answered.text,
                cut,
                bytes as u64,
            ],
        )?;
    }
    Ok(())
}
