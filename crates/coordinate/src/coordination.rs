//! The handle: one for both adapters. What this process says is known here at once; with Redis it
//! goes to the others as well.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    ConnectError, PingError, Settings, State,
    clock::{now, whole_microseconds},
    known::Known,
    link::Link,
    message::MAX_NAME,
    metric::Dropped,
    outbox::{Change, Outbox},
};

/// What processes tell each other. Clones are the same process. No method but
/// [`connect`](Self::connect), [`ping`](Self::ping) and [`close`](Self::close) ever waits, and
/// none fails because Redis does.
#[derive(Clone, Debug)]
pub struct Coordination {
    known: Arc<Known>,
    adapter: Adapter,
}

#[derive(Clone, Debug)]
enum Adapter {
    Local,
    Redis(Arc<Link>),
}

impl Coordination {
    /// For a single process: no client, no task.
    pub fn local() -> Self {
        Self { known: Arc::new(Known::new()), adapter: Adapter::Local }
    }

    /// By the settings: [`local`](Self::local) without a URL, otherwise through Redis. It waits at most
    /// two [timeouts](Settings::timeout_ms) for Redis; if Redis is away, it goes on by itself and keeps trying in tasks on
    /// the current Tokio runtime. `process_id` is for those who look at what is sent; a random
    /// part is added to it.
    ///
    /// # Errors
    /// The settings can never work.
    pub async fn connect(settings: Settings, process_id: &str) -> Result<Self, ConnectError> {
        let Some(url) = &settings.url else { return Ok(Self::local()) };
        let known = Arc::new(Known::new());
        let link = Link::open(url, &settings, process_id, Arc::clone(&known)).await?;
        Ok(Self { known, adapter: Adapter::Redis(Arc::new(link)) })
    }

    /// The time of one round trip to Redis; zero if there is none to ask. It takes at most two
    /// timeouts.
    ///
    /// # Errors
    /// Redis does not answer. The process goes on without it.
    pub async fn ping(&self) -> Result<Duration, PingError> {
        match &self.adapter {
            Adapter::Local => Ok(Duration::ZERO),
            Adapter::Redis(link) => link.ping().await,
        }
    }

    /// Whether what this process says reaches the others.
    pub fn state(&self) -> State {
        match &self.adapter {
            Adapter::Local => State::Local,
            Adapter::Redis(link) => link.state(),
        }
    }

    /// Tells everybody that the configuration has this revision now. Only newer ones are news.
    pub fn announce_catalog(&self, revision: u64) {
        if self.known.catalog(revision)
            && let Some(outbox) = self.outbox()
        {
            outbox.catalog(revision);
        }
    }

    /// The newest revision that anybody announced, this process included; 0 before the first.
    pub fn catalog_announcements(&self) -> watch::Receiver<u64> {
        self.known.catalog.subscribe()
    }

    /// Tells everybody that this endpoint is not to be sent to until then. The later end wins,
    /// until somebody says that it is closed.
    pub fn breaker_opened(&self, endpoint: &str, until: Timestamp) {
        let until = whole_microseconds(until);
        let mut room = endpoint.len() <= MAX_NAME && self.known.breakers.opened(endpoint, until, true, now());
        if room && let Some(outbox) = self.outbox() {
            room = outbox.breaker(endpoint, Change::Opened(until));
        }
        if !room {
            Dropped::Breaker.count();
        }
    }

    /// Tells everybody that this endpoint can be sent to again.
    pub fn breaker_closed(&self, endpoint: &str) {
        if let Some(outbox) = self.outbox()
            && !(endpoint.len() <= MAX_NAME && outbox.breaker(endpoint, Change::Closed))
        {
            Dropped::Breaker.count();
        }
        self.known.breakers.closed(endpoint);
    }

    /// Until when the endpoint's breaker is open (whole microseconds), if anybody said that it is.
    /// A hint: it may be late or lost, and it is as right as the clocks of the processes.
    pub fn breaker(&self, endpoint: &str) -> Option<Timestamp> {
        self.known.breakers.until(endpoint, now())
    }

    /// Grows when a breaker opens, is prolonged or is closed; not when its time passes.
    pub fn breaker_changes(&self) -> watch::Receiver<u64> {
        self.known.breakers.changes()
    }

    /// Says that this process is sending to the destination. Call it at each attempt.
    pub fn active_at(&self, destination: &str) {
        if self.outbox().is_some() && !self.known.activity.active_at(destination, Instant::now()) {
            Dropped::Activity.count();
        }
    }

    /// This process's part of a limit of the destination: 1 divided by the number of processes
    /// that are active at it, this one included. 1.0 if there is nobody else or Redis is away.
    pub fn share(&self, destination: &str) -> f64 {
        match self.state() {
            State::Local | State::Away { .. } => 1.0,
            State::Connected => {
                let processes = self.known.activity.processes_at(destination, Instant::now());
                1.0 / f64::from(u32::try_from(processes).unwrap_or(u32::MAX))
            }
        }
    }

    /// Tells what is still to be told, says goodbye to the others and ends the task, within two
    /// timeouts. The handle then works as a local one.
    pub async fn close(&self) {
        if let Adapter::Redis(link) = &self.adapter {
            link.close().await;
        }
    }

    fn outbox(&self) -> Option<&Outbox> {
        match &self.adapter {
            Adapter::Local => None,
            Adapter::Redis(link) => Some(link.outbox()),
        }
    }
}
