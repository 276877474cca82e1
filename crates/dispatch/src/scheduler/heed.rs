//! What is known of an endpoint from its lanes through other shards, in this process and in others:
//! that it fails, that it answers again, and how much of it is whose.
//!
//! A lane is not stopped by what others say while its own attempts succeed, and otherwise for five
//! seconds at most before it probes for itself: what fails elsewhere may be one event that the
//! endpoint cannot take.

use super::Scheduler;
use crate::{attempt::Courier, lane::BreakerState, log::Log};

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// A lane has its turn: `false` if its endpoint is said to fail.
    pub(super) fn heeds(&mut self, index: usize) -> bool {
        let Some(track) = self.tracks[index].as_mut() else { return false };
        if track.lane.breaker() != BreakerState::Closed {
            return true;
        }
        let now = self.process.clock.now();
        let Some(until) = self.process.breaker(&track.entry.endpoint.id, &track.common, now) else {
            return true;
        };
        if !track.lane.suspect(until, now) {
            return true;
        }
        tracing::debug!(endpoint = %track.endpoint().id, shard = self.shard, "an endpoint is said to fail");
        track.following = false;
        track.hinted = true;
        self.touch(index);
        self.refresh_touched();
        false
    }

    /// A lane's breaker may have changed: tells the others.
    pub(super) fn tell_others(&mut self, index: usize, before: BreakerState) {
        let Some(track) = self.tracks[index].as_mut() else { return };
        match (before, track.lane.breaker()) {
            (BreakerState::Closed | BreakerState::HalfOpen { .. }, BreakerState::Open { until, .. }) => {
                track.hinted = true;
                self.process.breaker_opened(&track.entry.endpoint.id, &track.common, until);
            }
            (BreakerState::Open { .. } | BreakerState::HalfOpen { .. }, BreakerState::Closed) => {
                track.hinted = false;
                self.process.breaker_closed(&track.entry.endpoint.id, &track.common);
            }
            _ => {}
        }
    }

    /// Others said something: whoever waits for an endpoint that answers again probes it at once.
    pub(super) fn hear_of_breakers(&mut self) {
        let said = self.process.said();
        if said == self.heard {
            return;
        }
        self.heard = said;
        let now = self.process.clock.now();
        for index in 0..self.tracks.len() {
            let Some(track) = self.tracks[index].as_mut().filter(|track| track.hinted) else { continue };
            if self.process.breaker(&track.entry.endpoint.id, &track.common, now).is_none() {
                track.hinted = false;
                track.lane.probe_now(now);
                self.touch(index);
            }
        }
    }
}
