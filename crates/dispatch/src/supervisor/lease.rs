//! A shard's lease, by the monotonic clock of this process: what of the shard may be done now.
//!
//! The store counts the lease from when it hears of the request; this process counts from when it
//! asked, which is earlier, and stops before the end: no attempt begins in the last second, and what
//! is under way is cut off half a second before it. A process that was stopped meanwhile finds out
//! before it does anything else, since the lease is looked at before each step of an attempt.

use std::{
    cell::Cell,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use rollcall_store::ledger::{HeldShard, SHARD_LEASE};
use tokio::time::{Instant, sleep};

/// So long before the end no attempt begins.
const NONE_BEGINS: Duration = Duration::from_secs(1);
/// So long before the end those under way are cut off.
const CUT_OFF: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Which shard, and under which epoch.
    pub(crate) held: HeldShard,
    ends: Cell<Instant>,
    /// The revision of the configuration by which the shard's events are sent.
    pub(crate) applied: Cell<u64>,
    /// The scheduler has heard of events that are not in the feed's tail.
    pub(crate) waits_for_tail: Cell<bool>,
}

impl Lease {
    /// Granted on a request that was made at `asked`.
    pub(crate) fn new(held: HeldShard, asked: Instant) -> Self {
        Self {
            held,
            ends: Cell::new(asked + SHARD_LEASE),
            applied: Cell::new(u64::MAX),
            waits_for_tail: Cell::new(false),
        }
    }

    /// Renewed on a request that was made at `asked`.
    pub(crate) fn renewed(&self, asked: Instant) {
        self.ends.set(self.ends.get().max(asked + SHARD_LEASE));
    }

    pub(crate) fn shard(&self) -> u16 {
        self.held.shard
    }

    /// Whether an attempt may begin.
    pub(crate) fn may_begin(&self) -> bool {
        Instant::now() + NONE_BEGINS < self.ends.get()
    }

    /// Waits for it, if it is too late and the lease is renewed in time.
    pub(crate) async fn until_one_may_begin(&self) {
        while !self.may_begin() {
            sleep(CUT_OFF / 10).await;
        }
    }

    /// Whether nothing may be done any more.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.over_at()
    }

    /// When that is, unless it is renewed.
    pub(crate) fn over_at(&self) -> Instant {
        self.ends.get() - CUT_OFF
    }

    /// Goes on with `future` as long as the lease lasts; after it, never again.
    pub(crate) async fn while_it_lasts<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        std::future::poll_fn(
            |context: &mut Context<'_>| {
                if self.is_over() { Poll::Pending } else { future.as_mut().poll(context) }
            },
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ends_before_the_stores() {
        let lease = Lease::new(HeldShard { shard: 3, epoch: 1 }, Instant::now());
        let now = || (lease.may_begin(), lease.is_over());
        for (milliseconds, expected) in [(4_999, (true, false)), (1, (false, false)), (499, (false, false))] {
            tokio::time::advance(Duration::from_millis(milliseconds)).await;
            assert_eq!(now(), expected, "{milliseconds}");
        }
        let mut flight = pin!(lease.while_it_lasts(std::future::ready(())));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(now(), (false, true));
        assert!(futures_util::poll!(&mut flight).is_pending(), "it would be ready");
        lease.renewed(Instant::now() - Duration::from_secs(1));
        assert_eq!(now(), (true, false));
        lease.renewed(Instant::now() - Duration::from_secs(3));
        assert!(lease.may_begin(), "an answer that comes late shortens nothing");
    }
}
