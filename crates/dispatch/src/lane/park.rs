//! Parked subjects: one of their events failed, or waits for a group whose events failed. Such a
//! subject leaves the window, so that the frontier moves on; when it is due, its backlog is read
//! and sent in order, one event at a time, until it has caught up with what was skipped.

use std::{collections::VecDeque, sync::Arc};

use jiff::Timestamp;
use rollcall_domain::event::LoggedEvent;

use super::{BacklogRead, Lane, MAX_DRAINS, gate::Gate};

/// When a parked subject goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// At this time.
    At(Timestamp),
    /// When the group has gone on.
    Group(Box<str>),
    /// When the owner says so.
    Owner,
}

/// What a parked subject is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing.
    Resting,
    /// Its backlog must be read.
    Unread,
    /// Its backlog is being read.
    Reading,
    /// The head of its backlog waits for other events of the lane.
    Held,
    /// The head may be sent.
    Ready,
    /// The head is being sent.
    InFlight,
}

/// A parked subject.
#[derive(Clone, Debug)]
pub(crate) struct Parked {
    /// Its first unsettled event.
    pub(crate) first: u64,
    /// Its last event that was skipped: when all up to this one is settled it goes on normally.
    pub(crate) skipped_to: u64,
    /// Failed attempts at the first event.
    pub(crate) attempts: u32,
    pub(crate) when: When,
    /// Whether the last failure was the endpoint's.
    pub(crate) endpoint_scope: bool,
    /// The group because of which alone it is parked: that group's deletion waits for it.
    pub(crate) claim: Option<Box<str>>,
    /// The sequences of the events that the first one stands for, if its attempts are to say so.
    pub(crate) replaces: Vec<u64>,
    pub(crate) stage: Stage,
    /// What was read of its events, the head first.
    pub(crate) backlog: VecDeque<Arc<LoggedEvent>>,
    /// Its events were read up to this position.
    pub(crate) read_to: u64,
}

impl Parked {
    pub(crate) fn new(first: u64, attempts: u32, when: When, endpoint_scope: bool) -> Self {
        Self {
            first,
            skipped_to: first,
            attempts,
            when,
            endpoint_scope,
            claim: None,
            replaces: Vec::new(),
            stage: Stage::Resting,
            backlog: VecDeque::new(),
            read_to: 0,
        }
    }

    /// Parked because its next event must follow a parked group's.
    pub(crate) fn behind(first: u64, group: Box<str>) -> Self {
        Self { claim: Some(group.clone()), ..Self::new(first, 0, When::Group(group), false) }
    }

    /// Lets go of what was read.
    pub(crate) fn rest(&mut self) {
        self.stage = Stage::Resting;
        self.backlog = VecDeque::new();
        self.read_to = 0;
    }
}

impl Lane {
    /// Takes up parked subjects that are due.
    pub(super) fn take_up_due(&mut self, now: Timestamp) {
        while self.may_drain() {
            let Some((at, subject)) = self.due.first() else { break };
            if *at > now {
                break;
            }
            let subject = subject.clone();
            self.take_up(&subject);
        }
    }

    /// Heads that are held do not count: what they wait for may be a backlog that is not read yet.
    pub(super) fn may_drain(&self) -> bool {
        self.draining.len() - self.held_heads.len() < MAX_DRAINS
    }

    pub(super) fn take_up(&mut self, subject: &str) {
        let Some(parked) = self.parked.get_mut(subject) else { return };
        if let When::At(at) = parked.when {
            self.due.remove(&(at, subject.into()));
        }
        parked.stage = Stage::Unread;
        self.draining.insert(subject.into());
        self.unread.insert(subject.into());
    }

    /// A read of the store that the lane needs now; call until there is none.
    pub(crate) fn next_read(&mut self) -> Option<BacklogRead> {
        while let Some(subject) = self.unread.pop_first() {
            if let Some(parked) = self.parked.get_mut(&subject) {
                parked.stage = Stage::Reading;
                let from = parked.first.max(parked.read_to + 1);
                return Some(BacklogRead { from, up_to: parked.skipped_to, subject });
            }
        }
        None
    }

    /// What a read gave: the subject's matching events, all of them up to `read_to`.
    pub(crate) fn backlog(
        &mut self,
        read: &BacklogRead,
        events: Vec<Arc<LoggedEvent>>,
        read_to: u64,
        now: Timestamp,
    ) {
        let Some(parked) = self.parked.get_mut(&read.subject) else { return };
        if parked.stage != Stage::Reading || read.from != parked.first.max(parked.read_to + 1) {
            return;
        }
        parked.read_to = read_to;
        let settled = &self.settled;
        parked.backlog.extend(events.into_iter().filter(|e| {
            *e.subject.id == *read.subject && e.position >= read.from && !settled.contains(&e.position)
        }));
        self.go_on(&read.subject, now);
        // Nothing of it may be left to send: another one is the probe then.
        self.choose_probe(now);
    }

    /// A read failed: it is tried again in a second.
    pub(crate) fn read_failed(&mut self, read: &BacklogRead, now: Timestamp) {
        if self.parked.get(&read.subject).is_some_and(|p| p.stage == Stage::Reading) {
            let at = super::after(now, std::time::Duration::from_secs(1));
            self.rest(&read.subject, When::At(at));
        }
    }

