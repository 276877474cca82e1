//! The scheduler of one shard: one task that owns all lanes through the shard and never waits for
//! anything but the next thing that happens.
//!
//! Cast: the [`Track`]s, each an endpoint with its lane; the **followers** among them, which have
//! seen all of the log and are handed each new event that they want; the **laggards**, which read
//! the shared tail or the store at their own pace; **flights**, attempts under way; **side** work,
//! the reads of the store; one **save** at a time; the **lease**, without which nothing is sent.
//!
//! Plot: something happens (the head moved, an attempt ended, a read came back, a time came, the
//! configuration changed); the tracks concerned are brought up to date; then [`Scheduler::work`]
//! starts what can be started. Idle lanes cost nothing per event: a follower's scan is the
//! scheduler's, until an event comes that it wants. What is shared with the other shards is the
//! [`Process`]'s.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    rc::Rc,
    time::Duration,
};

use futures_util::{StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use jiff::Timestamp;
use rollcall_domain::ids::{DirectoryId, EndpointId, OrganizationId};
use rollcall_store::ledger::{ProgressBatch, SaveError};
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, interval, sleep_until, timeout},
};

use crate::{
    attempt::Courier,
    log::Log,
    process::{Member, Process},
    supervisor::Lease,
};

mod catalog;
mod flights;
mod heed;
#[cfg(test)]
mod history;
mod manual;
mod notices;
mod reads;
mod replay;
mod save;
mod scan;
mod sweep;
mod tell;
#[cfg(test)]
mod tests;
mod track;

use flights::Landed;
use manual::Manual;
use notices::Notices;
use reads::Side;
use track::Track;

/// How often what changes lazily is looked at.
const SWEEP: Duration = Duration::from_secs(10);
/// How long the last save may take.
const LAST_SAVE: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Scheduler<L, C: Courier> {
    shard: u16,
    lease: Rc<Lease>,
    process: Rc<Process>,
    log: L,
    courier: Rc<C>,
    tracks: Vec<Option<Box<Track<C::Target>>>>,
    by_id: HashMap<EndpointId, usize>,
    /// Tracks by what they hear of.
    hear_all: Vec<usize>,
    hear_organization: HashMap<OrganizationId, Vec<usize>>,
    hear_directory: HashMap<DirectoryId, Vec<usize>>,
    /// The catalog's revision that the tracks show.
    revision: u64,
    /// The organizations that had a directory in the shard when it was taken on; `None` if any may
    /// have had one.
    known: Option<HashSet<OrganizationId>>,
    /// The newest committed position that is known.
    head: u64,
    /// Followers have seen all up to here.
    followed: u64,
    /// What was committed last came by the tail.
    tail_keeps_up: bool,
    /// Until when the tail is waited for.
    tail_due: Option<Instant>,
    touched: Vec<usize>,
    laggards: VecDeque<usize>,
    /// Laggards that may read on when less is held.
    short_of_memory: Vec<usize>,
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
    save: Option<LocalBoxFuture<'static, Result<(), SaveError>>>,
    saving_attempts: usize,
    saving_manual: Vec<i64>,
    manual: Manual,
    notices: Notices,
    /// How often others had said something of a breaker when it was last looked at.
    heard: u64,
    /// Lanes whose turn came when the lease was about to end.
    held_up: Vec<usize>,
    stopping: bool,
    member: Member,
}

/// How a scheduler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was told to stop, and what could be saved is saved.
    Stopped,
    /// Somebody else has the shard.
    Lost,
}

/// What a scheduler waits for beside its own work.
pub(crate) struct Watches {
    /// Changes when the head of the shard may have.
    pub(crate) moved: watch::Receiver<u64>,
    pub(crate) catalog: watch::Receiver<u64>,
    pub(crate) manual: watch::Receiver<u64>,
}

/// Delivers a shard's events until `stop` says to stop within a deadline, or the shard is lost.
pub(crate) async fn run<L: Log, C: Courier>(
    process: Rc<Process>,
    log: L,
    courier: Rc<C>,
    lease: Rc<Lease>,
    watches: Watches,
    mut stop: oneshot::Receiver<Duration>,
) -> End {
    let mut scheduler = Scheduler::new(process, log, courier, lease);
    tokio::select! {
        biased;
        _ = &mut stop => return End::Stopped,
        () = scheduler.load() => {}
    }
    scheduler.run(watches, stop).await
}

