//! The window: admitted events, and how many earlier ones each of them waits for.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use rollcall_domain::{
    event::LoggedEvent,
    order::{self, Before},
};

use super::{
    BreakerState, Lane, MAX_WINDOW, MIN_WINDOW,
    gate::Gate,
    group_of,
    park::{Parked, Stage, When},
};

/// An admitted event.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) event: Arc<LoggedEvent>,
    /// Unsettled events of the window that it waits for.
    blockers: u32,
    /// Events of other subjects that wait for it; its own subject's next one is in the queue.
    dependents: Vec<u64>,
}

impl Lane {
    /// How many further events would be admitted now.
    ///
    /// Into an empty window one event always comes: only the oldest unsettled one moves the frontier
    /// on, and with it what is settled above it is forgotten.
    pub(crate) fn room(&self) -> usize {
        let oldest = usize::from(self.window.is_empty());
        if self.parked.len() >= self.policy.max_parked {
            // Unless they wait for the scan themselves.
            return if self.heads_unseen() && !matches!(self.breaker.state(), BreakerState::Open { .. }) {
                oldest
            } else {
                0
            };
        }
        match self.breaker.state() {
            BreakerState::Closed => {
                let admitted = self.window.len();
                let remembered = MAX_WINDOW.saturating_sub(admitted + self.settled.len());
                self.window_now().saturating_sub(admitted).min(remembered).max(oldest)
            }
            // The candidate for a probe.
            BreakerState::HalfOpen { .. } => oldest,
            BreakerState::Open { .. } => 0,
        }
    }

    fn window_now(&self) -> usize {
        self.window_size.min(self.window_max)
    }

    /// How many events are admitted and not settled.
    pub(crate) fn admitted(&self) -> usize {
        self.window.len()
    }

    /// Whatever the lane's own window, no more than so many are to be admitted.
    pub(crate) fn set_window_max(&mut self, most: usize) {
        self.window_max = most;
    }

    /// Whether a read is worth its while: there is room for a good many, or nothing else to do.
    pub(crate) fn wants_more(&self) -> bool {
        let room = self.room();
        room > 0 && (room * 2 >= self.window_now() || self.ready.is_empty() || !self.breaker.is_closed())
    }

    /// Admits one matching event; everything between the scan and it does not match. `false` if
    /// there is no room: the scan then stands right before it.
    pub(crate) fn admit(&mut self, event: &Arc<LoggedEvent>, now: Timestamp) -> bool {
        let position = event.position;
        if position <= self.scan {
            return true;
        }
        if self.settled.contains(&position) || self.window.contains_key(&position) {
            self.advance_to(position);
            return true;
        }
        if let Some(parked) = self.parked.get_mut(&event.subject.id) {
            // What lies before the subject's first unsettled event is settled.
            if position >= parked.first {
                parked.skipped_to = parked.skipped_to.max(position);
            }
            self.advance_to(position);
            return true;
        }
        if self.room() == 0 {
            self.advance_to(position - 1);
            return false;
        }
        self.insert(event);
        self.advance_to(position);
        self.run_turns(now);
        true
    }

    /// No matching event up to this position was left out.
    pub(crate) fn advance_to(&mut self, position: u64) {
        if position > self.scan {
            let before = std::mem::replace(&mut self.scan, position);
            self.advance_frontier();
            self.heads_seen(before);
        }
    }

    fn insert(&mut self, event: &Arc<LoggedEvent>) {
        let position = event.position;
        let mut blockers = 0;
        let mut wait_for = Vec::new();
        for before in order::before(event) {
            match before {
                Before::Subject(subject) => match self.queues.get_mut(subject) {
                    Some(queue) => {
                        blockers += u32::from(!queue.is_empty());
                        queue.push_back(position);
                    }
                    None => {
                        self.queues.insert(subject.into(), VecDeque::from([position]));
                    }
                },
                Before::Group(group) => {
                    let own = self.queues.get(group).and_then(|q| q.iter().rev().find(|p| **p < position));
                    wait_for.extend(own.copied());
                    self.index_member(group, position);
                }
                Before::Memberships(group) => {
                    if let Some(members) = self.members.get(group) {
                        wait_for.extend(members.range(..position).copied());
                    }
                }
                Before::Directory(_) => {
                    let earlier = self.window.range(..position).filter(|(_, e)| before.has(&e.event));
                    wait_for.extend(earlier.map(|(p, _)| *p));
                }
            }
        }
        for earlier in wait_for {
            if let Some(entry) = self.window.get_mut(&earlier) {
                entry.dependents.push(position);
                blockers += 1;
            }
        }
        self.window.insert(position, Entry { event: Arc::clone(event), blockers, dependents: Vec::new() });
        if blockers == 0 {
            self.turn.push(position);
        }
    }

    fn index_member(&mut self, group: &str, position: u64) {
        match self.members.get_mut(group) {
            Some(members) => {
                members.insert(position);
            }
            None => {
                self.members.insert(group.into(), [position].into());
            }
        }
    }

