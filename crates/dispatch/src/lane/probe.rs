//! The probe of a half-open breaker: the oldest event that is due.

use jiff::Timestamp;

use super::{
    BreakerState, Lane,
    park::{Stage, When},
};

impl Lane {
    /// Whether a parked subject is about to be the probe. One whose head waits for others is not: what
    /// it waits for may be another one's.
    pub(super) fn is_choosing(&self) -> bool {
        self.draining.len() > self.held_heads.len()
    }

    /// Takes up the oldest parked subject that may be the probe, unless one is being chosen already
    /// or the window holds an older event.
    pub(super) fn choose_probe(&mut self, now: Timestamp) {
        if !matches!(self.breaker.state(), BreakerState::HalfOpen { .. })
            || !self.flights.is_empty()
            || self.is_choosing()
        {
            return;
        }
        let oldest = self
            .parked
            .iter()
            .filter(|(_, p)| p.stage == Stage::Resting && matches!(p.when, When::At(at) if at <= now))
            .min_by_key(|(_, p)| p.first)
            .map(|(subject, p)| (p.first, subject.clone()));
        let window = self.window.first_key_value().map_or(u64::MAX, |(p, _)| *p);
        if let Some((first, subject)) = oldest
            && first < window
        {
            self.take_up(&subject);
        }
    }

    /// The probe, once it is known which event is the oldest. `caught_up`: the scan reached the
    /// head of the log.
    pub(super) fn pop_probe(&mut self, caught_up: bool) -> Option<u64> {
        if !self.flights.is_empty() {
            return None;
        }
        let mut oldest_head = None;
        for subject in &self.draining {
            let parked = self.parked.get(subject)?;
            if matches!(parked.stage, Stage::Unread | Stage::Reading) {
                return None;
            }
            oldest_head = oldest_head.into_iter().chain([parked.first]).min();
        }
        let scan_first = self.room() > 0 && !caught_up;
        if scan_first && oldest_head.is_none_or(|head| head > self.scan) {
            return None;
        }
        self.ready.pop_oldest()
    }
}
