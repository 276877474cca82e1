//! Keeps the score while a simulation runs: counts, a few failures of each check, and latencies in
//! a histogram, so that a million requests need no more memory than ten.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{Check, Exchange, Failure, Observer, check::Verdict};

/// How many failures of a check are kept with their request and answer.
const KEPT: usize = 3;
/// A body longer than this many bytes is kept as the beginning of its text.
const MAX_BODY: usize = 4 * 1024;
/// Buckets of the histogram; each is an eighth longer than the one before, from a microsecond.
const BUCKETS: usize = 256;

/// The looks at one check.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) failures: Vec<Failure>,
}

/// Everything counted.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) checks: BTreeMap<Check, Count>,
    pub(crate) requests: u64,
    pub(crate) longest: Duration,
    buckets: Vec<u64>,
    /// How many requests in a row got no answer.
    pub(crate) unanswered: u32,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            checks: BTreeMap::new(),
            requests: 0,
            longest: Duration::ZERO,
            buckets: vec![0; BUCKETS],
            unanswered: 0,
        }
    }
}

impl Ledger {
    /// The latency that this share of the requests did not exceed, to within an eighth.
    pub(crate) fn percentile(&self, percent: u64) -> Duration {
        let rank = (self.requests * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_bound(bucket).min(self.longest);
            }
        }
        self.longest
    }

    fn judge(&mut self, check: Check, verdict: Verdict) {
        let count = self.checks.entry(check).or_default();
        match verdict {
            Ok(()) => count.passed += 1,
            Err(mut failure) => {
                count.failed += 1;
                if failure.status == 0 {
                    self.unanswered += 1;
                }
                if count.failures.len() < KEPT {
                    failure.request = failure.request.take().map(shorten);
                    failure.answer = failure.answer.take().map(shorten);
                    count.failures.push(*failure);
                }
            }
        }
    }

    fn see(&mut self, duration: Duration) {
        self.requests += 1;
        self.unanswered = 0;
        self.longest = self.longest.max(duration);
        if let Some(bucket) = self.buckets.get_mut(bucket_of(duration)) {
            *bucket += 1;
        }
    }
}

fn shorten(body: Value) -> Value {
    let text = body.to_string();
    if text.len() <= MAX_BODY {
        return body;
    }
    let end = (0..=MAX_BODY).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    json!(format!("{}… ({} bytes)", &text[..end], text.len()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a bucket's number is small and not negative, and microseconds need no more than 53 bits"
)]
fn bucket_of(duration: Duration) -> usize {
    let micros = (duration.as_micros() as f64).max(1.0);
    (micros.log(1.125).ceil() as usize).min(BUCKETS - 1)
}

#[expect(clippy::cast_precision_loss, reason = "a bucket's number is small")]
fn upper_bound(bucket: usize) -> Duration {
    Duration::from_secs_f64(1.125_f64.powf(bucket as f64) / 1e6)
}

/// Writes into a ledger that several share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Ledger>>);

impl Recorder {
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    async fn seen(&mut self, exchange: Exchange) {
        self.ledger().see(exchange.duration);
    }

    fn judged(&mut self, check: Check, verdict: Verdict) {
        self.ledger().judge(check, verdict);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_an_eighth() {
        let mut ledger = Ledger::default();
        for millis in 1..=1_000 {
            ledger.see(Duration::from_millis(millis));
        }
        for (percent, exact) in [(50, 500.0), (99, 990.0), (100, 1_000.0)] {
            let is = ledger.percentile(percent).as_secs_f64() * 1_000.0;
            assert!((exact..=exact * 1.13).contains(&is), "p{percent} is {is}");
        }
        assert_eq!(ledger.longest, Duration::from_secs(1));
    }

    #[test]
    fn failures_are_counted_without_end_and_kept_within_bounds() {
        let failure = Failure {
            why: "wrong".to_owned(),
            method: "GET",
            path: "/Users".to_owned(),
            request: None,
            status: 500,
            answer: Some(json!("é".repeat(MAX_BODY))),
        };
        let mut ledger = Ledger::default();
        for _ in 0..10 {
            ledger.judge(Check::Create, Err(Box::new(failure.clone())));
        }
        let count = &ledger.checks[&Check::Create];
        assert_eq!((count.failed, count.failures.len()), (10, KEPT));
        let kept = count.failures[0].answer.as_ref().unwrap().as_str().unwrap();
        assert!(kept.len() < MAX_BODY + 64 && kept.ends_with("bytes)"), "{}", kept.len());
    }
}
