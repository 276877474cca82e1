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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;
    use rollcall_domain::{
        event::{EventType, Subject, SubjectKind},
        ids::{DirectoryId, EventId, OrganizationId},
    };
    use uuid::Uuid;

    use super::*;

    fn event(position: u64, body: usize) -> Arc<LoggedEvent> {
        let uuid = Uuid::from_u128(u128::from(position));
        Arc::new(LoggedEvent {
            shard: 0,
            position,
            id: EventId::from_uuid(uuid),
            kind: EventType::UserCreated,
            organization_id: OrganizationId::from_uuid(uuid),
            directory_id: DirectoryId::from_uuid(uuid),
            sequence: position,
            subject: Subject { kind: SubjectKind::User, id: "usr_1".into(), version: 1 },
            group_id: None,
            sandbox: false,
            timestamp: Timestamp::UNIX_EPOCH,
            body: Bytes::from(vec![b'x'; body]),
        })
    }

    fn positions(events: Option<Vec<Arc<LoggedEvent>>>) -> Option<Vec<u64>> {
        events.map(|events| events.iter().map(|e| e.position).collect())
    }

    #[test]
    fn a_reader_that_keeps_up_reads_from_the_tail() {
        let feed = Feed::new(Settings::default());
        assert_eq!(positions(feed.tail_after(0, 10)), None, "nothing is known before the first commit");
        feed.committed(&[event(41, 1), event(42, 1)]);
        feed.committed(&[event(43, 1)]);
        assert_eq!(*feed.head().borrow(), 43);
        assert_eq!(positions(feed.tail_after(40, 10)), Some(vec![41, 42, 43]));
        assert_eq!(positions(feed.tail_after(41, 1)), Some(vec![42]));
        assert_eq!(positions(feed.tail_after(43, 10)), Some(vec![]));
        assert_eq!(positions(feed.tail_after(99, 10)), Some(vec![]));
        assert_eq!(positions(feed.tail_after(39, 10)), None, "40 was before this process: ask the store");
    }

    #[test]
    fn the_tail_is_bounded_in_events_and_in_bytes() {
        let feed = Feed::new(Settings { tail_events: 3, tail_bytes: 100 });
        feed.committed(&(1..=5).map(|p| event(p, 10)).collect::<Vec<_>>());
        assert_eq!(positions(feed.tail_after(2, 10)), Some(vec![3, 4, 5]));
        assert_eq!(positions(feed.tail_after(1, 10)), None);
        feed.committed(&[event(6, 95)]);
        assert_eq!(positions(feed.tail_after(5, 10)), Some(vec![6]));
        assert_eq!(positions(feed.tail_after(4, 10)), None);
        feed.committed(&[event(7, 500)]);
        assert_eq!(positions(feed.tail_after(6, 10)), Some(vec![7]), "one event is kept, whatever its size");
    }

    #[test]
    fn a_waiting_reader_is_woken() {
        let feed = Feed::new(Settings::default());
        let mut head = feed.head();
        head.mark_unchanged();
        feed.committed(&[event(1, 1)]);
        assert!(head.has_changed().unwrap());
        feed.committed(&[]);
        assert_eq!(*head.borrow_and_update(), 1);
    }
}
