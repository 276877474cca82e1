//! How much memory the events take that were read from the store and are still held: by windows,
//! by parked subjects' backlogs, by flights. (Those of the shared tail are the tail's.)
//!
//! Plot: each such event is noted; it is counted until a look finds that nobody holds it any more.
//! The looks are spaced so that each costs no more than what came or went since the last one.

use std::{
    mem::size_of,
    sync::{Arc, Weak},
};

use rollcall_domain::event::LoggedEvent;

/// Beyond the bound, attempts that end between two looks.
const LANDED: usize = 64;
/// Fewer events are not looked at.
const FEW: usize = 1_024;

/// See the module.
pub(crate) struct Held {
    max: usize,
    events: Vec<(Weak<LoggedEvent>, usize)>,
    /// At most so many bytes are held.
    bytes: usize,
    /// Events that were held at the last look.
    looked: usize,
    landed: usize,
}

impl Held {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, events: Vec::new(), bytes: 0, looked: 0, landed: 0 }
    }

    /// Whether the bound is reached.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.max
    }

    /// An event was read, and is held by somebody.
    pub(crate) fn note(&mut self, event: &Arc<LoggedEvent>) {
        let bytes = event.body.len() + size_of::<LoggedEvent>();
        self.bytes += bytes;
        self.events.push((Arc::downgrade(event), bytes));
        if self.events.len() >= 2 * self.looked + FEW {
            self.look();
        }
    }

    /// An attempt ended.
    pub(crate) fn landed(&mut self) {
        if self.is_full() {
            self.landed += 1;
            if self.landed >= LANDED {
                self.look();
            }
        }
    }

    /// Finds out what is not held any more.
    pub(crate) fn look(&mut self) {
        self.events.retain(|(event, _)| event.strong_count() > 0);
        self.events.shrink_to(2 * self.events.len() + FEW);
        self.bytes = self.events.iter().map(|(_, bytes)| bytes).sum();
        self.looked = self.events.len();
        self.landed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::test_event;

    #[test]
    fn what_is_let_go_of_is_counted_no_more() {
        let one = 2 + size_of::<LoggedEvent>();
        let mut held = Held::new(3 * one);
        let events: Vec<_> = (1..=3).map(|n| test_event(n, "u1")).collect();
        for event in &events[..2] {
            held.note(event);
        }
        assert!(!held.is_full());
        held.note(&events[2]);
        assert!(held.is_full());
        drop(events);
        for _ in 0..LANDED {
            assert!(held.is_full());
            held.landed();
        }
        assert_eq!((held.bytes, held.events.len()), (0, 0));
        // Below the bound, too, what nobody holds does not pile up.
        let mut held = Held::new(usize::MAX);
        for n in 1..10 * FEW as u64 {
            held.note(&test_event(n, "u1"));
        }
        assert!(held.events.len() <= FEW);
    }
}
