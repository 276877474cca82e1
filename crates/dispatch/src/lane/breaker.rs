//! The breaker: whether an endpoint is being sent to at all.
//!
//! It opens after five endpoint failures in a row, or when ten of the last twenty attempts failed
//! that way. Open, nothing is sent until a wait is over; then it is half open, one probe goes out,
//! and what comes of it closes the breaker or opens it again for longer: 5 s, doubled up to 5 min, and
//! never longer than the endpoint's schedule has it. The probe is an event that is due by its own
//! schedule, so that probing often does not use up any event's attempts.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use rollcall_domain::endpoint::RetrySchedule;
use serde::{Deserialize, Serialize};

use super::{after, wait};

const IN_A_ROW: u32 = 5;
const SAMPLE: usize = 20;
const OF_SAMPLE: usize = 10;
/// The first wait, in seconds; each further one is twice as long…
const FIRST_WAIT: u32 = 5;
/// …up to this.
const LONGEST_WAIT: u32 = 300;
/// For so long an attempt that succeeded speaks against what others say.
const WELL: SignedDuration = SignedDuration::from_secs(10);

/// The breaker's state, as it is saved. A half-open one is read back as an open one whose wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case", tag = "state")]
pub(crate) enum State {
    /// Sending.
    #[default]
    Closed,
    /// Not sending until then; `index` counts the waits so far and picks the next one.
    Open {
        /// When the probe is due.
        until: Timestamp,
        /// The index into the retry schedule of the wait under way.
        index: usize,
    },
    /// One probe may be under way.
    HalfOpen {
        /// As in `Open`.
        index: usize,
    },
}

/// The breaker with what it has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Breaker {
    state: State,
    in_a_row: u32,
    sample: VecDeque<bool>,
    /// When an attempt last showed the endpoint alive.
    alive_at: Option<Timestamp>,
}

impl Breaker {
    pub(crate) fn restored(json: &str) -> Self {
        let state = match serde_json::from_str(json).unwrap_or_default() {
            State::HalfOpen { index } => State::Open { until: Timestamp::UNIX_EPOCH, index },
            state => state,
        };
        Self { state, ..Self::default() }
    }

    pub(crate) fn saved(&self) -> String {
        serde_json::to_string(&self.state).unwrap_or_default()
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// The owner asks for it: a wait under way is over.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        if let State::Open { until, .. } = &mut self.state {
            *until = now;
        }
    }

    /// Others say that the endpoint fails: opens without a failure of its own. `false` if it is not
    /// closed, or its own attempts speak against it.
    pub(crate) fn suspect(&mut self, until: Timestamp, now: Timestamp) -> bool {
        let lately = |at: Timestamp| now.duration_since(at) < WELL;
        if !self.is_closed() || (self.in_a_row == 0 && self.alive_at.is_some_and(lately)) {
            return false;
        }
        let own_probe = after(now, wait(FIRST_WAIT, None, 0.0));
        self.state = State::Open { until: until.min(own_probe), index: 0 };
        true
    }

    /// Lets a wait that is over end. `true` if the state changed.
    pub(crate) fn tick(&mut self, now: Timestamp) -> bool {
        match self.state {
            State::Open { until, index } if until <= now => {
                self.state = State::HalfOpen { index };
                true
            }
            _ => false,
        }
    }

    /// An attempt that shows the endpoint alive. `true` if this closed the breaker.
    pub(crate) fn alive(&mut self, now: Timestamp) -> bool {
        self.note(false);
        self.alive_at = Some(now);
        match self.state {
            State::HalfOpen { .. } => {
                *self = Self { alive_at: self.alive_at, ..Self::default() };
                true
            }
            // An attempt from before the breaker opened does not close it: a probe does.
            State::Closed | State::Open { .. } => false,
        }
    }

    /// An attempt that failed for a reason of the endpoint's. `true` if the breaker is (again) open.
    pub(crate) fn failed(
        &mut self,
        schedule: &RetrySchedule,
        retry_after: Option<std::time::Duration>,
        jitter: f64,
        now: Timestamp,
    ) -> bool {
        self.note(true);
        let index = match self.state {
            State::Closed if self.in_a_row >= IN_A_ROW || self.failures() >= OF_SAMPLE => 1,
            State::HalfOpen { index } => index + 1,
            State::Closed | State::Open { .. } => return false,
        };
        let seconds = probe_wait(schedule, index);
        let index = index.min(RetrySchedule::MAX_ATTEMPTS);
        self.state = State::Open { until: after(now, wait(seconds.max(1), retry_after, jitter)), index };
        true
    }

    fn note(&mut self, failed: bool) {
        self.in_a_row = if failed { self.in_a_row.saturating_add(1) } else { 0 };
        self.sample.push_back(failed);
        if self.sample.len() > SAMPLE {
            self.sample.pop_front();
        }
    }

    /// Of the last attempts, how many failed for a reason of the endpoint's.
    pub(crate) fn failures(&self) -> usize {
        self.sample.iter().filter(|failed| **failed).count()
    }
}

