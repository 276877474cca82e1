//! The feed within a process: wake-ups, and a shared tail of the newest events of each shard so
//! that a reader that keeps up never asks the store.
//!
//! Cast: the [`Feed`], which is [offered](Feed::offer) events by whoever learns of them first: the
//! store at each commit ([`CommitListener`]), or a consumer of the public feed; readers, who wait for
//! it to [move](Feed::moved) and read from the [tail](Feed::tail_after) what they have not seen, or
//! from the store if the tail does not hold it.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use rollcall_domain::event::LoggedEvent;
use rollcall_store::CommitListener;
use tokio::sync::watch;

/// The most shards that a log may have.
pub const MAX_SHARDS: u16 = 256;

/// How much the tail holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// At most so many events of each shard.
    pub tail_events: usize,
    /// At most so many bytes of bodies, shared evenly by the shards that have events.
    pub tail_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tail_events: 8_192, tail_bytes: 16 * 1024 * 1024 }
    }
}

/// The feed within a process.
#[derive(Debug)]
pub struct Feed {
    settings: Settings,
    shards: Vec<RwLock<Tail>>,
    /// How many of them have held an event.
    in_use: AtomicUsize,
    moved: watch::Sender<u64>,
    assigned: watch::Sender<Arc<BTreeSet<u16>>>,
}

/// The newest events of a shard, without a gap between them.
#[derive(Debug, Default)]
struct Tail {
    events: VecDeque<Arc<LoggedEvent>>,
    bytes: usize,
    /// The newest position that is known; there may be no event of it here.
    head: u64,
}

impl Feed {
    /// An empty feed, no shard of which is assigned. The tail fills with what is offered; what is older
    /// is in the store.
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            shards: (0..MAX_SHARDS).map(|_| RwLock::default()).collect(),
            in_use: AtomicUsize::new(0),
            moved: watch::Sender::new(0),
            assigned: watch::Sender::default(),
        })
    }

    /// Changes when the head of any shard did.
    pub fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// The newest position of the shard that this process has heard of. It is 0 until then: ask the
    /// store for the head at the start.
    pub fn head(&self, shard: u16) -> u64 {
        self.tail(shard).map_or(0, |tail| tail.read().unwrap_or_else(PoisonError::into_inner).head)
    }

    /// Up to `limit` events of the shard after `position`, in order and without a gap; `None` if the
    /// tail does not hold the first of them (read the store then).
    pub fn tail_after(&self, shard: u16, position: u64, limit: usize) -> Option<Vec<Arc<LoggedEvent>>> {
        let tail = self.tail(shard)?.read().unwrap_or_else(PoisonError::into_inner);
        let (first, last) = (tail.events.front()?.position, tail.events.back()?.position);
        if position + 1 < first || (position >= last && position < tail.head) {
            return None;
        }
        // Positions have no gaps, so the place in the queue follows from the position.
        let skip = usize::try_from(position + 1 - first).unwrap_or(usize::MAX);
        Some(tail.events.iter().skip(skip).take(limit).cloned().collect())
    }

    /// Takes events up, of any shards, those of each in order of position. What is known already is
    /// passed over; after a gap the tail begins anew.
    pub fn offer(&self, events: &[Arc<LoggedEvent>]) {
        let mut moved = false;
        for of_shard in events.chunk_by(|a, b| a.shard == b.shard) {
            let Some(tail) = self.tail(of_shard[0].shard) else { continue };
            let mut tail = tail.write().unwrap_or_else(PoisonError::into_inner);
            if tail.events.is_empty() {
                self.in_use.fetch_add(1, Ordering::Relaxed);
            }
            for event in of_shard {
                moved |= tail.push(event);
            }
            let bytes = self.settings.tail_bytes / self.in_use.load(Ordering::Relaxed).max(1);
            tail.shorten(self.settings.tail_events, bytes);
        }
        if moved {
            self.moved.send_modify(|n| *n += 1);
        }
    }

    /// Learns that a shard has events up to this position, without having them.
    pub fn head_moved(&self, shard: u16, position: u64) {
        let Some(tail) = self.tail(shard) else { return };
        let moved = {
            let mut tail = tail.write().unwrap_or_else(PoisonError::into_inner);
            let moved = position > tail.head;
            tail.head = tail.head.max(position);
            moved
        };
        if moved {
            self.moved.send_modify(|n| *n += 1);
        }
    }

    /// The shards that this process is to dispatch, now and whenever they change.
    pub fn assigned(&self) -> watch::Receiver<Arc<BTreeSet<u16>>> {
        self.assigned.subscribe()
    }

    /// Says which shards this process is to dispatch from now on.
    pub fn assign(&self, shards: BTreeSet<u16>) {
        self.assigned.send_if_modified(|assigned| {
            let changed = **assigned != shards;
            if changed {
                *assigned = Arc::new(shards);
            }
            changed
        });
    }

    fn tail(&self, shard: u16) -> Option<&RwLock<Tail>> {
        self.shards.get(usize::from(shard))
    }
}

