//! The newest position of each shard that anybody announced. A shard is a `u16`, so the map is
//! bounded by itself.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

/// Positions only grow; what is older than what is known is nothing new.
#[derive(Debug)]
pub(crate) struct Heads {
    newest: Mutex<HashMap<u16, u64>>,
    generation: watch::Sender<u64>,
}

impl Heads {
    pub(crate) fn new() -> Self {
        Self { newest: Mutex::default(), generation: watch::Sender::new(0) }
    }

    /// True if it is newer than what was known.
    pub(crate) fn announced(&self, shard: u16, position: u64) -> bool {
        let newer = {
            let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            let known = newest.entry(shard).or_default();
            let newer = position > *known;
            *known = position.max(*known);
            newer
        };
        if newer {
            self.wake();
        }
        newer
    }

    pub(crate) fn of(&self, shard: u16) -> u64 {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(&shard).copied().unwrap_or_default()
    }

    /// The newest of each shard, to be told again.
    pub(crate) fn all(&self) -> Vec<(u16, u64)> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.iter().map(|(shard, position)| (*shard, *position)).collect()
    }

    pub(crate) fn announcements(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Tells those who wait to look for themselves: something may have been missed.
    pub(crate) fn wake(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_position_of_each_shard_is_kept_and_only_it_wakes() {
        let heads = Heads::new();
        let mut generation = heads.announcements();
        for (shard, position, newer, known) in [
            (3, 10, true, 10),
            (3, 9, false, 10),
            (3, 10, false, 10),
            (u16::MAX, 1, true, 1),
            (3, 11, true, 11),
        ] {
            assert_eq!(heads.announced(shard, position), newer);
            assert_eq!(heads.of(shard), known);
            assert_eq!(generation.has_changed().unwrap(), newer);
            generation.mark_unchanged();
        }
        assert_eq!(heads.of(4), 0);
        let mut all = heads.all();
        all.sort_unstable();
        assert_eq!(all, [(3, 11), (u16::MAX, 1)]);
    }
}
