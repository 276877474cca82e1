//! Medians, percentiles, and how far windows lie apart.

use std::time::Duration;

/// The value below which this share of the samples lies.
pub(crate) fn percentile(samples: &mut [Duration], share: f64) -> Duration {
    if samples.is_empty() {
        return Duration::ZERO;
    }
    samples.sort_unstable();
    let rank = (samples.len() as f64 * share).ceil() as usize;
    samples[rank.clamp(1, samples.len()) - 1]
}

/// The same figure from several windows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows(Vec<f64>);

impl Windows {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        match sorted.len() {
            0 => 0.0,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }

    /// How far the middle windows lie apart, as a share of the median: the distance between the first
    /// and the third quartile.
    pub(crate) fn spread(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let n = sorted.len();
        if n < 2 || self.median() <= 0.0 {
            return f64::INFINITY;
        }
        (sorted[(n * 3 / 4).min(n - 1)] - sorted[n / 4]) / self.median()
    }

    /// Whether the windows agree well enough to be called a result.
    pub(crate) fn quiet(&self, limit: f64) -> bool {
        self.spread() <= limit
    }

    /// `median ±spread`, marked if it is noisy.
    pub(crate) fn show(&self, limit: f64) -> String {
        let mark = if self.quiet(limit) { "" } else { " NOISY" };
        format!("{:.1} (spread {:.0} %{mark})", self.median(), self.spread() * 100.0)
    }
}
