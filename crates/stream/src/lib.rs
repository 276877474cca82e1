//! The feed of committed events, in process: wake-ups, and a shared tail of the newest events so
//! that a reader that keeps up never asks the store.
//!
//! Cast: the [`Feed`], which the store tells of each commit ([`CommitListener`]); readers, who
//! wait for the head to move and read from the [tail](Feed::tail_after) what they have not seen,
//! or from the store if the tail no longer holds it.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

use rollcall_domain::event::LoggedEvent;
use rollcall_store::CommitListener;
use tokio::sync::watch;

/// How much the tail holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// At most so many events.
    pub tail_events: usize,
    /// At most so many bytes of bodies.
    pub tail_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tail_events: 8_192, tail_bytes: 16 * 1024 * 1024 }
    }
}

/// The in-process feed.
#[derive(Debug)]
pub struct Feed {
    settings: Settings,
    tail: RwLock<Tail>,
    head: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Tail {
    events: VecDeque<Arc<LoggedEvent>>,
    bytes: usize,
}

impl Feed {
    /// An empty feed. The tail fills from the first commit on; what is older is in the store.
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self { settings, tail: RwLock::default(), head: watch::Sender::new(0) })
    }

    /// Changes to the newest committed position after each commit that gave events. It is 0 until
    /// the first commit of this process: ask the store for the head at the start.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Up to `limit` events after `position`, in order and without a gap; `None` if the tail no
    /// longer reaches back that far (read the store then).
    pub fn tail_after(&self, position: u64, limit: usize) -> Option<Vec<Arc<LoggedEvent>>> {
        let tail = self.tail.read().unwrap_or_else(PoisonError::into_inner);
        let first = tail.events.front()?.position;
        if position + 1 < first {
            return None;
        }
        // Positions have no gaps, so the place in the queue follows from the position.
        let skip = usize::try_from(position + 1 - first).unwrap_or(usize::MAX);
        Some(tail.events.iter().skip(skip).take(limit).cloned().collect())
    }
}

impl CommitListener for Feed {
    fn committed(&self, events: &[Arc<LoggedEvent>]) {
        let Some(last) = events.last() else { return };
        {
            let mut tail = self.tail.write().unwrap_or_else(PoisonError::into_inner);
            for event in events {
                tail.bytes += event.body.len();
                tail.events.push_back(Arc::clone(event));
            }
            while tail.events.len() > self.settings.tail_events
                || (tail.bytes > self.settings.tail_bytes && tail.events.len() > 1)
            {
                let Some(old) = tail.events.pop_front() else { break };
                tail.bytes -= old.body.len();
            }
        }
        self.head.send_replace(last.position);
    }
}
