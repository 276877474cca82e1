//! The supervisor: which shards this process sends the events of, and a scheduler for each.
//!
//! Cast: the shards that are **assigned** to this process, by whoever divides them among the
//! processes; the **claims**, which ask the store for those that nobody holds; the [`Lease`] of
//! each shard that is **held**, and the **renewals** that keep it; each one's scheduler, a task on
//! this thread; the **releases** of those that are given up.
//!
//! Plot: a shard is assigned; it is claimed until the store grants it; its scheduler loads the lanes
//! and sends. When it is assigned to another process, its scheduler begins nothing new, lets what is
//! under way end within a deadline, saves, and the shard is released. When its lease cannot be
//! renewed in time, or the store says that somebody else has it, its scheduler is ended as it stands,
//! and the shard is claimed anew. No shard waits for another.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use metrics::{counter, gauge};
use rollcall_store::{
    clock,
    ledger::{HeldShard, SHARD_LEASE},
    read::ReadError,
};
use rollcall_stream::Feed;
use tokio::{
    sync::{oneshot, watch},
    task::{AbortHandle, JoinError, JoinSet, LocalSet},
    time::{Instant, sleep_until, timeout},
};

mod lease;
mod quarantine;
#[cfg(test)]
mod tests;

pub(crate) use lease::Lease;

use crate::{
    Settings,
    attempt::Courier,
    hints::Hints,
    log::Log,
    metric,
    process::Process,
    scheduler::{self, End, Watches},
};

/// How often shards are asked for that others hold.
const CLAIM: Duration = Duration::from_millis(100);
/// How often leases are renewed; and when that fails or takes long, how soon it is tried again.
const RENEW: Duration = Duration::from_secs(2);
const RENEW_AGAIN: Duration = Duration::from_millis(500);
/// How soon after a change of the configuration the store is told that it was taken up.
const REPORT: Duration = Duration::from_millis(20);
/// Renewals under way at the same time: those that hang do not keep others from being tried.
const RENEWALS: usize = 8;
/// At most once in so long it is looked at what others say of breakers.
const HEAR: Duration = Duration::from_millis(500);
/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// The shards that a process dispatches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shards {
    /// Those that are assigned to it.
    pub assigned: BTreeSet<u16>,
    /// Those whose events it sends now. One that was taken away is among them until what is under
    /// way has ended.
    pub held: BTreeSet<u16>,
}

/// A shard that is held.
struct Holding {
    lease: Rc<Lease>,
    /// `None` once the scheduler was told to stop.
    stop: Option<oneshot::Sender<Duration>>,
    task: AbortHandle,
    /// It was ended because its lease was over.
    lost: bool,
    /// Wakes the scheduler when the shard's head moved; `None` if the feed does that itself.
    moved: Option<watch::Sender<u64>>,
}

/// What came of a claim, a renewal, or a release.
struct Asked<T> {
    at: Instant,
    result: Result<T, Option<ReadError>>,
}

struct Renewal {
    revision: u64,
    asked: Vec<HeldShard>,
    renewed: Vec<HeldShard>,
}

struct Supervisor<L, C: Courier> {
    process: Rc<Process>,
    log: L,
    courier: Rc<C>,
    /// This process, for the store.
    holder: String,
    assigned: BTreeSet<u16>,
    held: BTreeMap<u16, Holding>,
    releasing: BTreeSet<u16>,
    /// Each with the lease that it held.
    schedulers: JoinSet<(HeldShard, End)>,
    claim: Option<LocalBoxFuture<'static, Asked<Vec<HeldShard>>>>,
    claim_at: Instant,
    renewals: FuturesUnordered<LocalBoxFuture<'static, Asked<Renewal>>>,
    renew_at: Instant,
    releases: FuturesUnordered<LocalBoxFuture<'static, (Vec<u16>, Asked<()>)>>,
    /// The store did not answer lately; it was told of.
    away: bool,
    /// The process ends; attempts under way may take so long.
    stopping: Option<Duration>,
    shown: watch::Sender<Shards>,
}

