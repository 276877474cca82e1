//! The counts behind the summary.

use std::time::Duration;

/// What happened so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) events: u64,
    /// Webhooks that arrived, repetitions not counted.
    pub(crate) webhooks: u64,
    pub(crate) verified: u64,
    pub(crate) out_of_order: u64,
    pub(crate) gaps: u64,
    /// From sending the SCIM request to the verified webhook.
    pub(crate) latencies: Vec<Duration>,
}

impl Tally {
    /// Whether every event arrived, verified and in order; and there were some.
    pub(crate) fn is_perfect(&self) -> bool {
        self.events > 0
            && self.webhooks == self.events
            && self.verified == self.events
            && self.out_of_order == 0
            && self.gaps == 0
    }

    /// The latency that this share of the webhooks did not exceed (nearest rank).
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.max(1) - 1).copied()
    }

    /// The summary's lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Self { requests, events, webhooks, verified, out_of_order, gaps, .. } = self;
        let mut lines = vec![
            format!("  {requests} requests, {events} events, {webhooks} webhooks"),
            format!(
                "  {verified} verified, {gaps} gaps in a directory's sequence, {out_of_order} out of order"
            ),
        ];
        if let (Some(p50), Some(p99)) = (self.percentile(50), self.percentile(99)) {
            lines.push(format!(
                "  from the provider's request to the verified webhook: p50 {}, p99 {}",
                super::lines::milliseconds(p50),
                super::lines::milliseconds(p99)
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_perfection() {
        let mut tally = Tally { requests: 3, events: 2, webhooks: 2, verified: 2, ..Tally::default() };
        assert!(tally.is_perfect());
        assert_eq!(tally.percentile(50), None);
        tally.latencies = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(tally.percentile(50), Some(Duration::from_millis(50)));
        assert_eq!(tally.percentile(99), Some(Duration::from_millis(99)));
        for spoil in [
            (|t: &mut Tally| t.gaps = 1) as fn(&mut Tally),
            |t| t.out_of_order = 1,
            |t| t.verified = 1,
            |t| t.events = 3,
            |t| *t = Tally::default(),
        ] {
            let mut spoiled = Tally { requests: 3, events: 2, webhooks: 2, verified: 2, ..Tally::default() };
            spoil(&mut spoiled);
            assert!(!spoiled.is_perfect(), "{spoiled:?}");
        }
    }
}