    /// Goes on with the next event of a parked subject's backlog, or unparks it.
    fn go_on(&mut self, subject: &str, now: Timestamp) {
        self.coalesce(subject);
        let Some(parked) = self.parked.get_mut(subject) else { return };
        match parked.backlog.front() {
            Some(head) => {
                if head.position != parked.first {
                    parked.first = head.position;
                    parked.attempts = 0;
                    parked.replaces.clear();
                    self.touched.insert(subject.into());
                }
            }
            None if parked.read_to >= parked.skipped_to => {
                self.unpark(subject, now);
                return;
            }
            None => parked.first = parked.read_to + 1,
        }
        self.release_waiters(subject, now);
        let Some(parked) = self.parked.get_mut(subject) else { return };
        if parked.backlog.is_empty() {
            parked.stage = Stage::Unread;
            self.draining.insert(subject.into());
            self.unread.insert(subject.into());
        } else {
            self.try_head(subject);
        }
        self.recheck_held();
    }

    /// Makes the head ready if nothing is before it.
    pub(super) fn try_head(&mut self, subject: &str) {
        let Some(parked) = self.parked.get(subject) else { return };
        let Some(head) = parked.backlog.front().cloned() else { return };
        let gate = self.gate_of_head(&head);
        let Some(parked) = self.parked.get_mut(subject) else { return };
        match gate {
            Gate::Open => {
                parked.stage = Stage::Ready;
                self.held_heads.remove(subject);
                self.heads.insert(head.position, subject.into());
                self.ready.insert(&head);
            }
            Gate::Closed => {
                // Many can be held at a time: each keeps no more than its head.
                parked.backlog.truncate(1);
                parked.read_to = head.position;
                parked.stage = Stage::Held;
                self.held_heads.insert(subject.into());
            }
            Gate::ParkedGroup(group) => {
                self.held_heads.remove(subject);
                self.set_claim(subject, Some(group.clone()));
                self.rest(subject, When::Group(group));
            }
        }
    }

    /// The head of a parked subject's backlog is settled.
    pub(super) fn head_settled(&mut self, subject: &str, position: u64, now: Timestamp) {
        if position > self.frontier {
            self.settled.insert(position);
        }
        self.dirty = true;
        self.touched.insert(subject.into());
        self.heads.remove(&position);
        let Some(parked) = self.parked.get_mut(subject) else { return };
        parked.backlog.pop_front();
        parked.attempts = 0;
        parked.replaces.clear();
        parked.endpoint_scope = false;
        parked.first = parked.backlog.front().map_or(parked.read_to.max(position) + 1, |next| next.position);
        let drained = parked.backlog.is_empty() && parked.read_to.max(position) >= parked.skipped_to;
        if self.breaker.is_closed() || drained {
            parked.read_to = parked.read_to.max(position);
            self.go_on(subject, now);
        } else {
            self.rest(subject, When::At(now));
            self.release_waiters(subject, now);
        }
    }

    /// Stops sending a parked subject until `when`.
    pub(super) fn rest(&mut self, subject: &str, when: When) {
        let Some(parked) = self.parked.get_mut(subject) else { return };
        if let When::At(at) = parked.when {
            self.due.remove(&(at, subject.into()));
        }
        if let Some(head) = parked.backlog.front() {
            self.heads.remove(&head.position);
        }
        parked.rest();
        if let When::At(at) = when {
            self.due.insert((at, subject.into()));
        }
        parked.when = when;
        self.draining.remove(subject);
        self.unread.remove(subject);
        self.held_heads.remove(subject);
        self.touched.insert(subject.into());
    }

    /// A subject has just parked: enters it where it belongs.
    pub(super) fn note_parked(&mut self, subject: &str) {
        let Some(parked) = self.parked.get(subject) else { return };
        if let When::At(at) = parked.when {
            self.due.insert((at, subject.into()));
        }
        if let Some(group) = parked.claim.clone() {
            self.claims.entry(group).or_default().insert(subject.into());
        }
        self.touched.insert(subject.into());
        self.dirty = true;
    }

    pub(super) fn set_claim(&mut self, subject: &str, claim: Option<Box<str>>) {
        let Some(parked) = self.parked.get_mut(subject) else { return };
        if parked.claim == claim {
            return;
        }
        if let Some(group) = std::mem::replace(&mut parked.claim, claim.clone())
            && let Some(claims) = self.claims.get_mut(&group)
        {
            claims.remove(subject);
            if claims.is_empty() {
                self.claims.remove(&group);
            }
        }
        if let Some(group) = claim {
            self.claims.entry(group).or_default().insert(subject.into());
        }
    }

    fn unpark(&mut self, subject: &str, now: Timestamp) {
        self.set_claim(subject, None);
        self.rest(subject, When::Owner);
        self.parked.remove(subject);
        self.release_waiters(subject, now);
        self.recheck_held();
    }

    /// A parked group went on: those that wait for it may follow, up to its next own event.
    fn release_waiters(&mut self, group: &str, now: Timestamp) {
        let Some(claims) = self.claims.get(group) else { return };
        let next = self.parked.get(group).map_or(u64::MAX, |p| p.first);
        let free: Vec<Box<str>> = claims
            .iter()
            .filter(|subject| {
                self.parked.get(*subject).is_some_and(|p| p.first < next && matches!(p.when, When::Group(_)))
            })
            .cloned()
            .collect();
        for subject in free {
            self.rest(&subject, When::At(now));
        }
        if self.breaker.is_closed() {
            self.take_up_due(now);
        }
    }

    /// The owner's own send of an event succeeded. If a parked subject rests at it, that settles it.
    pub(crate) fn settled_by_hand(&mut self, subject: &str, position: u64, now: Timestamp) {
        let rests = |p: &&mut Box<Parked>| p.first == position && p.stage == Stage::Resting;
        let Some(parked) = self.parked.get_mut(subject).filter(rests) else { return };
        parked.read_to = position;
        if let When::At(at) = parked.when {
            self.due.remove(&(at, subject.into()));
        }
        self.head_settled(subject, position, now);
        self.run_turns(now);
    }
}
