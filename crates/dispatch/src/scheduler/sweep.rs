//! What needs no haste: idle lanes' progress, and the gauges.

use metrics::gauge;

use super::{Log, Pool, Scheduler};
use crate::{attempt::Courier, lane::BreakerState, metric};

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
        if self.held.is_full() {
            self.held.look();
        }
        let (mut open, mut parked, mut idle) = (0_usize, 0_usize, 0_usize);
        let mut lags = Vec::new();
        for index in 0..self.tracks.len() {
            let Some(track) = self.tracks[index].as_mut() else { continue };
            open += usize::from(track.lane.breaker() != BreakerState::Closed);
            parked += track.lane.parked_len();
            if track.following && !track.dirty && track.saved_frontier + BEHIND < self.followed && idle < IDLE
            {
                idle += 1;
                track.catch_up_to(self.followed);
                if !track.touched {
                    track.touched = true;
                    self.touched.push(index);
                }
            }
            let behind = if track.following && track.lane.flights_len() == 0 {
                0
            } else {
                self.followed.saturating_sub(track.lane.frontier())
            };
            if behind > 0 && lags.len() < SHOWN {
                lags.push((track.endpoint().id.clone(), behind));
            }
        }
        gauge!(metric::BREAKERS_OPEN).set(open as f64);
        gauge!(metric::PARKED).set(parked as f64);
        gauge!(metric::SLOTS, "pool" => "fast").set(self.slots.in_use(Pool::Fast) as f64);
        gauge!(metric::SLOTS, "pool" => "slow").set(self.slots.in_use(Pool::Slow) as f64);
        let mut before = std::mem::take(&mut self.lag_shown);
        for (id, behind) in lags {
            gauge!(metric::LAG, "endpoint" => id.to_string()).set(behind as f64);
            before.remove(&id);
            self.lag_shown.insert(id);
        }
        for id in before {
            gauge!(metric::LAG, "endpoint" => id.to_string()).set(0.0);
        }
    }
}
