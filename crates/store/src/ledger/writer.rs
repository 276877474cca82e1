//! The ledger's writer: saves what waits in one transaction, without waiting for more.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use metrics::Histogram;
use rollcall_domain::ids::EndpointId;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{ManualSendWhat, ProgressBatch, endpoints::Endpoints, manual, save, token_use, upkeep};
use crate::{metric, read::ReadError, shared::Shared};

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
}

/// What to save.
pub(super) enum Task {
    Progress(Box<ProgressBatch>),
    Manual(EndpointId, ManualSendWhat),
    DeleteEndpoint(EndpointId),
}

enum Message {
    Task(Task, oneshot::Sender<Result<(), ReadError>>),
    End,
}

struct Writer {
    connection: Connection,
    shared: Arc<Shared>,
    queue: Receiver<Message>,
    endpoints: Endpoints,
    retention_days: u32,
    batch_size: Histogram,
    commit_seconds: Histogram,
}

impl Ledger {
    /// Starts the thread.
    pub(crate) fn start(
        connection: Connection,
        shared: Arc<Shared>,
        retention_days: u32,
    ) -> std::io::Result<Self> {
        let (queue, receiver) = sync_channel(QUEUE);
        let writer = Writer {
            connection,
            shared,
            queue: receiver,
            endpoints: Endpoints::default(),
            retention_days,
            batch_size: metrics::histogram!(metric::LEDGER_BATCH_SIZE),
            commit_seconds: metrics::histogram!(metric::LEDGER_COMMIT_SECONDS),
        };
        let thread = Builder::new().name("rollcall-ledger".to_owned()).spawn(move || writer.run())?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    pub(super) async fn submit(&self, task: Task) -> Result<(), ReadError> {
        let (done, wait) = oneshot::channel();
        self.queue.try_send(Message::Task(task, done)).map_err(|error| match error {
            TrySendError::Full(_) => ReadError::Busy,
            TrySendError::Disconnected(_) => ReadError::Failed,
        })?;
        wait.await.unwrap_or(Err(ReadError::Failed))
    }

    /// Removes what there is of an endpoint.
    pub(crate) async fn delete_endpoint(&self, id: EndpointId) -> Result<(), ReadError> {
        self.submit(Task::DeleteEndpoint(id)).await
    }

    /// Saves what waits, and ends.
    pub(crate) fn shut(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        let _ = self.queue.send(Message::End);
        if thread.join().is_err() {
            tracing::error!("the ledger's writer had panicked");
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
                self.save(&mut tasks);
            }
            if Instant::now() >= due {
                due = Instant::now()
                    + match upkeep::upkeep(&self.connection, &self.shared, self.retention_days) {
                        // There is more to remove: soon, but others first.
                        Ok(true) => Duration::from_millis(50),
                        Ok(false) => UPKEEP,
                        Err(error) => {
                            tracing::warn!(%error, "the ledger's upkeep failed");
                            UPKEEP
                        }
                    };
            }
        }
        if let Err(error) = token_use::save_token_use(&self.connection, &self.shared) {
            tracing::warn!(%error, "the last uses of tokens were not saved");
        }
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "the ledger did not close in order");
        }
    }

    fn save(&mut self, tasks: &mut Vec<(Task, oneshot::Sender<Result<(), ReadError>>)>) {
        let started = Instant::now();
        #[expect(clippy::cast_precision_loss, reason = "a histogram")]
        self.batch_size.record(tasks.len() as f64);
        let mut manual_asked = false;
        let saved = (|| {
            let transaction = self.connection.unchecked_transaction()?;
            for (task, _) in tasks.iter() {
                match task {
                    Task::Progress(batch) => save::progress(&transaction, &mut self.endpoints, batch)?,
                    Task::Manual(endpoint, what) => {
                        manual::insert(&transaction, &mut self.endpoints, endpoint, what)?;
                        manual_asked = true;
                    }
                    Task::DeleteEndpoint(id) => self.endpoints.delete(&transaction, id)?,
                }
            }
            transaction.commit()
        })();
        self.commit_seconds.record(started.elapsed());
        if let Err(error) = &saved {
            tracing::error!(%error, batches = tasks.len(), "progress could not be saved");
            self.endpoints.forget();
        } else {
            self.shared.ledger.send_modify(|n| *n += 1);
            if manual_asked {
                self.shared.manual.send_modify(|n| *n += 1);
            }
        }
        for (_, done) in tasks.drain(..) {
            // Whoever saved may be gone.
            let _ = done.send(if saved.is_ok() { Ok(()) } else { Err(ReadError::Failed) });
        }
    }
}
