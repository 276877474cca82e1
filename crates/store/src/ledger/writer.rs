//! The ledger's writer: saves what waits in one transaction, without waiting for more.

use std::{
    collections::HashSet,
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use metrics::Histogram;
use rollcall_domain::ids::EndpointId;
use tokio::sync::oneshot;
use tokio_postgres::error::SqlState;

use super::{
    HeldShard, SaveError, Task, endpoints::Endpoints, leases::Leases, shards, task::write, token_use, upkeep,
};
use crate::{
    db::{Db, DbError, Session, Target},
    metric,
    read::ReadError,
    relay,
    shared::Shared,
};

/// How many batches may wait.
const QUEUE: usize = 4096;
/// How many share a commit.
const BATCH: usize = 256;
/// How often the writer does what can wait.
const UPKEEP: Duration = Duration::from_secs(5);

/// A handle to the writer.
pub(crate) struct Ledger {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
    leases: Option<Leases>,
    /// Who publishes what, if nobody else can.
    pub(crate) relays: relay::Relays,
}

type Answer = Result<(), SaveError>;
type Asked = (Task, oneshot::Sender<Answer>);

enum Message {
    Task(Task, oneshot::Sender<Answer>),
    End,
}

struct Writer {
    connection: Db,
    target: Option<Target>,
    shared: Arc<Shared>,
    queue: Receiver<Message>,
    endpoints: Endpoints,
    retention_days: u32,
    batch_size: Histogram,
    commit_seconds: Histogram,
}

/// The ledger's writer's session. A commit survives a kill of any process, not a power cut of the
/// server. A process that stands still in a transaction loses it before its leases are over, so that
/// others can take them. Every table but the smallest is looked up by an index, also when a plan was
/// made while the table was small.
pub(crate) fn connect(target: &Target) -> Result<Db, DbError> {
    let db = Db::Postgres(Session::connect(target, "rollcall ledger", "ledger")?);
    db.batch(
        "SET synchronous_commit = off; SET idle_in_transaction_session_timeout = '4s';
         SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off",
    )?;
    Ok(db)
}

impl Ledger {
    /// Starts the threads: the writer's, which uses `connection`, and on a server (`target`) the
    /// leases'.
    pub(crate) fn start(
        connection: Db,
        target: Option<Target>,
        shared: Arc<Shared>,
        retention_days: u32,
    ) -> std::io::Result<Self> {
        let leases = target.clone().map(|target| Leases::start(target, shared.clone())).transpose()?;
        let (queue, receiver) = sync_channel(QUEUE);
        let writer = Writer {
            connection,
            target,
            shared,
            queue: receiver,
            endpoints: Endpoints::default(),
            retention_days,
            batch_size: metrics::histogram!(metric::LEDGER_BATCH_SIZE),
            commit_seconds: metrics::histogram!(metric::LEDGER_COMMIT_SECONDS),
        };
        let thread = Builder::new().name("rollcall-ledger".to_owned()).spawn(move || writer.run())?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)), leases, relays: relay::Relays::default() })
    }

    /// Where leases are kept, if other processes can have some.
    pub(crate) fn leases(&self) -> Option<&Leases> {
        self.leases.as_ref()
    }

    pub(super) async fn submit(&self, task: Task) -> Result<(), SaveError> {
        let (done, wait) = oneshot::channel();
        self.queue.try_send(Message::Task(task, done)).map_err(|error| match error {
            TrySendError::Full(_) => ReadError::Busy,
            TrySendError::Disconnected(_) => ReadError::Failed,
        })?;
        wait.await.unwrap_or(Err(SaveError::Store(ReadError::Failed)))
    }

    /// The same for what needs no shard.
    pub(crate) async fn ask(&self, task: Task) -> Result<(), ReadError> {
        self.submit(task).await.map_err(|error| match error {
            SaveError::Store(error) => error,
            SaveError::Fenced(_) => ReadError::Failed,
        })
    }

    /// Removes what there is of an endpoint.
    pub(crate) async fn delete_endpoint(&self, id: EndpointId) -> Result<(), ReadError> {
        self.ask(Task::DeleteEndpoint(id)).await
    }

    /// Saves what waits, and ends.
    pub(crate) fn shut(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = self.queue.send(Message::End);
            if thread.join().is_err() {
                tracing::error!("the ledger's writer had panicked");
            }
        }
        if let Some(leases) = &self.leases {
            leases.shut();
        }
    }
}

/// Why a task was not saved.
enum Refused {
    /// It is of shards that somebody else has.
    Fenced(Vec<u16>),
    /// The database is busy or away: another try is worth it.
    Later,
    /// The database does not take it.
    Failed,
}

impl Refused {
    fn answer(&self) -> SaveError {
        match self {
            Self::Fenced(shards) => SaveError::Fenced(shards.clone()),
            Self::Later => SaveError::Store(ReadError::Busy),
            Self::Failed => SaveError::Store(ReadError::Failed),
        }
    }
}

