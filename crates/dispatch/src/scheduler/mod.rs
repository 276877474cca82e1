//! The scheduler: one task that owns all lanes and never waits for anything but the next thing
//! that happens.
//!
//! Cast: the [`Track`]s, each an endpoint with its lane; the **followers** among them, which have
//! seen all of the log and are handed each new event that they want; the **laggards**, which read
//! the shared tail or the store at their own pace; **flights**, attempts under way; **side** work,
//! the reads of the store; one **save** at a time.
//!
//! Plot: something happens (the head moved, an attempt ended, a read came back, a time came, the
//! configuration changed); the tracks concerned are brought up to date; then [`Scheduler::work`]
//! starts what can be started. Idle lanes cost nothing per event: a follower's scan is the
//! scheduler's, until an event comes that it wants.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use rollcall_domain::ids::{DirectoryId, EndpointId, OrganizationId};
use rollcall_store::{clock, ledger::ProgressBatch};
use rollcall_stream::Feed;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, interval, sleep_until, timeout},
};

use crate::{
    Settings,
    attempt::Courier,
    fair::Rotation,
    slots::{Pool, Slots},
};

mod catalog;
mod flights;
mod held;
mod log;
mod manual;
mod reads;
mod save;
mod scan;
mod sweep;
mod tell;
#[cfg(test)]
mod tests;
mod track;

pub(crate) use log::Log;

use flights::Landed;
use held::Held;
use manual::Manual;
use reads::Side;
use track::Track;

/// The log's only shard in one process.
const SHARD: u16 = 0;
/// How often what changes lazily is looked at.
const SWEEP: Duration = Duration::from_secs(10);
/// How long the last save may take.
const LAST_SAVE: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Scheduler<L, C: Courier> {
    settings: Settings,
    log: L,
    feed: Arc<Feed>,
    courier: Rc<C>,
    clock: Clock,
    tracks: Vec<Option<Box<Track<C::Target>>>>,
    by_id: HashMap<EndpointId, usize>,
    /// Tracks by what they hear of.
    hear_all: Vec<usize>,
    hear_organization: HashMap<OrganizationId, Vec<usize>>,
    hear_directory: HashMap<DirectoryId, Vec<usize>>,
    /// The catalog's revision that the tracks show.
    revision: u64,
    /// The newest committed position that is known.
    head: u64,
    /// Followers have seen all up to here.
    followed: u64,
    touched: Vec<usize>,
    laggards: VecDeque<usize>,
    /// Laggards that may read on when less is held.
    short_of_memory: Vec<usize>,
    held: Held,
    /// Tracks that have something to send, by the pool that they take their slots from.
    rotations: [Rotation; 2],
    slots: Rc<Slots>,
    timers: BTreeSet<(Timestamp, usize)>,
    flights: FuturesUnordered<LocalBoxFuture<'static, Landed>>,
    side: FuturesUnordered<LocalBoxFuture<'static, Side>>,
    /// Reads of the store that wait for one to end.
    backlog_reads: VecDeque<(usize, crate::lane::BacklogRead)>,
    backlogs_under_way: usize,
    scans_under_way: usize,
    /// What is to be saved beside the lanes.
    pending: ProgressBatch,
    dirty: VecDeque<usize>,
    save: Option<LocalBoxFuture<'static, ()>>,
    unsaved_attempts: usize,
    saving_attempts: usize,
    saving_manual: Vec<i64>,
    manual: Manual,
    lag_shown: HashSet<EndpointId>,
    stopping: bool,
}

/// The time: the system's at the start, and from there on the monotonic clock, so that a step of
/// the system's clock neither hurries nor delays a retry.
#[derive(Clone, Copy, Debug)]
struct Clock {
    wall: Timestamp,
    start: Instant,
}

impl Clock {
    fn new() -> Self {
        Self { wall: clock::now(), start: Instant::now() }
    }

    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.wall.checked_add(passed).unwrap_or(self.wall)
    }

    fn instant(&self, at: Timestamp) -> Instant {
        let from_start = Duration::try_from(at.duration_since(self.wall)).unwrap_or_default();
        self.start.checked_add(from_start).unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600))
    }
}

/// Delivers until `stop` says to stop within a deadline.
pub(crate) async fn run<L: Log, C: Courier>(
    settings: Settings,
    log: L,
    feed: Arc<Feed>,
    courier: C,
    mut stop: oneshot::Receiver<Duration>,
) {
    // Subscribed before the first look at what they announce, so that nothing falls between.
    let watches =
        Watches { moved: feed.moved(), catalog: log.catalog_changes(), manual: log.manual_changes() };
    let mut scheduler = Scheduler::new(settings, log, feed, courier);
    tokio::select! {
        () = scheduler.load() => {}
        _ = &mut stop => return,
    }
    scheduler.run(watches, stop).await;
}

