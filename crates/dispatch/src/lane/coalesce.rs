//! Where the endpoint's policy is to coalesce: an event that has used up its attempts is replaced by the
//! latest state of its subject, or given up if there is none.
//!
//! Plot: the last attempt fails; the subject parks, due at once; when its backlog has been read,
//! [`Lane::coalesce`] looks for what stands for the head and all before it. That event has a schedule
//! of its own, and says which sequences it replaces.

use std::sync::Arc;

use rollcall_domain::{endpoint::OnExhausted, event::LoggedEvent, order};

use super::Lane;

/// What became of an event without another attempt.
#[derive(Clone, Debug)]
pub(crate) enum GivenUp {
    /// It is a dead letter.
    Dead { event: Arc<LoggedEvent>, attempts: u32 },
    /// A later event of its subject, at this position, stands for it.
    Replaced { event: Arc<LoggedEvent>, by: u64 },
}

impl Lane {
    /// What was given up since the last call.
    pub(crate) fn take_given_up(&mut self) -> Vec<GivenUp> {
        std::mem::take(&mut self.given_up)
    }

    /// Whether an event with so many failed attempts is to be replaced or given up.
    fn is_to_coalesce(&self, attempts: u32) -> bool {
        attempts > 0
            && self.policy.on_exhausted == OnExhausted::Coalesce
            && self.policy.schedule.wait_after(attempts).is_none()
    }

    /// Has a later event stand for the head of a parked subject's backlog, if that used up its attempts,
    /// or gives it up.
    pub(super) fn coalesce(&mut self, subject: &str) {
        let Some(parked) = self.parked.get(subject) else { return };
        let is_head = parked.backlog.front().is_some_and(|head| head.position == parked.first);
        if !is_head || !self.is_to_coalesce(parked.attempts) {
            return;
        }
        let Some(parked) = self.parked.get_mut(subject) else { return };
        let attempts = std::mem::take(&mut parked.attempts);
        let by = order::replacement(parked.backlog.iter().map(|event| &**event));
        let passed: Vec<_> = parked.backlog.drain(..by.unwrap_or(1)).collect();
        match parked.backlog.front().filter(|_| by.is_some()) {
            Some(next) => {
                let by = next.position;
                parked.first = by;
                parked.replaces.extend(passed.iter().map(|event| event.sequence));
                self.given_up
                    .extend(passed.iter().map(|event| GivenUp::Replaced { event: Arc::clone(event), by }));
            }
            None => {
                parked.replaces.clear();
                parked.first = passed.last().map_or(parked.first, |event| event.position + 1);
                self.given_up
                    .extend(passed.iter().map(|event| GivenUp::Dead { event: Arc::clone(event), attempts }));
            }
        }
        let beyond = passed.iter().map(|event| event.position).filter(|position| *position > self.frontier);
        self.settled.extend(beyond);
        self.dirty = true;
        self.touched.insert(subject.into());
    }
}
