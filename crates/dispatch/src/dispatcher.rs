//! Starting and stopping: the dispatcher lives on a thread of its own, with a runtime of its own,
//! so that a busy server cannot delay a webhook and a webhook cannot delay an answer.

use std::{sync::Arc, thread, time::Duration};

use rollcall_store::Store;
use rollcall_stream::Feed;
use tokio::sync::{oneshot, watch};

use crate::{
    Settings,
    attempt::Sender,
    egress,
    hints::Hints,
    metric,
    supervisor::{self, Shards},
};

/// Why the dispatcher cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The HTTP client cannot be made (no usable TLS roots, say).
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[source] reqwest::Error),
    /// The operating system gave no thread or no event loop.
    #[error("the dispatcher's thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// A running dispatcher. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Dispatcher {
    stop: oneshot::Sender<Duration>,
    shards: watch::Receiver<Shards>,
    /// Closed when the thread has ended, however it ended.
    done: watch::Receiver<()>,
}

/// Starts delivering the events of the shards that the feed [assigns](Feed::assigned) to this
/// process, now and later. The new thread claims them and loads their lanes' progress from the store;
/// until it can it tries again, so that a slow store does not keep the server from starting. Without
/// `hints` each process finds out about endpoints for itself.
pub fn start(
    settings: Settings,
    egress: egress::Settings,
    store: Store,
    feed: Arc<Feed>,
    user_agent: String,
    hints: Option<Arc<dyn Hints>>,
) -> Result<Dispatcher, StartError> {
    let sender = Sender::new(&settings, egress, &user_agent).map_err(StartError::Client)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Name look-ups block, one thread for a name; more than so many wait for each other.
        .max_blocking_threads(256)
        .build()
        .map_err(StartError::Thread)?;
    let (stop, stopped) = oneshot::channel();
    metric::describe();
    let (shards_now, shards) = watch::channel(Shards::default());
    let done = on_a_thread(move || {
        runtime.block_on(supervisor::run(settings, store, feed, sender, hints, shards_now, stopped));
        // A look-up that hangs must not keep the process.
        runtime.shutdown_background();
    })?;
    Ok(Dispatcher { stop, shards, done })
}

fn on_a_thread(run: impl FnOnce() + Send + 'static) -> Result<watch::Receiver<()>, StartError> {
    let (finished, done) = watch::channel(());
    thread::Builder::new()
        .name("dispatch".into())
        .spawn(move || {
            // Dropped at the end, and by a panic.
            let _finished = finished;
            run();
        })
        .map_err(StartError::Thread)?;
    Ok(done)
}

impl Dispatcher {
    /// Begins no new attempt, lets those under way finish within `deadline`, saves the progress
    /// and returns. What was cut off is sent again after the next start.
    pub async fn stop(self, deadline: Duration) {
        let ended = self.ended();
        let _ = self.stop.send(deadline);
        ended.await;
    }

    /// The shards that are assigned to this process, and those of them whose events it sends.
    pub fn shards(&self) -> watch::Receiver<Shards> {
        self.shards.clone()
    }

    /// Resolves when the dispatcher's thread has ended. Before [`stop`](Self::stop) was called that
    /// is a panic: nothing is sent any more, and only a new start of the process helps. Nothing is
    /// lost by it.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut done = self.done.clone();
        async move { while done.changed().await.is_ok() {} }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_that_panics_is_noticed() {
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let done = on_a_thread(move || {
            gone.recv().unwrap_or_default();
            panic!("a test's");
        });
        let dispatcher = Dispatcher {
            stop: oneshot::channel().0,
            shards: watch::channel(Shards::default()).1,
            done: done.unwrap(),
        };
        let ended = dispatcher.ended();
        tokio::pin!(ended);
        assert!(futures_util::poll!(&mut ended).is_pending());
        drop(go);
        ended.await;
        // Stopping what has ended does not wait.
        dispatcher.stop(Duration::ZERO).await;
    }
}
