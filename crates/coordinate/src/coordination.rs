//! The handle: one for both adapters. What this process says is known here at once; with Redis it
//! goes to the others as well.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    ConnectError, PingError, Settings, State,
    breakers::Breakers,
    clock::{now, whole_microseconds},
    heads::Heads,
};

/// What processes tell each other. Clones are the same process. No method but
/// [`connect`](Self::connect), [`ping`](Self::ping) and [`close`](Self::close) ever waits, and
/// none fails because Redis does.
#[derive(Clone, Debug)]
pub struct Coordination {
    known: Arc<Known>,
}

/// What this process knows, by itself and from others.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) catalog: watch::Sender<u64>,
    pub(crate) breakers: Breakers,
    pub(crate) heads: Heads,
}

impl Coordination {
    /// For a single process: no client, no task.
    pub fn local() -> Self {
        Self {
            known: Arc::new(Known {
                catalog: watch::Sender::new(0),
                breakers: Breakers::new(),
                heads: Heads::new(),
            }),
        }
    }

    /// By the settings: [`local`](Self::local) without a URL, otherwise through Redis. It waits at most
    /// [`Settings::timeout_ms`] for Redis; if Redis is away, it goes on by itself and keeps trying in tasks on
    /// the current Tokio runtime. `process_id` must be different for each process that runs.
    ///
    /// # Errors
    /// The settings can never work.
    pub async fn connect(_settings: Settings, _process_id: &str) -> Result<Self, ConnectError> {
        Ok(Self::local())
    }

    /// The time of one round trip to Redis; zero if there is none to ask.
    ///
    /// # Errors
    /// Redis does not answer. The process goes on without it.
    pub async fn ping(&self) -> Result<Duration, PingError> {
        Ok(Duration::ZERO)
    }

    /// Whether what this process says reaches the others.
    pub fn state(&self) -> State {
        State::Local
    }

    /// Tells everybody that the configuration has this revision now.
    pub fn announce_catalog(&self, revision: u64) {
        self.known.catalog.send_if_modified(|known| {
            let newer = revision > *known;
            *known = revision.max(*known);
            newer
        });
    }

    /// The newest revision that anybody announced, this process included; 0 before the first.
    pub fn catalog_announcements(&self) -> watch::Receiver<u64> {
        self.known.catalog.subscribe()
    }

    /// Tells everybody that this endpoint is not to be sent to until then. The later end wins.
    pub fn breaker_opened(&self, endpoint: &str, until: Timestamp) {
        self.known.breakers.opened(endpoint, whole_microseconds(until), true, now());
    }

    /// Tells everybody that this endpoint can be sent to again.
    pub fn breaker_closed(&self, endpoint: &str) {
        self.known.breakers.closed(endpoint);
    }

    /// Until when the endpoint's breaker is open (whole microseconds), if anybody said that it is.
    /// A hint: it may be late or lost.
    pub fn breaker(&self, endpoint: &str) -> Option<Timestamp> {
        self.known.breakers.until(endpoint, now())
    }

    /// Grows when a breaker opens, is prolonged or is closed; not when its time passes.
    pub fn breaker_changes(&self) -> watch::Receiver<u64> {
        self.known.breakers.changes()
    }

    /// Says that this process is sending to the destination. Call it at each attempt.
    pub fn active_at(&self, _destination: &str) {}

    /// This process's part of a limit of the destination: 1 divided by the number of processes
    /// that are active at it, this one included. 1.0 if there is nobody else or Redis is away.
    pub fn share(&self, _destination: &str) -> f64 {
        1.0
    }

    /// Tells everybody that the shard's newest committed position is this.
    pub fn announce_head(&self, shard: u16, position: u64) {
        self.known.heads.announced(shard, position);
    }

    /// Grows with each newer head of any shard, and when something may have been missed (after a
    /// reconnection): look at the store then.
    pub fn head_announcements(&self) -> watch::Receiver<u64> {
        self.known.heads.announcements()
    }

    /// The newest head of the shard that anybody announced; 0 before the first.
    pub fn announced_head(&self, shard: u16) -> u64 {
        self.known.heads.of(shard)
    }

    /// Says goodbye to the others and ends the tasks. The handle then works as a local one.
    pub async fn close(&self) {}
}
