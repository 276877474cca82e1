//! Who sends where: what this process is active at, and what the others said within the last
//! seconds. Both are bounded, and both forget by the monotonic clock of this process, so that the
//! clocks of machines need not agree.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// At most so many destinations of a process are shared.
pub(crate) const MAX_DESTINATIONS: usize = 10_000;
/// At most so many other processes are listened to.
const MAX_PROCESSES: usize = 256;
/// For so long after its last attempt a process counts as active at a destination.
const ACTIVE_FOR: Duration = Duration::from_secs(5);
/// A process that was not heard of for so long is gone: two reports may be lost.
const HEARD_FOR: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    own: Mutex<HashMap<u64, Instant>>,
    others: Mutex<HashMap<String, Heard>>,
}

#[derive(Debug)]
struct Heard {
    at: Instant,
    destinations: HashSet<u64>,
}

impl Activity {
    /// False if there was no room for it.
    pub(crate) fn active_at(&self, destination: &str, now: Instant) -> bool {
        let mut own = lock(&self.own);
        let hash = hash(destination);
        if own.len() >= MAX_DESTINATIONS && !own.contains_key(&hash) {
            return false;
        }
        own.insert(hash, now);
        true
    }

    /// What to report; what is over is forgotten.
    pub(crate) fn report(&self, now: Instant) -> Vec<u64> {
        let mut own = lock(&self.own);
        own.retain(|_, last| now.saturating_duration_since(*last) < ACTIVE_FOR);
        own.keys().copied().collect()
    }

    /// Another process's report. False if there was no room for it.
    pub(crate) fn heard(&self, process: &str, destinations: Vec<u64>, now: Instant) -> bool {
        let mut others = lock(&self.others);
        forget_silent(&mut others, now);
        if others.len() >= MAX_PROCESSES && !others.contains_key(process) {
            return false;
        }
        let destinations = destinations.into_iter().take(MAX_DESTINATIONS).collect();
        others.insert(process.to_owned(), Heard { at: now, destinations });
        true
    }

    pub(crate) fn left(&self, process: &str) {
        lock(&self.others).remove(process);
    }

    /// How many processes are active at it, this one included.
    pub(crate) fn processes_at(&self, destination: &str, now: Instant) -> usize {
        let hash = hash(destination);
        let others = lock(&self.others);
        1 + others.values().filter(|heard| heard.lives(now) && heard.destinations.contains(&hash)).count()
    }

    /// How many processes there are, this one included.
    pub(crate) fn processes(&self, now: Instant) -> usize {
        let mut others = lock(&self.others);
        forget_silent(&mut others, now);
        1 + others.len()
    }
}

impl Heard {
    fn lives(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < HEARD_FOR
    }
}

fn forget_silent(others: &mut HashMap<String, Heard>, now: Instant) {
    others.retain(|_, heard| heard.lives(now));
}

/// FNV-1a, 64 bits: the same in every process of every version, which the standard library's
/// hasher does not promise. Two destinations that share a hash share a limit, no more.
pub(crate) fn hash(destination: &str) -> u64 {
    destination.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // Test vectors of draft-eastlake-fnv, appendix C.
        for (text, value) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(hash(text), value, "{text}");
        }
    }

    #[test]
    fn a_destination_is_divided_among_those_who_report_it() {
        let activity = Activity::default();
        let start = Instant::now();
        assert_eq!(activity.processes_at("a.example", start), 1, "alone");
        assert!(activity.heard("p2", vec![hash("a.example")], start));
        assert!(activity.heard("p3", vec![hash("a.example"), hash("b.example")], start));
        for (destination, processes) in [("a.example", 3), ("b.example", 2), ("c.example", 1)] {
            assert_eq!(activity.processes_at(destination, start), processes, "{destination}");
        }
        activity.heard("p3", vec![], start);
        assert_eq!(activity.processes_at("a.example", start), 2, "a report replaces the one before");
        assert_eq!(activity.processes(start), 3, "it lives, though it sends nowhere");
        activity.left("p2");
        assert_eq!(activity.processes_at("a.example", start), 1);
        activity.heard("p2", vec![hash("a.example")], start);
        let later = start + HEARD_FOR;
        assert_eq!(activity.processes_at("a.example", later), 1, "the silent are gone");
        assert_eq!(activity.processes(later), 1);
    }

    #[test]
    fn what_is_over_is_not_reported() {
        let activity = Activity::default();
        let start = Instant::now();
        activity.active_at("a.example", start);
        activity.active_at("b.example", start + ACTIVE_FOR / 2);
        assert_eq!(activity.report(start + ACTIVE_FOR / 2).len(), 2);
        assert_eq!(activity.report(start + ACTIVE_FOR), vec![hash("b.example")]);
    }

    #[test]
    fn both_sides_are_bounded() {
        let activity = Activity::default();
        let start = Instant::now();
        for n in 0..MAX_DESTINATIONS {
            assert!(activity.active_at(&format!("{n}.example"), start));
        }
        assert!(!activity.active_at("more.example", start));
        assert!(activity.active_at("0.example", start), "a known one needs no room");
        assert_eq!(activity.report(start).len(), MAX_DESTINATIONS);
        activity.report(start + ACTIVE_FOR);
        assert!(activity.active_at("more.example", start), "a report makes room");

        for n in 0..MAX_PROCESSES {
            assert!(activity.heard(&format!("p{n}"), vec![], start));
        }
        assert!(!activity.heard("more", vec![], start));
        assert!(activity.heard("more", vec![], start + HEARD_FOR), "the silent make room");
    }
}