impl<L: Log, C: Courier> Scheduler<L, C> {
    fn new(process: Rc<Process>, log: L, courier: Rc<C>, lease: Rc<Lease>) -> Self {
        Self {
            shard: lease.shard(),
            lease,
            member: process.join(),
            process,
            log,
            courier,
            revision: 0,
            known: None,
            head: 0,
            followed: 0,
            tail_keeps_up: true,
            tail_due: None,
            tracks: Vec::new(),
            by_id: HashMap::new(),
            hear_all: Vec::new(),
            hear_organization: HashMap::new(),
            hear_directory: HashMap::new(),
            touched: Vec::new(),
            laggards: VecDeque::new(),
            short_of_memory: Vec::new(),
            timers: BTreeSet::new(),
            flights: FuturesUnordered::new(),
            side: FuturesUnordered::new(),
            backlog_reads: VecDeque::new(),
            backlogs_under_way: 0,
            scans_under_way: 0,
            pending: ProgressBatch::default(),
            dirty: VecDeque::new(),
            save: None,
            saving_attempts: 0,
            saving_manual: Vec::new(),
            manual: Manual::new(),
            notices: Notices::new(),
            heard: 0,
            held_up: Vec::new(),
            stopping: false,
        }
    }

    async fn run(&mut self, mut watches: Watches, mut stop: oneshot::Receiver<Duration>) -> End {
        let mut sweep = interval(SWEEP);
        let mut deadline: Option<Instant> = None;
        let inbox = Rc::clone(&self.member.inbox);
        loop {
            let more = self.work();
            if self.stopping && self.flights.is_empty() {
                break;
            }
            let timer = self.timers.first().map(|(at, _)| self.process.clock.instant(*at));
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
                () = inbox.notify.notified() => {
                    self.hear_of_breakers();
                    self.start_granted();
                }
                () = sleep_until(timer.unwrap_or_else(Instant::now)), if timer.is_some() && !self.stopping => {
                    self.timers_due();
                }
                () = sleep_until(self.tail_due.unwrap_or_else(Instant::now)), if self.tail_due.is_some() => {}
                Some(landed) = self.flights.next() => self.landed(landed),
                result = saved(&mut self.save), if self.save.is_some() => {
                    if !self.saved(result) {
                        return End::Lost;
                    }
                }
                Some(side) = self.side.next() => self.side(side),
                Ok(()) = watches.moved.changed() => {
                    watches.moved.borrow_and_update();
                    self.head = self.head.max(self.process.feed.head(self.shard));
                }
                _ = sweep.tick() => self.sweep(),
                // Lets the runtime look at the sockets in between.
                () = tokio::task::yield_now(), if more => {}
            }
        }
        self.flights.clear();
        match timeout(LAST_SAVE, self.save_all()).await {
            Ok(true) => return End::Stopped,
            Ok(false) => return End::Lost,
            Err(_) => tracing::warn!(
                shard = self.shard,
                "the last progress could not be saved: some events will be sent again"
            ),
        }
        End::Stopped
    }

    /// Whether attempts of this shard may begin.
    fn may_begin(&self) -> bool {
        !self.stopping && self.lease.may_begin()
    }

    /// Starts what can be started. `true` if there is more to do at once.
    fn work(&mut self) -> bool {
        if !self.stopping {
            self.follow();
            self.remember_laggards();
            self.scan_laggards();
            self.refresh_touched();
        }
        // When stopping, too: what was freed is handed on.
        self.start_attempts();
        self.refresh_touched();
        if !self.stopping {
            // After everything that can ask for one: nothing else would wake the loop for it.
            self.start_reads();
            self.start_telling();
        }
        self.start_save();
        self.process.has_turn() || (!self.stopping && (self.can_follow() || self.can_scan()))
    }

    fn timers_due(&mut self) {
        let now = self.process.clock.now();
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

async fn saved(save: &mut Option<LocalBoxFuture<'static, Result<(), SaveError>>>) -> Result<(), SaveError> {
    match save {
        Some(future) => future.await,
        None => Ok(()),
    }
}