/// Delivers the events of the shards that the feed assigns, until `stop` says to stop within a
/// deadline.
pub(crate) async fn run<L: Log, C: Courier>(
    settings: Settings,
    log: L,
    feed: Arc<Feed>,
    courier: C,
    hints: Option<Arc<dyn Hints>>,
    shown: watch::Sender<Shards>,
    stop: oneshot::Receiver<Duration>,
) {
    let breakers = hints.as_ref().and_then(|hints| hints.breaker_changes());
    let local = LocalSet::new();
    let supervisor = Supervisor {
        process: Process::new(settings, Arc::clone(&feed), hints),
        log,
        courier: Rc::new(courier),
        holder: clock::new_uuid().to_string(),
        assigned: BTreeSet::new(),
        held: BTreeMap::new(),
        releasing: BTreeSet::new(),
        schedulers: JoinSet::new(),
        claim: None,
        claim_at: Instant::now(),
        renewals: FuturesUnordered::new(),
        renew_at: Instant::now(),
        releases: FuturesUnordered::new(),
        away: false,
        stopping: None,
        shown,
    };
    // A task of its own: what `run_until` waits for is looked at whenever any task goes on.
    let supervisor = local.spawn_local(supervisor.run(feed, breakers, stop));
    if let Err(error) = local.run_until(supervisor).await
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

impl<L: Log, C: Courier> Supervisor<L, C> {
    async fn run(
        mut self,
        feed: Arc<Feed>,
        mut breakers: Option<watch::Receiver<u64>>,
        mut stop: oneshot::Receiver<Duration>,
    ) {
        let mut heard_at = Instant::now();
        let quarantine =
            tokio::task::spawn_local(quarantine::release(self.log.clone(), Rc::clone(&self.courier)));
        let mut assigned = feed.assigned();
        let mut moved = feed.moved();
        let mut catalog = self.log.catalog_changes();
        // With one shard its scheduler hears of it from the feed itself.
        let relays = self.log.shards() > 1;
        self.assign(&assigned.borrow_and_update());
        loop {
            self.end_what_is_over();
            self.ask();
            self.show();
            if self.stopping.is_some() && self.is_idle() {
                break;
            }
            let next = self.next_look();
            tokio::select! {
                biased;
                within = &mut stop, if self.stopping.is_none() => {
                    self.stopping = Some(within.unwrap_or_default());
                    self.assign(&BTreeSet::new());
                }
                Ok(()) = assigned.changed(), if self.stopping.is_none() => {
                    self.assign(&assigned.borrow_and_update());
                }
                Some(ended) = self.schedulers.join_next() => self.ended(ended),
                claimed = pending(&mut self.claim), if self.claim.is_some() => self.claimed(claimed),
                Some(renewal) = self.renewals.next() => self.renewed(renewal),
                Some((shards, released)) = self.releases.next() => self.released(&shards, released),
                () = sleep_until(next) => {}
                // Somebody may wait until all who send have taken it up.
                Ok(()) = catalog.changed() => {
                    catalog.borrow_and_update();
                    self.renew_at = self.renew_at.min(Instant::now() + REPORT);
                }
                () = heard(&mut breakers, heard_at) => {
                    heard_at = Instant::now();
                    self.process.breakers_changed();
                }
                Ok(()) = moved.changed(), if relays => {
                    moved.borrow_and_update();
                    self.tell_of_heads(&feed);
                }
            }
        }
        quarantine.abort();
    }

    /// The assignment changed.
    fn assign(&mut self, assigned: &BTreeSet<u16>) {
        let shards = self.log.shards();
        self.assigned = assigned.iter().copied().filter(|shard| *shard < shards).collect();
        let within = self
            .stopping
            .unwrap_or_else(|| Duration::from_secs(self.process.settings.drain_seconds).min(SHARD_LEASE));
        for (shard, holding) in &mut self.held {
            if !self.assigned.contains(shard)
                && let Some(stop) = holding.stop.take()
            {
                let _ = stop.send(within);
            }
        }
        self.claim_at = Instant::now();
    }

    /// The shards that are to be claimed.
    fn wanted(&self) -> Vec<u16> {
        let free = |shard: &u16| !self.held.contains_key(shard) && !self.releasing.contains(shard);
        self.assigned.iter().copied().filter(free).collect()
    }

    fn is_idle(&self) -> bool {
        self.held.is_empty() && self.claim.is_none() && self.releases.is_empty()
    }

    /// When something is due at the latest.
    fn next_look(&self) -> Instant {
        let leases = self.held.values().filter(|h| !h.lost).map(|holding| holding.lease.over_at());
        let renew = (!self.held.is_empty() && self.renewals.len() < RENEWALS).then_some(self.renew_at);
        let claim = (self.claim.is_none() && !self.wanted().is_empty()).then_some(self.claim_at);
        let idle = Instant::now() + Duration::from_secs(3_600);
        leases.chain(renew).chain(claim).min().unwrap_or(idle)
    }

    /// Ends the schedulers of shards that may be somebody else's.
    fn end_what_is_over(&mut self) {
        for holding in self.held.values_mut().filter(|holding| !holding.lost && holding.lease.is_over()) {
            let shard = holding.lease.shard();
            tracing::warn!(shard, "the lease of a shard could not be renewed: it is given up");
            holding.lost = true;
            holding.task.abort();
        }
    }

    /// Claims and renews what is due.
    fn ask(&mut self) {
        let now = Instant::now();
        if self.claim.is_none() && now >= self.claim_at {
            let wanted = self.wanted();
            if !wanted.is_empty() {
                let (log, holder) = (self.log.clone(), self.holder.clone());
                self.claim = Some(asked(async move { log.claim_shards(&holder, &wanted).await }));
            }
        }
        if now >= self.renew_at && self.renewals.len() < RENEWALS {
            let held: Vec<HeldShard> = self
                .held
                .values()
                .filter(|holding| !holding.lost)
                .map(|holding| holding.lease.held)
                .collect();
            self.renew_at = now + RENEW;
            if !held.is_empty() {
                // Until an answer says that there is more time.
                self.renew_at = now + RENEW_AGAIN;
                let revision = self.applied();
                if revision < self.log.catalog().revision {
                    self.renew_at = now + REPORT;
                }
                let log = self.log.clone();
                self.renewals.push(asked(async move {
                    let renewed = log.renew_shards(&held, revision).await?;
                    Ok(Renewal { revision, asked: held, renewed })
                }));
            }
        }
    }

    /// The revision of the configuration that all schedulers have taken up.
    fn applied(&self) -> u64 {
        let applied = self.held.values().map(|holding| holding.lease.applied.get());
        applied.min().unwrap_or(u64::MAX).min(self.log.catalog().revision)
    }

    fn claimed(&mut self, claimed: Asked<Vec<HeldShard>>) {
        self.claim = None;
        self.claim_at = Instant::now() + CLAIM;
        let Some(granted) = self.answered(claimed.result) else { return };
        let (mine, others): (Vec<_>, Vec<_>) =
            granted.into_iter().partition(|held| self.assigned.contains(&held.shard));
        self.release(others);
        for held in mine {
            let lease = Lease::new(held, claimed.at);
            // An answer that took too long is asked for again.
            if lease.may_begin() && !self.held.contains_key(&held.shard) {
                self.begin(Rc::new(lease));
            }
        }
    }

    /// Starts sending a shard's events.
    fn begin(&mut self, lease: Rc<Lease>) {
        let feed = &self.process.feed;
        let (moved, relay) = if self.log.shards() > 1 {
            let (relay, moved) = watch::channel(feed.head(lease.shard()));
            (moved, Some(relay))
        } else {
            (feed.moved(), None)
        };
        // Subscribed before the first look at what they announce, so that nothing falls between.
        let watches =
            Watches { moved, catalog: self.log.catalog_changes(), manual: self.log.manual_changes() };
        let (stop, stopped) = oneshot::channel();
        let (process, log, courier) = (Rc::clone(&self.process), self.log.clone(), Rc::clone(&self.courier));
        let held = lease.held;
        let of_task = Rc::clone(&lease);
        let task = self.schedulers.spawn_local(async move {
            (held, scheduler::run(process, log, courier, of_task, watches, stopped).await)
        });
        tracing::debug!(shard = held.shard, epoch = held.epoch, "a shard is taken on");
        let holding = Holding { lease, stop: Some(stop), task, lost: false, moved: relay };
        self.held.insert(held.shard, holding);
    }

    fn renewed(&mut self, renewal: Asked<Renewal>) {
        let Some(Renewal { revision, asked, renewed }) = self.answered(renewal.result) else { return };
        if self.applied() <= revision {
            self.renew_at = self.renew_at.max(renewal.at + RENEW);
        }
        let mut waited = false;
        for held in asked {
            let Some(holding) = self.held.get_mut(&held.shard).filter(|h| h.lease.held == held) else {
                continue;
            };
            if renewed.contains(&held) {
                waited |= !holding.lease.may_begin();
                holding.lease.renewed(renewal.at);
            } else if !holding.lost {
                tracing::warn!(shard = held.shard, "another process took a shard over");
                holding.lost = true;
                holding.task.abort();
            }
        }
        if waited {
            self.process.wake_all();
        }
    }

    /// A scheduler ended.
    fn ended(&mut self, ended: Result<(HeldShard, End), JoinError>) {
        let lost = match ended {
            Ok((held, end)) => {
                if self.held.get(&held.shard).is_none_or(|holding| holding.lease.held != held) {
                    return;
                }
                if end == End::Stopped {
                    self.held.remove(&held.shard);
                    tracing::debug!(shard = held.shard, "a shard is given up");
                    self.release(vec![held]);
                    return;
                }
                tracing::warn!(shard = held.shard, "another process took a shard over");
                vec![held.shard]
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // It says nothing of which it was.
            Err(_) => {
                self.held.iter().filter(|(_, h)| h.lost && h.task.is_finished()).map(|(s, _)| *s).collect()
            }
        };
        for shard in lost {
            self.held.remove(&shard);
            counter!(metric::LEASES_LOST).increment(1);
        }
    }

    fn release(&mut self, held: Vec<HeldShard>) {
        if held.is_empty() {
            return;
        }
        let shards: Vec<u16> = held.iter().map(|held| held.shard).collect();
        self.releasing.extend(&shards);
        let log = self.log.clone();
        let release = asked(async move { log.release_shards(&held).await });
        self.releases.push(Box::pin(async move { (shards, release.await) }));
    }

    fn released(&mut self, shards: &[u16], released: Asked<()>) {
        for shard in shards {
            self.releasing.remove(shard);
        }
        // If it failed the lease ends by itself.
        self.answered(released.result);
        self.claim_at = Instant::now();
    }

    /// What the store answered, if it did; tells when it ceases to and when it does again.
    fn answered<T>(&mut self, result: Result<T, Option<ReadError>>) -> Option<T> {
        match result {
            Ok(answer) => {
                if std::mem::take(&mut self.away) {
                    tracing::info!("the store answers again about the shards");
                }
                Some(answer)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.away, true) {
                    let error = error.as_ref().map(tracing::field::display);
                    tracing::warn!(error, "the store does not answer about the shards; trying again");
                }
                None
            }
        }
    }

    /// Wakes the schedulers whose shards' heads moved.
    fn tell_of_heads(&self, feed: &Feed) {
        for (shard, holding) in &self.held {
            if let Some(moved) = &holding.moved {
                let head = feed.head(*shard);
                moved.send_if_modified(|known| {
                    let moved = *known != head || holding.lease.waits_for_tail.get();
                    *known = head;
                    moved
                });
            }
        }
    }

    fn show(&self) {
        let held = self.held.iter().filter(|(_, holding)| !holding.lost).map(|(shard, _)| *shard).collect();
        let now = Shards { assigned: self.assigned.clone(), held };
        self.shown.send_if_modified(|shown| {
            let changed = *shown != now;
            if changed {
                #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
                gauge!(metric::SHARDS_HELD).set(now.held.len() as f64);
                *shown = now;
            }
            changed
        });
    }
}

/// Asks the store, for no longer than its answer is of use.
fn asked<T: 'static>(
    question: impl Future<Output = Result<T, ReadError>> + 'static,
) -> LocalBoxFuture<'static, Asked<T>> {
    let at = Instant::now();
    Box::pin(async move {
        let result = match timeout(PATIENCE, question).await {
            Ok(result) => result.map_err(Some),
            Err(_) => Err(None),
        };
        Asked { at, result }
    })
}

/// Others said something of breakers: looked at now and then, since they may say a lot.
async fn heard(breakers: &mut Option<watch::Receiver<u64>>, last: Instant) {
    if let Some(changes) = breakers {
        sleep_until(last + HEAR).await;
        if changes.changed().await.is_ok() {
            changes.borrow_and_update();
            return;
        }
    }
    *breakers = None;
    std::future::pending().await
}

async fn pending<T>(future: &mut Option<LocalBoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
