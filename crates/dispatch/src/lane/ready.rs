//! The events of a lane that wait for nobody, in the order in which they are sent: those that take
//! something away first, then by age.

use std::collections::BTreeSet;

use rollcall_domain::event::LoggedEvent;

/// Positions of events that may be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ready {
    revoking: BTreeSet<u64>,
    other: BTreeSet<u64>,
}

impl Ready {
    pub(crate) fn insert(&mut self, event: &LoggedEvent) {
        if event.kind.is_revoking() {
            self.revoking.insert(event.position);
        } else {
            self.other.insert(event.position);
        }
    }

    pub(crate) fn remove(&mut self, position: u64) {
        if !self.other.remove(&position) {
            self.revoking.remove(&position);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.revoking.is_empty() && self.other.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.revoking.clear();
        self.other.clear();
    }

    /// Takes the next one by urgency.
    pub(crate) fn pop(&mut self) -> Option<u64> {
        self.revoking.pop_first().or_else(|| self.other.pop_first())
    }

    /// Takes the oldest one.
    pub(crate) fn pop_oldest(&mut self) -> Option<u64> {
        let oldest = self.revoking.first().into_iter().chain(self.other.first()).min().copied()?;
        self.remove(oldest);
        Some(oldest)
    }
}
