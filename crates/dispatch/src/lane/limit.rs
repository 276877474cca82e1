//! How many attempts of one lane may be under way: up by one when a full round succeeded, down by
//! half when the endpoint shows that it is too much. After an outage it begins at one and doubles.
//! Where the endpoint has several lanes, each has its share of it.

const START: usize = 8;
const MAX: usize = 64;

/// See above.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    limit: usize,
    ramp: Option<usize>,
    successes: usize,
    /// In thousandths.
    share: usize,
}

impl Default for Limit {
    fn default() -> Self {
        Self { limit: START, ramp: None, successes: 0, share: 1_000 }
    }
}

impl Limit {
    /// How many may be under way now.
    pub(crate) fn current(&self) -> usize {
        let all = self.ramp.map_or(self.limit, |ramp| ramp.min(self.limit));
        (all * self.share / 1_000).max(1)
    }

    /// The lane may have so many thousandths of it, and one attempt at least.
    pub(crate) fn set_share(&mut self, share: usize) {
        self.share = share.min(1_000);
    }

    /// The endpoint is back after an outage.
    pub(crate) fn recover(&mut self) {
        self.ramp = Some(1);
    }

    /// An attempt succeeded; `was_full`: as many were under way as allowed.
    pub(crate) fn success(&mut self, was_full: bool) {
        if let Some(ramp) = self.ramp {
            self.ramp = (ramp * 2 < self.limit).then_some(ramp * 2);
        } else if was_full {
            self.successes += 1;
            if self.successes >= self.limit {
                self.successes = 0;
                self.limit = (self.limit + 1).min(MAX);
            }
        }
    }

    /// The endpoint timed out, or answered 429 or 503.
    pub(crate) fn too_much(&mut self) {
        self.limit = (self.limit / 2).max(1);
        self.successes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_slowly_and_halves() {
        let mut limit = Limit::default();
        for _ in 0..8 {
            limit.success(true);
        }
        assert_eq!(limit.current(), 9);
        limit.success(false);
        assert_eq!(limit.current(), 9, "where it was not the limit it says nothing");
        limit.too_much();
        assert_eq!(limit.current(), 4);
        for _ in 0..5 {
            limit.too_much();
        }
        assert_eq!(limit.current(), 1);
        for _ in 0..10_000 {
            limit.success(true);
        }
        assert_eq!(limit.current(), 64);
    }

    #[test]
    fn it_is_shared() {
        let mut limit = Limit::default();
        let mut of = |share| {
            limit.set_share(share);
            limit.current()
        };
        assert_eq!([of(500), of(333), of(100), of(0), of(1_000), of(9_000)], [4, 2, 1, 1, 8, 8]);
    }

    #[test]
    fn after_an_outage_it_doubles() {
        let mut limit = Limit::default();
        limit.recover();
        let mut seen = vec![limit.current()];
        for _ in 0..4 {
            limit.success(true);
            seen.push(limit.current());
        }
        assert_eq!(seen, [1, 2, 4, 8, 8]);
    }
}