    /// Settles an event of the window.
    pub(super) fn settle(&mut self, position: u64, now: Timestamp) {
        let Some(entry) = self.take(position) else { return };
        if let Some(queue) = self.queues.get_mut(&entry.event.subject.id) {
            queue.pop_front();
            match queue.front().copied() {
                Some(next) => self.unblock(next),
                None => {
                    self.queues.remove(&entry.event.subject.id);
                }
            }
        }
        self.settled.insert(position);
        self.advance_frontier();
        self.run_turns(now);
    }

    /// Parks a subject of the window at its oldest event there.
    pub(super) fn park(&mut self, subject: &str, parked: Parked, now: Timestamp) {
        self.set_aside(subject, parked);
        self.run_turns(now);
    }

    /// Parks without looking at whose turn it is now.
    fn set_aside(&mut self, subject: &str, mut parked: Parked) {
        let queue = self.queues.remove(subject).unwrap_or_default();
        parked.skipped_to = queue.back().copied().unwrap_or(parked.first).max(parked.first);
        self.parked.insert(subject.into(), Box::new(parked));
        for position in queue {
            self.take(position);
        }
        self.note_parked(subject);
        self.advance_frontier();
    }

    /// Takes an entry out, with what refers to it, and counts down those that wait for it.
    fn take(&mut self, position: u64) -> Option<Entry> {
        let mut entry = self.window.remove(&position)?;
        if let Some(group) = group_of(&entry.event)
            && let Some(members) = self.members.get_mut(group)
        {
            members.remove(&position);
            if members.is_empty() {
                self.members.remove(group);
            }
        }
        self.ready.remove(position);
        self.held.remove(&position);
        for dependent in std::mem::take(&mut entry.dependents) {
            self.unblock(dependent);
        }
        Some(entry)
    }

    fn unblock(&mut self, position: u64) {
        if let Some(entry) = self.window.get_mut(&position) {
            entry.blockers = entry.blockers.saturating_sub(1);
            if entry.blockers == 0 {
                self.turn.push(position);
            }
        }
    }

    /// Looks at the entries whose last predecessor went.
    pub(super) fn run_turns(&mut self, now: Timestamp) {
        while let Some(position) = self.turn.pop() {
            let Some(entry) = self.window.get(&position).filter(|e| e.blockers == 0) else { continue };
            if self.flights.contains(&position) {
                continue;
            }
            let event = Arc::clone(&entry.event);
            match self.gate_of_entry(&event) {
                Gate::Closed => {
                    self.held.insert(position);
                }
                Gate::ParkedGroup(group) => {
                    // Those that waited for it come up in this loop: a thousand members that park
                    // behind their group must not be a thousand calls deep.
                    self.set_aside(&event.subject.id, Parked::behind(position, group));
                }
                Gate::Open => match self.first_due(&event) {
                    Some(at) if at > now => {
                        self.delayed.insert((at, position));
                    }
                    _ => self.ready.insert(&event),
                },
            }
        }
        self.recheck_held();
    }

    /// When the first attempt is due, if the schedule delays it.
    fn first_due(&self, event: &LoggedEvent) -> Option<Timestamp> {
        let seconds = self.policy.schedule.wait_after(0).filter(|s| *s > 0)?;
        event.timestamp.checked_add(SignedDuration::from_secs(seconds.into())).ok()
    }

    fn advance_frontier(&mut self) {
        let unsettled = self.window.first_key_value().map_or(u64::MAX, |(p, _)| p - 1);
        let frontier = self.scan.min(unsettled);
        if frontier > self.frontier {
            self.frontier = frontier;
            if !self.settled.is_empty() {
                self.settled = self.settled.split_off(&(frontier + 1));
            }
        }
        self.dirty = true;
    }

    pub(super) fn grow(&mut self) {
        self.window_size = (self.window_size + 1).min(MAX_WINDOW);
    }

    /// Lets go of all that is not under way; it will be read again from the frontier.
    pub(crate) fn retreat(&mut self) {
        self.window_size = MIN_WINDOW;
        self.ready.clear();
        // Their memory too: of ten thousand lanes that fail, each would keep its window's worth.
        self.turn = Vec::new();
        self.delayed.clear();
        self.held.clear();
        self.queues = HashMap::new();
        self.members = HashMap::new();
        self.scan = self.frontier;
        let flights = &self.flights;
        self.window.retain(|position, _| flights.contains(position));
        let mut members = Vec::new();
        for (position, entry) in &mut self.window {
            entry.blockers = 0;
            entry.dependents = Vec::new();
            self.queues.entry(entry.event.subject.id.clone()).or_default().push_back(*position);
            members.extend(group_of(&entry.event).map(|group| (Box::<str>::from(group), *position)));
        }
        for (group, position) in members {
            self.members.entry(group).or_default().insert(position);
        }
        for subject in std::mem::take(&mut self.draining) {
            let Some(parked) = self.parked.get_mut(&subject) else { continue };
            if parked.stage == Stage::InFlight {
                self.draining.insert(subject);
                continue;
            }
            if let Some(head) = parked.backlog.front() {
                self.heads.remove(&head.position);
            }
            parked.rest();
            if let When::At(at) = parked.when {
                self.due.insert((at, subject));
            }
        }
        self.unread.clear();
        self.held_heads.clear();
    }
}
