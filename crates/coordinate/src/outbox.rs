//! What is still to be told: the newest of each thing, so that it is bounded however long Redis
//! is away and however fast things change.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::breakers::MAX_BREAKERS;

/// What became of an endpoint's breaker last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Opened(Timestamp),
    Closed,
}

/// What is sent together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) catalog: Option<u64>,
    pub(crate) breakers: HashMap<String, Change>,
}

impl Pending {
    fn catalog(&mut self, revision: u64) {
        self.catalog = self.catalog.max(Some(revision));
    }

    /// Keeps what it has of the endpoint.
    fn older(&mut self, endpoint: String, change: Change) {
        if self.breakers.len() < MAX_BREAKERS {
            self.breakers.entry(endpoint).or_insert(change);
        }
    }
}

/// The queue of one process: many say, one task takes.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pending: Mutex<Pending>,
    ready: Notify,
}

impl Outbox {
    pub(crate) fn catalog(&self, revision: u64) {
        self.lock().catalog(revision);
        self.ready.notify_one();
    }

    /// False if there was no room for it.
    pub(crate) fn breaker(&self, endpoint: &str, change: Change) -> bool {
        {
            let mut pending = self.lock();
            let room = pending.breakers.len() < MAX_BREAKERS;
            match pending.breakers.entry(endpoint.to_owned()) {
                Entry::Occupied(mut known) => *known.get_mut() = change,
                Entry::Vacant(place) if room => {
                    place.insert(change);
                }
                Entry::Vacant(_) => return false,
            }
        }
        self.ready.notify_one();
        true
    }

    /// Adds what this process knows anyway, without overriding what is newer.
    pub(crate) fn repeat(&self, catalog: u64, own: Vec<(String, Timestamp)>) {
        let mut pending = self.lock();
        if catalog > 0 {
            pending.catalog(catalog);
        }
        for (endpoint, until) in own {
            pending.older(endpoint, Change::Opened(until));
        }
    }

    /// Waits until there is something. It may also return when there is nothing.
    pub(crate) async fn ready(&self) {
        self.ready.notified().await;
    }

    pub(crate) fn take(&self) -> Pending {
        std::mem::take(&mut *self.lock())
    }

    /// What could not be told goes back, unless there is something newer.
    pub(crate) fn put_back(&self, old: Pending) {
        let mut pending = self.lock();
        if let Some(revision) = old.catalog {
            pending.catalog(revision);
        }
        for (endpoint, change) in old.breakers {
            pending.older(endpoint, change);
        }
    }

    /// Runs `then` with the question whether an endpoint's closing is still to be told; nothing
    /// is added meanwhile.
    pub(crate) fn with_closed(&self, then: impl FnOnce(&dyn Fn(&str) -> bool)) {
        let pending = self.lock();
        then(&|endpoint| pending.breakers.get(endpoint) == Some(&Change::Closed));
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Change {
        Change::Opened(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn only_the_newest_of_each_is_told() {
        let outbox = Outbox::default();
        for revision in [3, 5, 4] {
            outbox.catalog(revision);
        }
        for change in [at(1), Change::Closed, at(2)] {
            assert!(outbox.breaker("ep", change));
        }
        let pending = outbox.take();
        assert_eq!(pending.catalog, Some(5));
        assert_eq!(pending.breakers, [("ep".to_owned(), at(2))].into());
        assert_eq!(outbox.take(), Pending::default());
    }

    #[test]
    fn what_comes_back_does_not_override_what_is_newer() {
        let outbox = Outbox::default();
        outbox.catalog(3);
        outbox.breaker("ep", at(1));
        outbox.breaker("other", Change::Closed);
        let failed = outbox.take();
        outbox.catalog(4);
        outbox.breaker("ep", Change::Closed);
        outbox.put_back(failed);
        outbox.repeat(2, vec![("other".into(), Timestamp::UNIX_EPOCH)]);
        let pending = outbox.take();
        assert_eq!(pending.catalog, Some(4));
        assert_eq!(
            pending.breakers,
            [("ep".to_owned(), Change::Closed), ("other".to_owned(), Change::Closed)].into()
        );
    }

    #[test]
    fn it_is_bounded() {
        let outbox = Outbox::default();
        for n in 0..MAX_BREAKERS {
            assert!(outbox.breaker(&format!("ep_{n}"), at(1)));
        }
        assert!(!outbox.breaker("more", at(1)));
        assert!(outbox.breaker("ep_0", Change::Closed), "a known one needs no room");
        outbox.repeat(0, vec![("more".into(), Timestamp::UNIX_EPOCH)]);
        outbox.with_closed(|closed| assert!(closed("ep_0") && !closed("ep_1") && !closed("more")));
        assert_eq!(outbox.take().breakers.len(), MAX_BREAKERS);
    }
}
