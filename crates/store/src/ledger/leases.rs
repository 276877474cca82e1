//! Where leases are kept, on PostgreSQL: a session and a thread of their own, since a renewal that
//! waits behind other work loses the lease. The same thread listens for what other processes did.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    db::{Db, DbError, Session, Target, bind},
    read::ReadError,
    shared::Shared,
};

/// How many may wait.
const QUEUE: usize = 1024;
/// How long an answer may take; a lease lasts longer.
const ANSWER: Duration = Duration::from_secs(2);
/// How often it is looked for what other processes did, while somebody wants to know.
const LISTEN: Duration = Duration::from_millis(200);
/// After a failure to connect.
const RECONNECT: Duration = Duration::from_millis(500);

/// The database's present time in microseconds, as SQL.
pub(crate) const NOW: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint";

/// Without a connection.
type Job = Box<dyn FnOnce(Result<&Db, ReadError>) + Send>;

enum Message {
    Job(Job),
    End,
}

/// A handle to the thread.
pub(crate) struct Leases {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What other processes' work shows by.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Signals {
    manual: i64,
    outcomes: i64,
    attempts: i64,
}

struct Keeper {
    target: Target,
    shared: Arc<Shared>,
    queue: Receiver<Message>,
    connection: Option<Db>,
    not_before: Instant,
    /// Whether the last try to connect failed.
    is_away: bool,
    seen: Option<Signals>,
}

impl Leases {
    /// Starts the thread, which connects when there is something to do.
    pub(super) fn start(target: Target, shared: Arc<Shared>) -> std::io::Result<Self> {
        let (queue, receiver) = sync_channel(QUEUE);
        let keeper = Keeper {
            target: target.answering_within(ANSWER),
            shared,
            queue: receiver,
            connection: None,
            not_before: Instant::now(),
            is_away: false,
            seen: None,
        };
        let thread = Builder::new().name("rollcall-leases".to_owned()).spawn(move || keeper.run())?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    /// Runs a piece of work in a transaction of its own.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Db) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (done, wait) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = connection.and_then(|c| Ok(c.transaction(work)?));
            // Whoever asked may be gone.
            let _ = done.send(outcome);
        });
        self.queue.try_send(Message::Job(job)).map_err(|error| match error {
            TrySendError::Full(_) => ReadError::Busy,
            TrySendError::Disconnected(_) => ReadError::Failed,
        })?;
        wait.await.unwrap_or(Err(ReadError::Failed))
    }

    /// Does what waits, and ends.
    pub(super) fn shut(&self) {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let _ = self.queue.send(Message::End);
        if thread.join().is_err() {
            tracing::error!("the thread of the leases had panicked");
        }
    }
}

/// A process that stands still in a transaction holds up nobody for longer than an answer may take.
fn connect(target: &Target) -> Result<Db, DbError> {
    let db = Db::Postgres(Session::connect(target, "rollcall leases", "ledger")?);
    db.batch("SET idle_in_transaction_session_timeout = '2s'")?;
    Ok(db)
}

impl Keeper {
    fn run(mut self) {
        let mut due = Instant::now();
        loop {
            match self.queue.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(Message::Job(job)) => match self.connected() {
                    Some(c) => job(Ok(c)),
                    None => job(Err(ReadError::Unavailable)),
                },
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= due {
                self.listen();
                due = Instant::now() + LISTEN;
            }
        }
    }

    fn connected(&mut self) -> Option<&Db> {
        if self.connection.as_ref().is_some_and(Db::is_lost) {
            self.connection = None;
        }
        if self.connection.is_none() && Instant::now() >= self.not_before {
            match connect(&self.target) {
                Ok(connection) => {
                    self.connection = Some(connection);
                    self.is_away = false;
                }
                Err(error) => {
                    // Once for an outage.
                    if !std::mem::replace(&mut self.is_away, true) {
                        tracing::warn!(%error, "no connection for leases");
                    }
                    self.not_before = Instant::now() + RECONNECT;
                }
            }
        }
        self.connection.as_ref()
    }

    /// Wakes those who wait for what another process did.
    fn listen(&mut self) {
        let shared = self.shared.clone();
        if shared.manual.receiver_count() == 0 && shared.ledger.receiver_count() == 0 {
            // Who comes later begins with what is there.
            self.seen = None;
            return;
        }
        let Some(c) = self.connected() else { return };
        let signals = c.row(
            "SELECT manual, outcomes, (SELECT COALESCE(MAX(pk), 0) FROM attempts) FROM signals",
            bind![],
            |row| {
                Ok::<_, DbError>(Signals {
                    manual: row.get(0)?,
                    outcomes: row.get(1)?,
                    attempts: row.get(2)?,
                })
            },
        );
        match signals {
            Ok(Some(now)) => {
                // At the first look nobody knows what was missed.
                let before = self.seen.replace(now);
                if before.is_none_or(|before| before.manual != now.manual) {
                    shared.manual.send_modify(|n| *n += 1);
                }
                if before != Some(now) {
                    shared.ledger.send_modify(|n| *n += 1);
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "what other processes did cannot be seen"),
        }
    }
}
