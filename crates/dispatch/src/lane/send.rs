//! Sending: which event goes next, and what its outcome does to the lane.

use std::sync::Arc;

use jiff::Timestamp;
use rollcall_domain::{endpoint::OnExhausted, event::LoggedEvent};

use super::{
    BreakerState, Fault, Lane, Verdict, after,
    park::{Parked, Stage, When},
    wait,
};

/// An event that is to be sent now.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) event: Arc<LoggedEvent>,
    /// The number of the attempt, from 1.
    pub(crate) number: u32,
    /// The sequences of the events that it stands for.
    pub(crate) replaces: Vec<u64>,
}

/// What an outcome did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// Delivered.
    Settled,
    /// The subject waits for the next attempt.
    Parked,
    /// The last attempt failed: a dead letter; the subject goes on.
    Dead {
        /// How many attempts failed.
        attempts: u32,
    },
    /// The last attempt failed; the subject waits for its owner.
    Blocked,
    /// The last attempt failed; a later event will stand for it, or it becomes a dead letter, which the
    /// lane will say.
    Exhausted,
    /// The event keeps its place: the endpoint is not to be sent to.
    Kept,
    /// The lane does not know of this attempt.
    Unknown,
}

impl Lane {
    /// Whether `next` may have something.
    pub(crate) fn is_ready(&self) -> bool {
        match self.breaker.state() {
            BreakerState::Closed => !self.ready.is_empty() && self.flights.len() < self.limit.current(),
            BreakerState::HalfOpen { .. } => !self.ready.is_empty() && self.flights.is_empty(),
            BreakerState::Open { .. } => false,
        }
    }

    /// The next event to send; from now on it is under way.
    pub(crate) fn next(&mut self, caught_up: bool) -> Option<Sending> {
        if !self.is_ready() {
            return None;
        }
        let position = match self.breaker.state() {
            BreakerState::Closed => self.ready.pop(),
            BreakerState::HalfOpen { .. } => {
                self.probe = self.pop_probe(caught_up);
                self.probe
            }
            BreakerState::Open { .. } => None,
        }?;
        self.flights.insert(position);
        if let Some(subject) = self.heads.get(&position) {
            let parked = self.parked.get_mut(subject)?;
            parked.stage = Stage::InFlight;
            let event = Arc::clone(parked.backlog.front()?);
            return Some(Sending { event, number: parked.attempts + 1, replaces: parked.replaces.clone() });
        }
        let event = Arc::clone(&self.window.get(&position)?.event);
        Some(Sending { event, number: 1, replaces: Vec::new() })
    }

    /// What came of an attempt.
    pub(crate) fn finish(
        &mut self,
        position: u64,
        verdict: Verdict,
        now: Timestamp,
        jitter: f64,
    ) -> Finished {
        let was_full = self.flights.len() >= self.limit.current();
        if !self.flights.remove(&position) {
            return Finished::Unknown;
        }
        self.dirty = true;
        // Half open, whatever else is under way was sent before the breaker opened.
        let probed = self.probe.take_if(|probe| *probe == position).is_some();
        let straggler = matches!(self.breaker.state(), BreakerState::HalfOpen { .. }) && !probed;
        let finished = match verdict {
            Verdict::Delivered => {
                self.failing_since = None;
                self.failures = 0;
                self.limit.success(was_full);
                self.grow();
                self.alive(now);
                match self.heads.get(&position).cloned() {
                    Some(subject) => self.head_settled(&subject, position, now),
                    None => self.settle(position, now),
                }
                Finished::Settled
            }
            Verdict::Halted(_) => {
                self.failing_since.get_or_insert(now);
                match self.heads.get(&position).cloned() {
                    Some(subject) => self.rest(&subject, When::At(now)),
                    None => self.turn.push(position),
                }
                Finished::Kept
            }
            Verdict::Failed { fault, retry_after, too_much } => {
                self.failing_since.get_or_insert(now);
                if too_much {
                    self.limit.too_much();
                }
                self.failures = self.failures.saturating_add(1);
                let opened = match fault {
                    Fault::Endpoint if straggler => false,
                    Fault::Endpoint => self.breaker.failed(&self.policy.schedule, retry_after, jitter, now),
                    Fault::Message => {
                        self.alive(now);
                        false
                    }
                };
                let next = |seconds| When::At(after(now, wait(seconds, retry_after, jitter)));
                let finished = self.failed(position, fault, next, now);
                if opened {
                    self.retreat();
                }
                finished
            }
        };
        self.run_turns(now);
        if self.breaker.is_closed() {
            self.take_up_due(now);
        } else {
            self.choose_probe(now);
        }
        finished
    }

    fn failed(
        &mut self,
        position: u64,
        fault: Fault,
        next: impl FnOnce(u32) -> When,
        now: Timestamp,
    ) -> Finished {
        let endpoint_scope = fault == Fault::Endpoint;
        let head = self.heads.get(&position).cloned();
        let attempts = 1 + head.as_ref().and_then(|s| self.parked.get(s)).map_or(0, |p| p.attempts);
        let (when, finished) = match (self.policy.schedule.wait_after(attempts), self.policy.on_exhausted) {
            (Some(seconds), _) => (next(seconds), Finished::Parked),
            (None, OnExhausted::Block) => (When::Owner, Finished::Blocked),
            // Its backlog has to be read first.
            (None, OnExhausted::Coalesce) => (When::At(now), Finished::Exhausted),
            (None, OnExhausted::DeadLetter) => {
                match head {
                    Some(subject) => {
                        self.set_claim(&subject, None);
                        self.head_settled(&subject, position, now);
                    }
                    None => self.settle(position, now),
                }
                return Finished::Dead { attempts };
            }
        };
        match head {
            Some(subject) => {
                self.set_claim(&subject, None);
                if let Some(parked) = self.parked.get_mut(&subject) {
                    parked.attempts = attempts;
                    parked.endpoint_scope = endpoint_scope;
                }
                self.rest(&subject, when);
            }
            None => {
                let Some(subject) = self.window.get(&position).map(|e| e.event.subject.id.clone()) else {
                    return Finished::Unknown;
                };
                self.park(&subject, Parked::new(position, attempts, when, endpoint_scope), now);
            }
        }
        finished
    }

    /// An answer that shows the endpoint alive; if it was a probe's, everything goes on.
    fn alive(&mut self, now: Timestamp) {
        if !self.breaker.alive(now) {
            return;
        }
        self.limit.recover();
        self.forgive(now);
    }

    /// Subjects that wait because of the endpoint need not wait any longer.
    pub(super) fn forgive(&mut self, now: Timestamp) {
        let waiting: Vec<Box<str>> = self
            .parked
            .iter()
            .filter(|(_, p)| {
                p.endpoint_scope && p.stage == Stage::Resting && matches!(p.when, When::At(at) if at > now)
            })
            .map(|(subject, _)| subject.clone())
            .collect();
        for subject in waiting {
            self.rest(&subject, When::At(now));
        }
    }
}
