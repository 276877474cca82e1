//! The link to the others through Redis.
//!
//! Cast: the [`Link`], which the handle holds; one **task**, which [opens](session::Session::open)
//! a session, [runs](session::Session::run) it until it fails, and tries again, ever more patiently;
//! the [outbox](crate::outbox), from which that task alone takes what is to be told. What the
//! others say is taken in where it is read from the connection, so nothing of it queues up here.

mod client;
mod session;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use secrecy::SecretString;
use tokio::{sync::watch, task::JoinHandle};
use tracing::{debug, info, warn};

use self::{client::Client, session::Session};
use crate::{
    ConnectError, PingError, Settings, State, clock::now, keys::Keys, known::Known, message::MAX_NAME,
    metric, outbox::Outbox,
};

/// The first pause between two attempts to connect; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the task and the handle share.
#[derive(Debug)]
struct Shared {
    known: Arc<Known>,
    outbox: Outbox,
    keys: Keys,
    process: String,
    state: watch::Sender<State>,
    /// The connection of the present session, for pings.
    connection: Mutex<Option<redis::aio::MultiplexedConnection>>,
    /// Why Redis did not let the last session do its work: a ping needs fewer rights.
    denied: Mutex<Option<String>>,
    closing: watch::Sender<bool>,
}

/// The task is stopped when the last handle is gone.
#[derive(Debug)]
pub(crate) struct Link {
    shared: Arc<Shared>,
    client: Client,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(task) = self.task() {
            task.abort();
        }
    }
}

impl Link {
    /// Tries once; whatever comes of it, the task goes on from there.
    pub(crate) async fn open(
        url: &SecretString,
        settings: &Settings,
        process: &str,
        known: Arc<Known>,
    ) -> Result<Self, ConnectError> {
        let prefix = &settings.key_prefix;
        if prefix.is_empty() || prefix.len() > MAX_NAME || prefix.contains(char::is_whitespace) {
            return Err(ConnectError::Setting("redis.key_prefix must be 1 to 256 bytes without spaces"));
        }
        // A name that two processes share by mistake must not make them deaf to each other.
        let process = format!("{process}-{:08x}", rand::random::<u32>());
        if process.len() > MAX_NAME {
            return Err(ConnectError::Setting("the process's id is too long"));
        }
        if settings.timeout_ms == 0 || settings.timeout_ms > 60_000 {
            return Err(ConnectError::Setting("redis.timeout_ms must be 1 to 60000"));
        }
        let timeout = Duration::from_millis(settings.timeout_ms);
        let client = Client::new(url, settings.tls_ca.as_deref(), timeout)?;
        metric::register();
        metrics::gauge!(metric::CONNECTED).set(0.0);
        let shared = Arc::new(Shared {
            known,
            outbox: Outbox::default(),
            keys: Keys::new(prefix),
            process,
            state: watch::Sender::new(State::Away { since: now() }),
            connection: Mutex::default(),
            denied: Mutex::default(),
            closing: watch::Sender::new(false),
        });
        let first = Session::open(&client, &shared).await;
        match &first {
            Ok(_) => shared.connected(),
            Err(error) => shared.failed(error),
        }
        let task = tokio::spawn(keep_connected(client.clone(), Arc::clone(&shared), first));
        Ok(Self { shared, client, task: Mutex::new(Some(task)) })
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.shared.outbox
    }

    pub(crate) fn state(&self) -> State {
        *self.shared.state.borrow()
    }

    pub(crate) async fn ping(&self) -> Result<Duration, PingError> {
        let connection = self.shared.connection().clone();
        let round_trip = self.client.ping(connection).await?;
        match self.shared.denied().clone() {
            Some(reason) => Err(PingError::Denied(reason)),
            None => Ok(round_trip),
        }
    }

    /// Tells what is still to be told, takes leave and ends the task, within two timeouts.
    pub(crate) async fn close(&self) {
        self.shared.closing.send_replace(true);
        let Some(mut task) = self.task() else { return };
        if tokio::time::timeout(self.client.timeout * 2, &mut task).await.is_err() {
            task.abort();
            let _ = task.await;
        }
        self.shared.away();
        *self.shared.denied() = None;
        self.shared.state.send_replace(State::Local);
    }

    fn task(&self) -> Option<JoinHandle<()>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Shared {
    /// Waits until the process ends.
    async fn closing(&self) {
        // The sender is in `self`, so there is no error to look at.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    fn connection(&self) -> MutexGuard<'_, Option<redis::aio::MultiplexedConnection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn denied(&self) -> MutexGuard<'_, Option<String>> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connected(&self) {
        *self.denied() = None;
        self.state.send_replace(State::Connected);
        metrics::gauge!(metric::CONNECTED).set(1.0);
    }

    fn failed(&self, error: &PingError) {
        if let PingError::Denied(reason) = error {
            *self.denied() = Some(reason.clone());
        }
    }

    /// True if it was connected until now.
    fn away(&self) -> bool {
        *self.connection() = None;
        metrics::gauge!(metric::CONNECTED).set(0.0);
        metrics::gauge!(metric::PROCESSES).set(1.0);
        self.state.send_if_modified(|state| {
            let was_connected = *state == State::Connected;
            if was_connected {
                *state = State::Away { since: now() };
            }
            was_connected
        })
    }
}

/// The task.
async fn keep_connected(client: Client, shared: Arc<Shared>, first: Result<Session, PingError>) {
    let mut attempt = first;
    let mut pause = FIRST_PAUSE;
    let mut told = false;
    loop {
        let error = match attempt {
            Ok(mut session) => {
                let began = Instant::now();
                shared.connected();
                info!("connected to Redis");
                let Err(error) = session.run(&shared).await else { return };
                // A session that fails at once is no reason to be less patient.
                if began.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
                told = false;
                error
            }
            Err(error) => error,
        };
        shared.failed(&error);
        if shared.away() {
            metrics::counter!(metric::LOST).increment(1);
        }
        if told {
            debug!(%error, "Redis is still away");
        } else {
            warn!(%error, "Redis is away: limits and breakers are this process's own until it is back");
            told = true;
        }
        // Processes that lost the same Redis do not come back at the same moment.
        let wait = pause.mul_f64(rand::random_range(0.5..=1.0));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.closing() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        attempt = Session::open(&client, &shared).await;
    }
}