/// The wait before a probe in seconds, without jitter.
fn probe_wait(schedule: &RetrySchedule, index: usize) -> u32 {
    let doubled = (1..index).fold(FIRST_WAIT, |wait, _| (wait * 2).min(LONGEST_WAIT));
    match schedule.waits() {
        // Each probe is the only attempt of its event: not too often, then.
        [] | [_] => 60,
        waits => waits[index.min(waits.len() - 1)].clamp(1, doubled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_probed_often_enough_to_be_back_soon() {
        let waits = |schedule: &RetrySchedule| (1..9).map(|i| probe_wait(schedule, i)).collect::<Vec<_>>();
        assert_eq!(waits(&RetrySchedule::default()), [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(waits(&RetrySchedule::new(vec![0, 1, 2]).unwrap()), [1, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(waits(&RetrySchedule::new(vec![0]).unwrap()), [60; 8]);
        assert_eq!(waits(&RetrySchedule::new(vec![0, 0]).unwrap()), [1; 8]);
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn due_at(breaker: &Breaker) -> Option<Timestamp> {
        if let State::Open { until, .. } = breaker.state() { Some(until) } else { None }
    }

    #[test]
    fn five_in_a_row_open_it_and_probes_wait_longer_each_time() {
        let schedule = RetrySchedule::new(vec![0, 5, 300]).unwrap();
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!breaker.failed(&schedule, None, 0.0, at(0)));
        }
        assert!(breaker.failed(&schedule, None, 0.0, at(0)));
        let mut now = 0;
        for expected in [5, 10, 20] {
            assert_eq!(due_at(&breaker), Some(at(now + expected)));
            assert!(!breaker.alive(at(now)), "a late answer closes nothing");
            assert!(!breaker.tick(at(now + expected - 1)));
            now += expected;
            assert!(breaker.tick(at(now)));
            assert!(breaker.failed(&schedule, None, 0.0, at(now)));
        }
        assert!(breaker.tick(at(now + 40)));
        assert!(breaker.alive(at(now + 40)));
        assert!(breaker.is_closed());
    }

    #[test]
    fn what_others_say_opens_it_unless_it_knows_better() {
        let schedule = RetrySchedule::default();
        let mut breaker = Breaker::default();
        assert!(breaker.suspect(at(90), at(0)), "it knows nothing");
        assert_eq!(due_at(&breaker), Some(at(5)), "it finds out for itself");
        assert!(!breaker.suspect(at(2), at(1)));
        assert!(breaker.tick(at(5)) && breaker.alive(at(6)));
        assert!(!breaker.suspect(at(90), at(15)), "it succeeded lately");
        breaker.failed(&schedule, None, 0.0, at(15));
        assert!(breaker.suspect(at(17), at(15)));
        assert_eq!(due_at(&breaker), Some(at(17)));
        assert!(breaker.tick(at(17)) && breaker.failed(&schedule, None, 0.0, at(17)));
        assert_eq!(due_at(&breaker), Some(at(22)), "from here on it is its own");
        let mut breaker = Breaker::default();
        breaker.alive(at(0));
        assert!(breaker.suspect(at(90), at(10)), "that is long ago");
    }

    #[test]
    fn half_of_the_last_twenty_open_it() {
        let schedule = RetrySchedule::default();
        let mut breaker = Breaker::default();
        let mut opened_after = None;
        for i in 0..40 {
            if i % 2 == 0 {
                breaker.alive(at(0));
            } else if breaker.failed(&schedule, None, 0.0, at(0)) {
                opened_after = Some(i);
                break;
            }
        }
        assert_eq!(opened_after, Some(19));
    }

    #[test]
    fn it_is_saved_and_read_back() {
        let schedule = RetrySchedule::default();
        let mut breaker = Breaker::default();
        assert_eq!(Breaker::restored(&breaker.saved()).state(), State::Closed);
        for _ in 0..5 {
            breaker.failed(&schedule, Some(std::time::Duration::from_secs(90)), 0.0, at(7));
        }
        assert_eq!(breaker.state(), State::Open { until: at(97), index: 1 });
        assert_eq!(Breaker::restored(&breaker.saved()).state(), breaker.state());
        assert_eq!(Breaker::restored("nonsense").state(), State::Closed);
    }
}
