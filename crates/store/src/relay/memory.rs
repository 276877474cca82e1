//! Who holds what, with SQLite: in memory, since no other process can.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::{Place, RELAY_LEASE, RelayShard, Surplus, divide, held};

/// Who holds what, where one process alone uses the store.
#[derive(Default)]
pub(crate) struct Relays(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    places: Vec<Place>,
    /// When each holder called last.
    called: Vec<(String, Instant)>,
}

impl Relays {
    fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn claim(
        &self,
        holder: &str,
        shards: u16,
        known: &[(u16, u64)],
        surplus: Surplus,
    ) -> Vec<RelayShard> {
        self.with(|memory| {
            if memory.places.is_empty() {
                memory.places.resize(usize::from(shards), Place::default());
                for (shard, position) in known {
                    if let Some(place) = memory.places.get_mut(usize::from(*shard)) {
                        place.published = *position;
                    }
                }
            }
            memory.called.retain(|(name, at)| name != holder && at.elapsed() < RELAY_LEASE);
            memory.called.push((holder.to_owned(), Instant::now()));
            let live: BTreeSet<String> = memory.called.iter().map(|(name, _)| name.clone()).collect();
            for place in &mut memory.places {
                place.holder = place.holder.take().filter(|holder| live.contains(holder));
            }
            divide(&mut memory.places, holder, &live, surplus);
            held(&memory.places, holder)
        })
    }

    pub(super) fn release(&self, holder: &str) {
        self.with(|memory| {
            memory.called.retain(|(name, _)| name != holder);
            for place in &mut memory.places {
                place.holder = place.holder.take().filter(|name| name != holder);
            }
        });
    }

    /// Gives those that are saved.
    pub(super) fn advance(&self, positions: &[(u16, u64, u64)]) -> Vec<(u16, u64)> {
        self.with(|memory| {
            let mut saved = Vec::with_capacity(positions.len());
            for (shard, token, position) in positions {
                if let Some(place) = memory.places.get_mut(usize::from(*shard))
                    && place.token == *token
                {
                    place.published = place.published.max(*position);
                    saved.push((*shard, place.published));
                }
            }
            saved
        })
    }

    /// Gives those that begin anew.
    pub(super) fn rewind(&self, lost: &[(u16, u64)]) -> Vec<(u16, u64)> {
        self.with(|memory| {
            let mut rewound = Vec::with_capacity(lost.len());
            for (shard, token) in lost {
                if let Some(place) = memory.places.get_mut(usize::from(*shard))
                    && place.token == *token
                {
                    place.published = 0;
                    place.token += 1;
                    rewound.push((*shard, 0));
                }
            }
            rewound
        })
    }
}
