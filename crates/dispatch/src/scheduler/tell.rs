//! What the operator is told of an endpoint that fails. Ids and classes only; a breaker changes
//! seldom by its nature, dead letters come by the thousand and are summed up.

use std::time::Duration;

use rollcall_domain::{delivery::ErrorClass, ids::EventId};
use tokio::time::Instant;

use super::{Scheduler, track::Track};
use crate::{attempt::Courier, lane::BreakerState, log::Log};

/// Of an endpoint's dead letters one line is written in so long.
const EVERY: Duration = Duration::from_secs(5);

/// How the last attempt failed, in a line of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) class: Option<ErrorClass>,
    pub(super) status: Option<u16>,
}

/// The dead letters that were told of, and those that were not yet.
#[derive(Debug, Default)]
pub(super) struct DeadTold {
    at: Option<Instant>,
    untold: u64,
}

impl DeadTold {
    /// Whether a line is to be written now; `false` counts what it would have told.
    fn may_tell(&mut self, now: Instant) -> bool {
        let may = self.at.is_none_or(|at| now.duration_since(at) >= EVERY);
        if may {
            self.at = Some(now);
        } else {
            self.untold += 1;
        }
        may
    }
}

impl<T> Track<T> {
    pub(super) fn tell_of_breaker(&self, before: BreakerState, outcome: Outcome) {
        use BreakerState::{Closed, HalfOpen, Open};
        let endpoint = &self.endpoint().id;
        let class = outcome.class.map(ErrorClass::as_str);
        match (before, self.lane.breaker()) {
            (Closed, Open { until, .. }) => tracing::warn!(
                %endpoint, class, status = outcome.status, failures = self.lane.recent_failures(), %until,
                "an endpoint fails: its breaker is open, it will be probed"
            ),
            (HalfOpen { .. }, Open { until, .. }) => {
                tracing::debug!(%endpoint, class, status = outcome.status, %until, "a probe failed");
            }
            (Open { .. } | HalfOpen { .. }, Closed) => {
                tracing::info!(%endpoint, "an endpoint is well again: its breaker is closed");
            }
            _ => {}
        }
    }

    pub(super) fn tell_of_dead(&mut self, event: &EventId, attempts: u32, outcome: Outcome) {
        if self.dead_told.may_tell(Instant::now()) {
            let untold = std::mem::take(&mut self.dead_told.untold);
            tracing::warn!(
                endpoint = %self.endpoint().id, %event, attempts, class = outcome.class.map(ErrorClass::as_str),
                status = outcome.status, others = untold,
                "an event became a dead letter"
            );
        }
    }
}

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Tells of the dead letters that were only counted.
    pub(super) fn tell_of_the_rest(&mut self) {
        for track in self.tracks.iter_mut().flatten() {
            if track.dead_told.untold > 0 && track.dead_told.at.is_none_or(|at| at.elapsed() >= EVERY) {
                let others = std::mem::take(&mut track.dead_told.untold);
                tracing::warn!(endpoint = %track.endpoint().id, others, "events became dead letters");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thousand_dead_letters_are_two_lines() {
        let mut told = DeadTold::default();
        assert!(told.may_tell(Instant::now()));
        for _ in 0..1_000 {
            assert!(!told.may_tell(Instant::now()));
        }
        assert_eq!(told.untold, 1_000);
        tokio::time::advance(EVERY).await;
        assert!(told.may_tell(Instant::now()));
    }
}
