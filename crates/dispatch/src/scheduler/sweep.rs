//! What needs no haste: idle lanes' progress, and the gauges.

use metrics::gauge;

use super::Scheduler;
use crate::{
    attempt::Courier, figures::Counts, held::Held, lane::BreakerState, log::Log, metric, slots::Pool,
};

/// An idle lane's progress is saved when it has fallen so far behind what is known.
const BEHIND: u64 = 1_000;
/// Idle lanes that are saved in one sweep.
const IDLE: usize = 256;
/// Endpoints whose lag is shown.
const SHOWN: usize = 1_000;

#[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
impl<L: Log, C: Courier> Scheduler<L, C> {
    pub(super) fn sweep(&mut self) {
        self.tell_of_the_rest();
        self.give_notice_of_what_is_due();
        self.process.look_at_held(Held::look);
        self.process.tidy();
        let mut counts = Counts::default();
        let mut idle = 0_usize;
        for index in 0..self.tracks.len() {
            let Some(track) = self.tracks[index].as_mut() else { continue };
            if track.lane.breaker() != BreakerState::Closed {
                counts.open.push(track.endpoint().id.clone());
            }
            counts.parked += track.lane.parked_len();
            if track.following && !track.dirty && track.saved_frontier + BEHIND < self.followed && idle < IDLE
            {
                idle += 1;
                track.catch_up_to(self.followed);
                if !track.touched {
                    track.touched = true;
                    self.touched.push(index);
                }
            }
            // A replay's cursor says nothing of how far its endpoint is behind.
            let behind = if track.part.is_some() || (track.following && track.lane.flights_len() == 0) {
                0
            } else {
                self.followed.saturating_sub(track.lane.frontier())
            };
            if behind > 0 && counts.lags.len() < SHOWN {
                counts.lags.push((track.endpoint().id.clone(), behind));
            }
        }
        self.process.figures.set(self.member.id, counts);
        self.process.figures.show(SHOWN);
        let slots = &self.process.slots;
        gauge!(metric::SLOTS, "pool" => "fast").set(slots.in_use(Pool::Fast) as f64);
        gauge!(metric::SLOTS, "pool" => "slow").set(slots.in_use(Pool::Slow) as f64);
    }
}