struct Watches {
    moved: watch::Receiver<u64>,
    catalog: watch::Receiver<u64>,
    manual: watch::Receiver<u64>,
}

impl<L: Log, C: Courier> Scheduler<L, C> {
    fn new(settings: Settings, log: L, feed: Arc<Feed>, courier: C) -> Self {
        let slots = Slots::new(settings.fast_slots, settings.slow_slots, settings.slots_per_organization);
        let held = Held::new(settings.max_held_bytes);
        Self {
            head: log.head(SHARD),
            followed: log.head(SHARD),
            settings,
            log,
            feed,
            courier: Rc::new(courier),
            clock: Clock::new(),
            revision: 0,
            tracks: Vec::new(),
            by_id: HashMap::new(),
            hear_all: Vec::new(),
            hear_organization: HashMap::new(),
            hear_directory: HashMap::new(),
            touched: Vec::new(),
            laggards: VecDeque::new(),
            short_of_memory: Vec::new(),
            held,
            rotations: <[Rotation; 2]>::default(),
            slots,
            timers: BTreeSet::new(),
            flights: FuturesUnordered::new(),
            side: FuturesUnordered::new(),
            backlog_reads: VecDeque::new(),
            backlogs_under_way: 0,
            scans_under_way: 0,
            pending: ProgressBatch::default(),
            dirty: VecDeque::new(),
            save: None,
            unsaved_attempts: 0,
            saving_attempts: 0,
            saving_manual: Vec::new(),
            manual: Manual::new(),
            lag_shown: HashSet::new(),
            stopping: false,
        }
    }

    async fn run(&mut self, mut watches: Watches, mut stop: oneshot::Receiver<Duration>) {
        let mut sweep = interval(SWEEP);
        let mut deadline: Option<Instant> = None;
        let slots = Rc::clone(&self.slots);
        loop {
            let more = self.work();
            if self.stopping && self.flights.is_empty() {
                break;
            }
            let timer = self.timers.first().map(|(at, _)| self.clock.instant(*at));
            tokio::select! {
                biased;
                within = &mut stop, if !self.stopping => {
                    self.stopping = true;
                    deadline = Some(Instant::now() + within.unwrap_or_default());
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
                // What happens seldom goes before what may always be there under load.
                Ok(()) = watches.catalog.changed() => {
                    watches.catalog.borrow_and_update();
                    self.sync_catalog();
                }
                Ok(()) = watches.manual.changed() => {
                    watches.manual.borrow_and_update();
                    self.manual.due = true;
                }
                () = sleep_until(timer.unwrap_or_else(Instant::now)), if timer.is_some() && !self.stopping => {
                    self.timers_due();
                }
                Some(landed) = self.flights.next() => self.landed(landed),
                () = saved(&mut self.save), if self.save.is_some() => self.saved(),
                Some(side) = self.side.next() => self.side(side),
                Ok(()) = watches.moved.changed() => {
                    watches.moved.borrow_and_update();
                    self.head = self.head.max(self.feed.head(SHARD));
                }
                () = slots.aged.notified() => {}
                _ = sweep.tick() => self.sweep(),
                // Lets the runtime look at the sockets in between.
                () = tokio::task::yield_now(), if more => {}
            }
        }
        self.flights.clear();
        if timeout(LAST_SAVE, self.save_all()).await.is_err() {
            tracing::warn!("the last progress could not be saved: some events will be sent again");
        }
    }

    /// Starts what can be started. `true` if there is more to do at once.
    fn work(&mut self) -> bool {
        if !self.stopping {
            self.follow();
            self.remember_laggards();
            self.scan_laggards();
            self.refresh_touched();
            self.start_attempts();
        }
        self.refresh_touched();
        if !self.stopping {
            // After everything that can ask for one: nothing else would wake the loop for it.
            self.start_reads();
        }
        self.start_save();
        !self.stopping && (self.followed < self.head || self.can_scan() || self.can_start())
    }

    fn timers_due(&mut self) {
        let now = self.clock.now();
        while let Some((at, lane)) = self.timers.first().copied() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            if let Some(track) = self.tracks[lane].as_mut() {
                track.timer = None;
                if track.is_sending() {
                    track.catch_up_to(self.followed);
                    track.lane.tick(now);
                }
            }
            self.touch(lane);
        }
    }
}

async fn saved(save: &mut Option<LocalBoxFuture<'static, ()>>) {
    if let Some(future) = save {
        future.await;
    }
}
