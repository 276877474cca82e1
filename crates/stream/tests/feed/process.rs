//! A process of a cluster, as far as the feed is concerned: what was started, and what it has read.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rollcall_domain::event::LoggedEvent;
use rollcall_store::CommitListener as _;
use rollcall_stream::{Feed, Log as _, Role, Running, Settings, kafka, start};
use tokio::time::timeout;

use crate::memory::Memory;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub(crate) struct Process {
    pub(crate) feed: Arc<Feed>,
    log: Memory,
    running: Running,
}

impl Process {
    /// One process with everything in it; without Kafka it is the embedded profile.
    pub(crate) async fn alone(log: &Memory, shards: u16) -> Self {
        let role = Role { relay: true, dispatch: true, shared_store: false };
        Self::started(log, &kafka::Settings::default(), role, shards, "alone").await
    }

    /// One that takes writes and relays.
    pub(crate) async fn ingest(log: &Memory, kafka: &kafka::Settings, shards: u16, holder: &str) -> Self {
        let role = Role { relay: true, dispatch: false, shared_store: true };
        Self::started(log, kafka, role, shards, holder).await
    }

    /// One that dispatches.
    pub(crate) async fn dispatch(log: &Memory, kafka: &kafka::Settings, shards: u16, holder: &str) -> Self {
        let role = Role { relay: false, dispatch: true, shared_store: true };
        Self::started(log, kafka, role, shards, holder).await
    }

    async fn started(log: &Memory, kafka: &kafka::Settings, role: Role, shards: u16, holder: &str) -> Self {
        let feed = Feed::new(Settings::default());
        let running = start(kafka, role, log.clone(), Arc::clone(&feed), shards, holder).await.unwrap();
        Self { feed, log: log.clone(), running }
    }

    /// Commits an event here.
    pub(crate) fn commit(&self, shard: u16) {
        self.feed.committed(&[self.log.commit(shard)]);
    }

    /// What is assigned to it.
    pub(crate) fn shards(&self) -> BTreeSet<u16> {
        (**self.feed.assigned().borrow()).clone()
    }

    /// Reads a shard up to a position as a dispatcher does: from the tail, else from the store. How
    /// many came from the tail is told too.
    pub(crate) async fn read_to(&self, shard: u16, end: u64) -> (Vec<Arc<LoggedEvent>>, usize) {
        let mut moved = self.feed.moved();
        let (mut read, mut from_tail) = (Vec::<Arc<LoggedEvent>>::new(), 0);
        while (read.len() as u64) < end {
            moved.borrow_and_update();
            let after = read.len() as u64;
            if self.feed.head(shard) <= after {
                timeout(PATIENCE, moved.changed()).await.expect("the feed moves").unwrap();
                continue;
            }
            match self.feed.tail_after(shard, after, 100) {
                Some(events) if !events.is_empty() => {
                    from_tail += events.len();
                    read.extend(events);
                }
                _ => {
                    read.extend(self.log.shard_events(shard, after, 100).await.unwrap());
                }
            }
        }
        (read, from_tail)
    }

    pub(crate) async fn stop(self) {
        self.running.stop(Duration::from_secs(10)).await;
    }

    pub(crate) fn link(&self) -> rollcall_stream::Link {
        self.running.link().borrow().clone()
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("it never came to this: {what}"));
}
