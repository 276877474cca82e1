//! A track: an endpoint with its lane, and what the scheduler remembers of it.

use std::{rc::Rc, sync::Arc};

use jiff::Timestamp;
use rollcall_domain::{
    endpoint::{Endpoint, EndpointState},
    event::LoggedEvent,
};
use rollcall_store::catalog::EndpointEntry;

use super::{Scheduler, notices::Exhausted, replay::Part, tell::DeadTold};
use crate::{
    attempt::Courier,
    fair::Seat,
    lane::Lane,
    log::Log,
    process::{Common, Member},
    slots::Tenant,
};

/// How a track that lags comes by its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// It needs none.
    Idle,
    /// It waits for its turn.
    Queued,
    /// The store is being read.
    Reading,
    /// So much is held that it must finish first what it has.
    Short,
}

/// See the module.
pub(super) struct Track<T> {
    pub(super) entry: Arc<EndpointEntry>,
    /// Of a replay to the endpoint; `None`: the endpoint's own.
    pub(super) part: Option<Part>,
    pub(super) target: Rc<T>,
    pub(super) tenant: Tenant,
    pub(super) lane: Lane,
    pub(super) common: Rc<Common>,
    /// It counts among the endpoint's active lanes.
    active: bool,
    /// Others say, or were told, that its endpoint fails.
    pub(super) hinted: bool,
    /// It has seen all up to the scheduler's `followed` (its lane's own scan may be behind).
    pub(super) following: bool,
    /// Its state is being changed because of what it answered; nothing is sent meanwhile.
    pub(super) halting: bool,
    pub(super) scan: Scan,
    /// It has something to send and stands in the rotation of a pool.
    pub(super) in_rotation: bool,
    pub(super) timer: Option<Timestamp>,
    pub(super) dirty: bool,
    pub(super) touched: bool,
    pub(super) saved_frontier: u64,
    pub(super) dead_told: DeadTold,
    pub(super) exhausted: Exhausted,
    /// How many events its lane had admitted when it was last looked at.
    pub(super) admitted: usize,
}

impl<T> Track<T> {
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.entry.endpoint
    }

    pub(super) fn new(
        entry: Arc<EndpointEntry>,
        part: Option<Part>,
        target: Rc<T>,
        tenant: Tenant,
        lane: Lane,
        common: Rc<Common>,
    ) -> Self {
        Self {
            saved_frontier: lane.frontier(),
            entry,
            part,
            target,
            tenant,
            lane,
            common,
            active: false,
            hinted: false,
            following: false,
            halting: false,
            scan: Scan::Idle,
            in_rotation: false,
            timer: None,
            dirty: false,
            touched: false,
            dead_told: DeadTold::default(),
            exhausted: Exhausted::default(),
            admitted: 0,
        }
    }

    /// Has the lane keep to its share: what the endpoint stands is divided among its active lanes.
    pub(super) fn share(&mut self) {
        let active = self.lane.flights_len() > 0 || self.lane.is_ready();
        if active != self.active {
            self.active = active;
            let others = self.common.active.get();
            self.common.active.set(if active { others + 1 } else { others - 1 });
        }
        self.lane.set_share(self.common.share());
    }

    /// Whether it is sent to.
    pub(super) fn is_sending(&self) -> bool {
        !self.halting && self.endpoint().state == EndpointState::Active
    }

    /// A follower's lane learns how far it has come.
    pub(super) fn catch_up_to(&mut self, followed: u64) {
        if self.following {
            self.lane.advance_to(followed);
        }
    }

    /// Offers an event. `false` if the lane has no room for it.
    pub(super) fn offer(&mut self, event: &Arc<LoggedEvent>, now: Timestamp, member: &mut Member) -> bool {
        if self.wants(event) {
            self.lane.set_window_max(member.window_max());
            self.lane.advance_to(event.position - 1);
            let admitted = self.lane.admit(event, now);
            self.count_admitted(member);
            admitted
        } else {
            true
        }
    }

    pub(super) fn count_admitted(&mut self, member: &mut Member) {
        let had = std::mem::replace(&mut self.admitted, self.lane.admitted());
        member.admitted(had, self.admitted);
    }
}

impl<T> Drop for Track<T> {
    fn drop(&mut self) {
        if self.active {
            self.common.active.set(self.common.active.get() - 1);
        }
    }
}

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Has a track brought up to date before anything else starts.
    pub(super) fn touch(&mut self, lane: usize) {
        if let Some(track) = self.tracks[lane].as_mut()
            && !track.touched
        {
            track.touched = true;
            self.touched.push(lane);
        }
    }

    pub(super) fn refresh_touched(&mut self) {
        while let Some(lane) = self.touched.pop() {
            self.refresh(lane);
        }
    }

    /// Enters a track wherever its lane's state says that it belongs.
    fn refresh(&mut self, index: usize) {
        let followed = self.followed;
        let Some(track) = self.tracks[index].as_mut() else { return };
        track.touched = false;
        track.count_admitted(&mut self.member);
        track.lane.set_window_max(self.process.window_max());
        self.take_given_up(index);
        let now = self.process.clock.now();
        let Some(track) = self.tracks[index].as_mut() else { return };
        let waits_until = track.part.as_ref().and_then(|part| part.waits_until(now));
        if track.is_sending() {
            while let Some(read) = track.lane.next_read() {
                self.backlog_reads.push_back((index, read));
            }
            if track.scan == Scan::Short && track.lane.is_window_empty() {
                track.scan = Scan::Idle;
            }
            if !track.following && track.scan == Scan::Idle {
                if track.lane.scan() >= track.goal(followed) {
                    track.following = track.part.is_none();
                } else if track.lane.wants_more() {
                    track.scan = Scan::Queued;
                    self.laggards.push_back(index);
                }
            }
            track.share();
            if !track.in_rotation && track.lane.is_ready() && waits_until.is_none() && !self.stopping {
                track.in_rotation = true;
                let seat = Seat { member: self.member.id, lane: index, common: Rc::clone(&track.common) };
                self.process.queue(track.common.speed.pool(), &track.tenant, seat);
            }
        }
        let due = if track.is_sending() {
            let waits_until = waits_until.filter(|_| track.lane.is_ready());
            [track.lane.due_at(), waits_until].into_iter().flatten().min()
        } else {
            None
        };
        if due != track.timer {
            if let Some(old) = track.timer {
                self.timers.remove(&(old, index));
            }
            if let Some(new) = due {
                self.timers.insert((new, index));
            }
            track.timer = due;
        }
        track.notice_the_end();
        if !track.dirty && track.lane.is_dirty() {
            track.dirty = true;
            self.dirty.push_back(index);
        }
    }
}
