//! Starting and stopping: the dispatcher lives on a thread of its own, with a runtime of its own,
//! so that a busy server cannot delay a webhook and a webhook cannot delay an answer.

use std::{sync::Arc, thread, time::Duration};

use rollcall_store::Store;
use rollcall_stream::Feed;
use tokio::sync::oneshot;

use crate::{Settings, attempt::Sender, egress, metric, scheduler};

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
    done: oneshot::Receiver<()>,
}

/// Starts delivering. The lanes' progress is loaded from the store by the new thread; until it can
/// be read the thread tries again, so that a slow store does not keep the server from starting.
pub fn start(
    settings: Settings,
    egress: egress::Settings,
    store: Store,
    feed: Arc<Feed>,
    user_agent: String,
) -> Result<Dispatcher, StartError> {
    let sender = Sender::new(&settings, egress, &user_agent).map_err(StartError::Client)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Name look-ups block; more than so many at a time wait for each other.
        .max_blocking_threads(64)
        .build()
        .map_err(StartError::Thread)?;
    let (stop, stopped) = oneshot::channel();
    let (finished, done) = oneshot::channel();
    metric::describe();
    thread::Builder::new()
        .name("dispatch".into())
        .spawn(move || {
            runtime.block_on(scheduler::run(settings, store, feed, sender, stopped));
            // A look-up that hangs must not keep the process.
            runtime.shutdown_background();
            let _ = finished.send(());
        })
        .map_err(StartError::Thread)?;
    Ok(Dispatcher { stop, done })
}

impl Dispatcher {
    /// Begins no new attempt, lets those under way finish within `deadline`, saves the progress
    /// and returns. What was cut off is sent again after the next start.
    pub async fn stop(self, deadline: Duration) {
        let _ = self.stop.send(deadline);
        let _ = self.done.await;
    }
}
