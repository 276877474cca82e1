//! The rules between a group and its memberships that a parked subject is part of. Between two
//! events of the window the same rules are edges that were drawn at admission.

use std::sync::Arc;

use rollcall_domain::{
    event::{EventType, LoggedEvent},
    order::{self, Before},
};

use super::{
    Lane, MAX_WINDOW, group_of,
    park::{Parked, Stage},
};

/// Whether an event whose turn it is may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Yes.
    Open,
    /// Not before something else in the lane is settled.
    Closed,
    /// Not before this parked group has gone on.
    ParkedGroup(Box<str>),
}

impl Lane {
    /// The gate before an event of the window whose predecessors in the window are settled.
    pub(super) fn gate_of_entry(&self, event: &Arc<LoggedEvent>) -> Gate {
        if self.parked.is_empty() {
            return Gate::Open;
        }
        if let Some(gate) = self.parked_group_before(event) {
            return gate;
        }
        if event.kind == EventType::GroupDeleted && self.claimed(event) { Gate::Closed } else { Gate::Open }
    }

    /// The gate before the head of a parked subject's backlog, which has no edges to the window.
    pub(super) fn gate_of_head(&self, event: &Arc<LoggedEvent>) -> Gate {
        if let Some(gate) = self.parked_group_before(event) {
            return gate;
        }
        let position = event.position;
        // The scan is behind after a restart, and after the breaker opened: what must go first may
        // not be in the window yet.
        if position > self.scan {
            return Gate::Closed;
        }
        let closed = order::before(event).any(|before| match before {
            // It is the head of its subject's backlog.
            Before::Subject(_) => false,
            Before::Group(group) => {
                self.queues.get(group).and_then(|q| q.front()).is_some_and(|p| *p < position)
            }
            Before::Memberships(group) => {
                self.members.get(group).and_then(|m| m.first()).is_some_and(|p| *p < position)
                    || self.claimed(event)
            }
            Before::Directory(_) => self.window.range(..position).any(|(_, e)| before.has(&e.event)),
        });
        // What is settled above the frontier must be remembered, and that memory is bounded.
        let full = position > self.frontier && self.settled.len() + self.window.len() >= MAX_WINDOW;
        if closed || full { Gate::Closed } else { Gate::Open }
    }

    fn parked_group_before(&self, event: &Arc<LoggedEvent>) -> Option<Gate> {
        let group = group_of(event)?;
        let parked = self.parked.get(group)?;
        (parked.first < event.position && *event.subject.id != *group)
            .then(|| Gate::ParkedGroup(group.into()))
    }

    /// Whether subjects that are parked only because this group was have yet to catch up.
    fn claimed(&self, event: &LoggedEvent) -> bool {
        self.claims.get(&event.subject.id).is_some_and(|claims| {
            claims.iter().any(|subject| self.parked.get(subject).is_some_and(|p| p.first < event.position))
        })
    }

    /// Whether a head waits for the scan to come by.
    pub(super) fn heads_unseen(&self) -> bool {
        self.held_heads.iter().any(|subject| self.parked.get(subject).is_some_and(|p| p.first > self.scan))
    }

    /// The scan has moved on from `before`: looks again at the heads in between.
    pub(super) fn heads_seen(&mut self, before: u64) {
        if self.held_heads.is_empty() {
            return;
        }
        let passed = |p: &Parked| p.stage == Stage::Held && p.first > before && p.first <= self.scan;
        let seen: Vec<Box<str>> = self
            .held_heads
            .iter()
            .filter(|subject| self.parked.get(*subject).is_some_and(|p| passed(p)))
            .cloned()
            .collect();
        for subject in seen {
            self.try_head(&subject);
        }
    }

    /// Looks again at what was held.
    pub(super) fn recheck_held(&mut self) {
        if !self.held.is_empty() {
            let held: Vec<u64> = self.held.iter().copied().collect();
            for position in held {
                let Some(event) = self.window.get(&position).map(|e| Arc::clone(&e.event)) else { continue };
                if self.gate_of_entry(&event) == Gate::Open {
                    self.held.remove(&position);
                    self.ready.insert(&event);
                }
            }
        }
        if !self.held_heads.is_empty() {
            let held: Vec<Box<str>> = self.held_heads.iter().cloned().collect();
            for subject in held {
                if self.parked.get(&subject).is_some_and(|p| p.stage == Stage::Held) {
                    self.try_head(&subject);
                }
            }
        }
    }
}