impl Tail {
    /// True if the event is the newest one by now.
    fn push(&mut self, event: &Arc<LoggedEvent>) -> bool {
        if let Some(last) = self.events.back() {
            if event.position <= last.position {
                return false;
            }
            if event.position > last.position + 1 {
                self.events.clear();
                self.bytes = 0;
            }
        }
        self.bytes += event.body.len();
        self.events.push_back(Arc::clone(event));
        // Of what is heard of first and comes later, the coming is what readers wait for.
        self.head = self.head.max(event.position);
        true
    }

    fn shorten(&mut self, events: usize, bytes: usize) {
        while self.events.len() > events || (self.bytes > bytes && self.events.len() > 1) {
            let Some(old) = self.events.pop_front() else { break };
            self.bytes -= old.body.len();
        }
    }
}

impl CommitListener for Feed {
    fn committed(&self, events: &[Arc<LoggedEvent>]) {
        self.offer(events);
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
        assert_eq!(positions(feed.tail_after(0, 0, 10)), None, "nothing is known before the first commit");
        feed.committed(&[event(41, 1), event(42, 1)]);
        feed.committed(&[event(43, 1)]);
        assert_eq!(feed.head(0), 43);
        assert_eq!(positions(feed.tail_after(0, 40, 10)), Some(vec![41, 42, 43]));
        assert_eq!(positions(feed.tail_after(0, 41, 1)), Some(vec![42]));
        assert_eq!(positions(feed.tail_after(0, 43, 10)), Some(vec![]));
        assert_eq!(positions(feed.tail_after(0, 99, 10)), Some(vec![]));
        assert_eq!(positions(feed.tail_after(0, 39, 10)), None, "40 was before this process: ask the store");
    }

    #[test]
    fn the_tail_is_bounded_in_events_and_in_bytes() {
        let feed = Feed::new(Settings { tail_events: 3, tail_bytes: 100 });
        feed.committed(&(1..=5).map(|p| event(p, 10)).collect::<Vec<_>>());
        assert_eq!(positions(feed.tail_after(0, 2, 10)), Some(vec![3, 4, 5]));
        assert_eq!(positions(feed.tail_after(0, 1, 10)), None);
        feed.committed(&[event(6, 95)]);
        assert_eq!(positions(feed.tail_after(0, 5, 10)), Some(vec![6]));
        assert_eq!(positions(feed.tail_after(0, 4, 10)), None);
        feed.committed(&[event(7, 500)]);
        assert_eq!(
            positions(feed.tail_after(0, 6, 10)),
            Some(vec![7]),
            "one event is kept, whatever its size"
        );
    }

    #[test]
    fn a_waiting_reader_is_woken() {
        let feed = Feed::new(Settings::default());
        let mut moved = feed.moved();
        moved.mark_unchanged();
        feed.committed(&[event(1, 1)]);
        assert!(moved.has_changed().unwrap());
        moved.mark_unchanged();
        feed.committed(&[]);
        feed.committed(&[event(1, 1)]);
        feed.head_moved(0, 1);
        assert!(!moved.has_changed().unwrap(), "nothing is new");
        feed.head_moved(0, 2);
        assert!(moved.has_changed().unwrap());
        assert_eq!(feed.head(0), 2);
    }

    #[test]
    fn what_is_heard_of_and_not_here_is_read_from_the_store() {
        let feed = Feed::new(Settings::default());
        feed.offer(&[event(1, 1), event(2, 1)]);
        feed.head_moved(0, 5);
        assert_eq!(positions(feed.tail_after(0, 1, 10)), Some(vec![2]));
        assert_eq!(positions(feed.tail_after(0, 2, 10)), None, "3 is committed, and not here");
        feed.offer(&[event(5, 1), event(6, 1)]);
        assert_eq!(positions(feed.tail_after(0, 1, 10)), None, "3 and 4 are missing");
        assert_eq!(positions(feed.tail_after(0, 4, 10)), Some(vec![5, 6]));
        feed.offer(&[event(5, 1), event(6, 1), event(7, 1)]);
        assert_eq!(positions(feed.tail_after(0, 4, 10)), Some(vec![5, 6, 7]));
    }

    #[test]
    fn shards_have_tails_of_their_own() {
        let feed = Feed::new(Settings::default());
        let other = Arc::new(LoggedEvent { shard: 1, ..LoggedEvent::clone(&event(9, 1)) });
        let stray = Arc::new(LoggedEvent { shard: MAX_SHARDS, ..LoggedEvent::clone(&event(9, 1)) });
        feed.offer(&[event(1, 1), other, stray]);
        assert_eq!((feed.head(0), feed.head(1), feed.head(MAX_SHARDS)), (1, 9, 0));
        assert_eq!(positions(feed.tail_after(1, 8, 10)), Some(vec![9]));
        assert_eq!(positions(feed.tail_after(MAX_SHARDS, 8, 10)), None);
    }

    #[test]
    fn an_assignment_is_told_when_it_changes() {
        let feed = Feed::new(Settings::default());
        let mut assigned = feed.assigned();
        feed.assign(BTreeSet::new());
        assert!(!assigned.has_changed().unwrap());
        feed.assign(BTreeSet::from([1, 3]));
        assert_eq!(assigned.borrow_and_update().iter().copied().collect::<Vec<_>>(), [1, 3]);
    }
}
