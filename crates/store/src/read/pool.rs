//! The readers: threads with a connection each, and the queue before them.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{Builder, JoinHandle},
};

use metrics::{Counter, Gauge};
use tokio::sync::oneshot;

use super::{
    ReadError,
    reader::{Connector, Reader},
};
use crate::{OpenError, Store, db::Db, metric};

/// How many reads may wait.
const QUEUE: usize = 4096;

type Job = Box<dyn FnOnce(&mut Reader) + Send>;

/// See the module.
pub(crate) struct Readers {
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    depth: Gauge,
    refused: Counter,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Readers {
    /// Starts the threads.
    pub(crate) fn start(connector: &Connector, readers: usize) -> Result<Self, OpenError> {
        let queue = Arc::new(Queue {
            state: Mutex::default(),
            changed: Condvar::new(),
            depth: metrics::gauge!(metric::READ_QUEUE),
            refused: metrics::counter!(metric::READS_REFUSED),
        });
        let mut threads = Vec::with_capacity(readers);
        for number in 0..readers {
            let reader = Reader::new(connector.clone())?;
            let queue = queue.clone();
            let thread = Builder::new()
                .name(format!("rollcall-reader-{number}"))
                .spawn(move || queue.work(reader))
                .map_err(|source| OpenError::Io { what: "starting a reader".to_owned(), source })?;
            threads.push(thread);
        }
        Ok(Self { queue, threads: Mutex::new(threads) })
    }

    /// Finishes what waits, and ends the threads.
    pub(crate) fn shut(&self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_all();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader had panicked");
            }
        }
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), ReadError> {
        let mut state = self.lock();
        if state.closed {
            return Err(ReadError::Failed);
        }
        if state.jobs.len() >= QUEUE {
            self.refused.increment(1);
            return Err(ReadError::Busy);
        }
        state.jobs.push_back(job);
        self.record(&state);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                self.record(&state);
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn record(&self, state: &State) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        self.depth.set(state.jobs.len() as f64);
    }

    fn work(&self, mut reader: Reader) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(|| job(&mut reader))).is_err() {
                tracing::error!("a read panicked");
                reader.recover();
            }
        }
    }
}

impl Store {
    /// Runs a read on one of the readers.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Db) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (answer, wait) = oneshot::channel();
        self.inner.readers.queue.push(Box::new(move |reader| {
            if !answer.is_closed() {
                // Whoever asked may be gone.
                let _ = answer.send(reader.read(run));
            }
        }))?;
        wait.await.unwrap_or(Err(ReadError::Failed))
    }
}
