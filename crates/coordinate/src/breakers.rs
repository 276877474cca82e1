//! Which endpoints' breakers are open, as far as this process was told: a bounded map that
//! forgets what has passed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::watch;

/// At most so many open breakers are known.
pub(crate) const MAX_BREAKERS: usize = 10_000;

/// The open breakers. The later end wins until one is closed, so the order in which processes
/// hear of each other does not matter.
#[derive(Debug)]
pub(crate) struct Breakers {
    open: Mutex<HashMap<String, Open>>,
    changes: watch::Sender<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    until: Timestamp,
    /// Opened by this process, which tells the others again after a loss.
    own: bool,
}

impl Breakers {
    pub(crate) fn new() -> Self {
        Self { open: Mutex::default(), changes: watch::Sender::new(0) }
    }

    /// False if there was no room for it.
    pub(crate) fn opened(&self, endpoint: &str, until: Timestamp, own: bool, now: Timestamp) -> bool {
        if until <= now {
            return true;
        }
        let changed = {
            let mut open = self.lock();
            match open.get_mut(endpoint) {
                Some(known) => {
                    known.own |= own;
                    let later = until > known.until;
                    known.until = known.until.max(until);
                    later
                }
                None => {
                    if open.len() >= MAX_BREAKERS {
                        open.retain(|_, known| known.until > now);
                    }
                    if open.len() >= MAX_BREAKERS {
                        return false;
                    }
                    open.insert(endpoint.to_owned(), Open { until, own });
                    true
                }
            }
        };
        if changed {
            self.changed();
        }
        true
    }

    pub(crate) fn closed(&self, endpoint: &str) {
        let was_open = self.lock().remove(endpoint).is_some();
        if was_open {
            self.changed();
        }
    }

    pub(crate) fn until(&self, endpoint: &str, now: Timestamp) -> Option<Timestamp> {
        self.lock().get(endpoint).map(|known| known.until).filter(|until| *until > now)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Forgets those whose time has passed.
    pub(crate) fn expire(&self, now: Timestamp) {
        self.lock().retain(|_, known| known.until > now);
    }

    /// Those that this process opened.
    pub(crate) fn own(&self, now: Timestamp) -> Vec<(String, Timestamp)> {
        let open = self.lock();
        open.iter()
            .filter(|(_, known)| known.own && known.until > now)
            .map(|(endpoint, known)| (endpoint.clone(), known.until))
            .collect()
    }

    /// What Redis holds replaces what was heard from others; what this process opened stays.
    pub(crate) fn replace(&self, read: Vec<(String, Timestamp)>, now: Timestamp) {
        let changed = {
            let mut open = self.lock();
            let before = open.clone();
            open.retain(|_, known| known.own && known.until > now);
            for (endpoint, until) in read.into_iter().filter(|(_, until)| *until > now) {
                if let Some(known) = open.get_mut(&endpoint) {
                    known.until = known.until.max(until);
                } else if open.len() < MAX_BREAKERS {
                    open.insert(endpoint, Open { until, own: false });
                }
            }
            before != *open
        };
        if changed {
            self.changed();
        }
    }

    fn changed(&self) {
        self.changes.send_modify(|generation| *generation += 1);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_later_end_wins_until_it_is_closed() {
        let breakers = Breakers::new();
        for (until, known) in [(10, 10), (20, 20), (15, 20)] {
            assert!(breakers.opened("ep", at(until), false, at(1)));
            assert_eq!(breakers.until("ep", at(1)), Some(at(known)));
        }
        breakers.closed("ep");
        assert_eq!(breakers.until("ep", at(1)), None);
        assert!(breakers.opened("ep", at(5), false, at(1)));
        assert_eq!(breakers.until("ep", at(1)), Some(at(5)), "a closed one does not linger");
    }

    #[test]
    fn what_has_passed_is_neither_seen_nor_kept() {
        let breakers = Breakers::new();
        assert!(breakers.opened("ep", at(10), true, at(1)));
        assert!(breakers.opened("past", at(1), true, at(1)));
        assert_eq!(breakers.until("ep", at(10)), None);
        assert_eq!(breakers.own(at(9)).len(), 1);
        assert_eq!(breakers.own(at(10)).len(), 0);
        breakers.expire(at(10));
        assert_eq!(breakers.until("ep", at(1)), None, "it is gone");
    }

    #[test]
    fn a_full_map_makes_room_only_by_forgetting_what_has_passed() {
        let breakers = Breakers::new();
        for n in 0..MAX_BREAKERS {
            assert!(breakers.opened(&format!("ep_{n}"), at(10), false, at(1)));
        }
        assert!(!breakers.opened("more", at(20), false, at(1)));
        assert_eq!(breakers.until("more", at(1)), None);
        assert!(breakers.opened("ep_0", at(20), false, at(1)), "a known one needs no room");
        assert!(breakers.opened("more", at(20), false, at(10)));
        assert_eq!(breakers.until("more", at(10)), Some(at(20)));
    }

    #[test]
    fn a_full_read_replaces_what_others_said() {
        let breakers = Breakers::new();
        breakers.opened("own", at(10), true, at(1));
        breakers.opened("missed_close", at(10), false, at(1));
        breakers.replace(vec![("own".into(), at(12)), ("new".into(), at(8)), ("past".into(), at(1))], at(1));
        assert_eq!(breakers.until("own", at(1)), Some(at(12)));
        assert_eq!(breakers.until("missed_close", at(1)), None);
        assert_eq!(breakers.until("new", at(1)), Some(at(8)));
        assert_eq!(breakers.own(at(1)), vec![("own".to_owned(), at(12))]);
        breakers.replace(Vec::new(), at(1));
        assert_eq!(breakers.until("own", at(1)), Some(at(12)), "a wiped Redis takes nothing of our own");
    }

    #[test]
    fn only_changes_wake() {
        let breakers = Breakers::new();
        let mut changes = breakers.changes();
        let mut woke = || {
            std::mem::take(&mut { changes.has_changed().unwrap() }) && {
                changes.mark_unchanged();
                true
            }
        };
        breakers.opened("ep", at(10), false, at(1));
        assert!(woke());
        breakers.opened("ep", at(10), true, at(1));
        assert!(!woke(), "nothing new");
        breakers.closed("other");
        assert!(!woke());
        breakers.closed("ep");
        assert!(woke());
    }
}