impl Writer {
    fn run(mut self) {
        let mut due = Instant::now() + UPKEEP;
        let mut tasks = Vec::with_capacity(BATCH);
        let mut going = true;
        while going {
            let wait = due.saturating_duration_since(Instant::now());
            let mut next = self.queue.recv_timeout(wait);
            loop {
                match next {
                    Ok(Message::Task(task, done)) => tasks.push((task, done)),
                    Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => {
                        going = false;
                        break;
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                }
                if tasks.len() >= BATCH {
                    break;
                }
                next = self.queue.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
            if !tasks.is_empty() {
                self.save_all(&mut tasks);
            }
            if Instant::now() >= due {
                due = Instant::now() + self.upkeep();
            }
        }
        if !self.connection.is_lost()
            && let Err(error) = token_use::save_token_use(&self.connection, &self.shared)
        {
            tracing::warn!(%error, "the last uses of tokens were not saved");
        }
        if let Db::Sqlite(connection) = self.connection
            && let Err((_, error)) = connection.close()
        {
            tracing::warn!(%error, "the ledger did not close in order");
        }
    }

    /// Gives when it is due again.
    fn upkeep(&mut self) -> Duration {
        let outcome = self
            .connected()
            .and_then(|()| upkeep::upkeep(&self.connection, &self.shared, self.retention_days));
        match outcome {
            // There is more to remove: soon, but others first.
            Ok(true) => Duration::from_millis(50),
            Ok(false) => UPKEEP,
            Err(error) => {
                tracing::warn!(%error, "the ledger's upkeep failed");
                UPKEEP
            }
        }
    }

    /// Makes a new connection in place of a lost one.
    fn connected(&mut self) -> Result<(), DbError> {
        if self.connection.is_lost()
            && let Some(target) = &self.target
        {
            self.connection = connect(target)?;
            self.endpoints.forget();
        }
        Ok(())
    }

    /// In one transaction; if that fails though the database is there, each in its own, so that one
    /// that cannot be saved stands in nobody's way.
    fn save_all(&mut self, tasks: &mut Vec<Asked>) {
        #[expect(clippy::cast_precision_loss, reason = "a histogram")]
        self.batch_size.record(tasks.len() as f64);
        let together = self.save(tasks);
        if tasks.len() > 1 && matches!(together, Err(Refused::Failed)) {
            for asked in tasks.drain(..) {
                let mut alone = vec![asked];
                let saved = self.save(&mut alone);
                settle(alone, &saved);
            }
            return;
        }
        settle(tasks.drain(..), &together);
    }

    /// Answers those whose shards are somebody else's by now, and takes them out; saves the others.
    fn save(&mut self, tasks: &mut Vec<Asked>) -> Result<(), Refused> {
        let started = Instant::now();
        let mut stale = HashSet::new();
        let saved = self.connected().and_then(|()| {
            let endpoints = &mut self.endpoints;
            self.connection.transaction(|c| {
                if let Db::Postgres(_) = c {
                    stale = shards::stale(c, epochs(tasks))?;
                }
                let current = tasks.iter().map(|(task, _)| task).filter(|task| lost(task, &stale).is_empty());
                write(c, endpoints, &current.collect::<Vec<_>>())
            })
        });
        self.commit_seconds.record(started.elapsed());
        if !stale.is_empty() {
            // What is refused is refused, whether or not the others were saved.
            for (task, done) in mem::take(tasks) {
                let shards = lost(&task, &stale);
                if shards.is_empty() {
                    tasks.push((task, done));
                } else {
                    settle([(task, done)], &Err(Refused::Fenced(shards)));
                }
            }
        }
        match saved {
            Ok(news) => {
                self.shared.ledger.send_modify(|n| *n += 1);
                if news.manual {
                    self.shared.manual.send_modify(|n| *n += 1);
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, batches = tasks.len(), "progress could not be saved");
                self.endpoints.forget();
                let passes = self.connection.is_lost() || error.is_unavailable() || is_passing(&error);
                Err(if passes { Refused::Later } else { Refused::Failed })
            }
        }
    }
}

/// Whoever asked may be gone.
fn settle(tasks: impl IntoIterator<Item = Asked>, saved: &Result<(), Refused>) {
    for (_, done) in tasks {
        let _ = done.send(saved.as_ref().copied().map_err(Refused::answer));
    }
}

/// Under which epochs the tasks were made.
fn epochs(tasks: &[Asked]) -> impl Iterator<Item = HeldShard> {
    tasks.iter().flat_map(|(task, _)| task.epochs()).copied()
}

/// The shards of a task that are held under other epochs by now.
fn lost(task: &Task, stale: &HashSet<HeldShard>) -> Vec<u16> {
    task.epochs().iter().filter(|held| stale.contains(held)).map(|held| held.shard).collect()
}

/// The same may well succeed a little later: a deadlock, a lock or an answer that did not come.
fn is_passing(error: &DbError) -> bool {
    match error {
        DbError::Late(_) => true,
        DbError::Postgres(error) => error.code().is_some_and(|code| {
            [
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::LOCK_NOT_AVAILABLE,
                SqlState::QUERY_CANCELED,
            ]
            .contains(code)
        }),
        _ => false,
    }
}
