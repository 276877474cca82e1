//! What the schedulers of a process share, one scheduler for each shard that it holds: the slots
//! and whose turn it is, the memory for what was read, the reads of the store, and what is known of
//! an endpoint over all shards. All of it lives on the dispatcher's one thread.
//!
//! Cast: the [`Process`]; its **members**, the schedulers; each one's **inbox**, through which the
//! others reach it; the [`Common`] of an endpoint.
//!
//! Plot: lanes of all shards wait in one rotation, so that organizations and lanes take turns
//! whatever shards they are in. Whoever has given a slot back, or has put a lane into the rotation,
//! hands the slots out: a turn of its own lane it takes itself, for another shard's lane it puts the
//! slot into that member's inbox. Where there is one shard nothing is ever handed over.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use rollcall_domain::{
    event::LoggedEvent,
    ids::{EndpointId, OrganizationId},
    shard::shard_of,
};
use rollcall_store::{Catalog, clock};
use rollcall_stream::Feed;
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

use crate::{
    Settings,
    fair::{Rotation, Seat},
    figures::Figures,
    held::Held,
    hints::Hints,
    lane::MAX_WINDOW,
    slots::{Host, Pool, Slot, Slots, Speed, Tenant},
};

/// How often others are told that this process sends to an endpoint.
const TELL: Duration = Duration::from_secs(1);

/// Of one host, in the order of their turns.
type KeptBack = VecDeque<(Pool, Tenant, Seat)>;

/// From so many admitted events on, over all lanes…
const CROWD: usize = 32_768;
/// …each lane may have so many.
const WINDOW_IN_A_CROWD: usize = 8;

/// See the module.
pub(crate) struct Process {
    pub(crate) settings: Settings,
    pub(crate) feed: Arc<Feed>,
    pub(crate) clock: Clock,
    pub(crate) slots: Rc<Slots>,
    /// Lanes that have something to send, by the pool that they take their slots from.
    rotations: RefCell<[Rotation; 2]>,
    /// Lanes whose turn came when their host had all that it may.
    kept_back: RefCell<HashMap<Host, KeptBack>>,
    members: RefCell<BTreeMap<u64, Rc<Inbox>>>,
    next_member: Cell<u64>,
    held: RefCell<Held>,
    /// Events that lanes have admitted and not settled.
    admitted: Cell<usize>,
    /// Attempts that ended and are not saved.
    unsaved: Cell<usize>,
    /// Half of the reads are for laggards and half for parked subjects, so that neither keeps the
    /// other from going on. Who waits has its turn in order of coming, whatever its shard.
    pub(crate) scans: Semaphore,
    pub(crate) backlogs: Semaphore,
    endpoints: RefCell<HashMap<EndpointId, Weak<Common>>>,
    organizations: RefCell<Rc<Organizations>>,
    hints: Option<Arc<dyn Hints>>,
    /// How often something was said of a breaker.
    said: Cell<u64>,
    pub(crate) figures: Figures,
}

/// The time: the system's at the start, and from there on the monotonic clock, so that a step of
/// the system's clock neither hurries nor delays a retry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: Timestamp,
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { wall: clock::now(), start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.wall.checked_add(passed).unwrap_or(self.wall)
    }

    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        let from_start = Duration::try_from(at.duration_since(self.wall)).unwrap_or_default();
        self.start.checked_add(from_start).unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600))
    }
}

/// What is known of an endpoint over all shards that this process holds.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) speed: Rc<Speed>,
    /// Where it is.
    host: RefCell<Host>,
    /// Lanes that have something to send, or attempts under way.
    pub(crate) active: Cell<usize>,
    /// Until when a lane's breaker is open.
    open_until: Cell<Option<Timestamp>>,
    /// This process's part of what the endpoint stands, in thousandths.
    part: Cell<usize>,
    /// When the other processes were told that this one sends there.
    told_at: Cell<Option<Instant>>,
    /// Whether the operator knows that it fails, as far as this process has said it.
    pub(crate) known_to_fail: Cell<bool>,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            speed: Rc::default(),
            host: RefCell::new("".into()),
            active: Cell::new(0),
            open_until: Cell::new(None),
            part: Cell::new(1_000),
            told_at: Cell::new(None),
            known_to_fail: Cell::new(false),
        }
    }
}

impl Common {
    /// Where the endpoint is.
    pub(crate) fn host(&self) -> Host {
        Rc::clone(&self.host.borrow())
    }

    /// It is there (now).
    pub(crate) fn set_host(&self, url: &str) {
        let host = Url::parse(url).ok().and_then(|url| {
            Some(format!("{}:{}", url.host_str()?.to_ascii_lowercase(), url.port_or_known_default()?))
        });
        *self.host.borrow_mut() = host.unwrap_or_default().into();
    }

    /// An active lane's part of what the endpoint stands, in thousandths.
    pub(crate) fn share(&self) -> usize {
        self.part.get() / self.active.get().max(1)
    }
}

/// The shards that organizations have directories in, by a revision of the catalog.
#[derive(Debug, Default)]
pub(crate) struct Organizations {
    revision: Option<u64>,
    by_shard: HashMap<u16, HashSet<OrganizationId>>,
    none: HashSet<OrganizationId>,
}

/// How a member is reached by the others.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// Something happened that it must look at.
    pub(crate) notify: Notify,
    /// Slots for its lanes.
    pub(crate) granted: RefCell<VecDeque<(usize, Slot)>>,
}

/// A scheduler's membership. Dropping it gives back what the scheduler had.
pub(crate) struct Member {
    process: Rc<Process>,
    pub(crate) id: u64,
    pub(crate) inbox: Rc<Inbox>,
    unsaved: usize,
    admitted: usize,
}

/// Whose turn it is.
pub(crate) enum Turn {
    /// The asking member's lane.
    Own(usize),
    /// Another's, who was told.
    Granted,
    /// Nobody's.
    Nobody,
}

impl Process {
    pub(crate) fn new(settings: Settings, feed: Arc<Feed>, hints: Option<Arc<dyn Hints>>) -> Rc<Self> {
        let reads = settings.store_reads.div_ceil(2).max(1);
        Rc::new(Self {
            slots: Slots::new(
                settings.fast_slots,
                settings.slow_slots,
                settings.slots_per_organization,
                settings.slots_per_host,
            ),
            held: RefCell::new(Held::new(settings.max_held_bytes)),
            clock: Clock::new(),
            rotations: RefCell::default(),
            kept_back: RefCell::default(),
            members: RefCell::default(),
            next_member: Cell::new(0),
            admitted: Cell::new(0),
            unsaved: Cell::new(0),
            scans: Semaphore::new(reads),
            backlogs: Semaphore::new(reads),
            endpoints: RefCell::default(),
            organizations: RefCell::default(),
            hints,
            said: Cell::new(0),
            figures: Figures::default(),
            feed,
            settings,
        })
    }

    pub(crate) fn join(self: &Rc<Self>) -> Member {
        let id = self.next_member.get();
        self.next_member.set(id + 1);
        let inbox = Rc::<Inbox>::default();
        self.members.borrow_mut().insert(id, Rc::clone(&inbox));
        Member { process: Rc::clone(self), id, inbox, unsaved: 0, admitted: 0 }
    }

    /// Something happened that anybody may wait for.
    pub(crate) fn wake_all(&self) {
        for inbox in self.members.borrow().values() {
            inbox.notify.notify_one();
        }
    }

    /// What is known of an endpoint.
    pub(crate) fn common(&self, endpoint: &EndpointId) -> Rc<Common> {
        let mut endpoints = self.endpoints.borrow_mut();
        if let Some(common) = endpoints.get(endpoint).and_then(Weak::upgrade) {
            return common;
        }
        let common = Rc::<Common>::default();
        endpoints.insert(endpoint.clone(), Rc::downgrade(&common));
        common
    }

    /// Which organizations have directories in which shards.
    pub(crate) fn organizations(&self, catalog: &Catalog, shards: u16) -> Rc<Organizations> {
        let mut organizations = self.organizations.borrow_mut();
        if organizations.revision != Some(catalog.revision) {
            let mut fresh = Organizations { revision: Some(catalog.revision), ..Organizations::default() };
            for (id, entry) in &catalog.directories {
                let here = fresh.by_shard.entry(shard_of(id, shards)).or_default();
                if !here.contains(&entry.directory.organization_id) {
                    here.insert(entry.directory.organization_id.clone());
                }
            }
            *organizations = Rc::new(fresh);
        }
        Rc::clone(&organizations)
    }

    /// A lane's breaker opened.
    pub(crate) fn breaker_opened(&self, endpoint: &EndpointId, common: &Common, until: Timestamp) {
        common.open_until.set(common.open_until.get().max(Some(until)));
        if let Some(hints) = &self.hints {
            hints.breaker_opened(endpoint.as_str(), until);
        }
    }

    /// A lane's breaker closed.
    pub(crate) fn breaker_closed(&self, endpoint: &EndpointId, common: &Common) {
        common.open_until.set(None);
        if let Some(hints) = &self.hints {
            hints.breaker_closed(endpoint.as_str());
        }
        if self.members.borrow().len() > 1 {
            self.breakers_changed();
        }
    }

    /// Something else is said of a breaker.
    pub(crate) fn breakers_changed(&self) {
        self.said.set(self.said.get() + 1);
        self.wake_all();
    }

    /// How often that was.
    pub(crate) fn said(&self) -> u64 {
        self.said.get()
    }

    /// Until when the endpoint is said to fail, if that lies ahead.
    pub(crate) fn breaker(
        &self,
        endpoint: &EndpointId,
        common: &Common,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let elsewhere = self.hints.as_ref().and_then(|hints| hints.breaker(endpoint.as_str()));
        common.open_until.get().max(elsewhere).filter(|until| *until > now)
    }

    /// An attempt begins.
    pub(crate) fn active_at(&self, endpoint: &EndpointId, common: &Common) {
        let Some(hints) = &self.hints else { return };
        let now = Instant::now();
        if common.told_at.get().is_none_or(|at| now.duration_since(at) >= TELL) {
            common.told_at.set(Some(now));
            hints.active_at(endpoint.as_str());
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 1,000"
            )]
            common.part.set((hints.share(endpoint.as_str()).clamp(0.0, 1.0) * 1_000.0) as usize);
        }
    }

    /// Forgets the endpoints that nobody has a lane of.
    pub(crate) fn tidy(&self) {
        self.endpoints.borrow_mut().retain(|_, common| common.strong_count() > 0);
    }

    /// A lane has something to send.
    pub(crate) fn queue(&self, pool: Pool, tenant: &Tenant, seat: Seat) {
        self.rotations.borrow_mut()[pool as usize].push(tenant, seat);
    }

    /// Whether `turn` would find somebody.
    pub(crate) fn has_turn(&self) -> bool {
        self.readmit();
        self.has_room_for_attempts()
            && [Pool::Fast, Pool::Slow].into_iter().any(|pool| {
                self.slots.free(pool) > 0
                    && self.rotations.borrow()[pool as usize]
                        .has_turn(|tenant| self.slots.tenant_has_room(tenant, pool))
            })
    }

    /// Lanes whose hosts have room again go back into the rotation, as many as there may be room for.
    fn readmit(&self) {
        let mut kept_back = self.kept_back.borrow_mut();
        if kept_back.is_empty() {
            return;
        }
        kept_back.retain(|host, waiting| {
            let mut room = [Pool::Fast, Pool::Slow].map(|pool| self.slots.host_room(host, pool));
            while let Some((pool, ..)) = waiting.front()
                && room[*pool as usize] > 0
                && let Some((pool, tenant, seat)) = waiting.pop_front()
            {
                room[pool as usize] -= 1;
                self.queue(pool, &tenant, seat);
            }
            !waiting.is_empty()
        });
    }

    /// Each attempt under way will have to be saved.
    fn has_room_for_attempts(&self) -> bool {
        let under_way = self.slots.in_use(Pool::Fast) + self.slots.in_use(Pool::Slow);
        self.unsaved.get() + under_way < self.settings.max_unsaved_attempts
    }

    /// The next turn of a pool, if there is a slot.
    pub(crate) fn turn(&self, pool: Pool, member: &Member) -> Turn {
        self.readmit();
        while self.has_room_for_attempts() && self.slots.free(pool) > 0 {
            let popped = self.rotations.borrow_mut()[pool as usize]
                .pop(|tenant| self.slots.tenant_has_room(tenant, pool));
            let Some((tenant, seat)) = popped else { break };
            let host = seat.common.host();
            if self.slots.host_room(&host, pool) == 0 {
                self.kept_back.borrow_mut().entry(host).or_default().push_back((pool, tenant, seat));
                continue;
            }
            if seat.member == member.id {
                return Turn::Own(seat.lane);
            }
            // Of a shard that is not held any more there may be some left.
            if let Some(inbox) = self.members.borrow().get(&seat.member) {
                let slot = self.slots.take(&seat.common.speed, &tenant, &host);
                inbox.granted.borrow_mut().push_back((seat.lane, slot));
                inbox.notify.notify_one();
                return Turn::Granted;
            }
        }
        Turn::Nobody
    }

    /// The most events that a lane may have admitted: few while all of them together have many.
    pub(crate) fn window_max(&self) -> usize {
        if self.admitted.get() < CROWD { MAX_WINDOW } else { WINDOW_IN_A_CROWD }
    }

    /// Whether the bound on what was read and is held is reached.
    pub(crate) fn is_full(&self) -> bool {
        self.held.borrow().is_full()
    }

    /// An event was read, and is held by somebody.
    pub(crate) fn note_held(&self, event: &Arc<LoggedEvent>) {
        let was_full = self.is_full();
        self.held.borrow_mut().note(event);
        if was_full && !self.is_full() {
            self.wake_all();
        }
    }

    /// An attempt ended.
    pub(crate) fn held_landed(&self) {
        self.look_at_held(Held::landed);
    }

    /// Finds out whether the bound is still reached.
    pub(crate) fn look_at_held(&self, look: impl FnOnce(&mut Held)) {
        if self.is_full() {
            look(&mut self.held.borrow_mut());
            if !self.is_full() {
                self.wake_all();
            }
        }
    }
}

impl Organizations {
    /// Those that have one in the shard.
    pub(crate) fn of(&self, shard: u16) -> &HashSet<OrganizationId> {
        self.by_shard.get(&shard).unwrap_or(&self.none)
    }
}

impl Member {
    /// An attempt ended.
    pub(crate) fn unsaved(&mut self) {
        self.unsaved += 1;
        self.process.unsaved.set(self.process.unsaved.get() + 1);
    }

    /// See [`Process::window_max`].
    pub(crate) fn window_max(&self) -> usize {
        self.process.window_max()
    }

    /// One of its lanes had so many events admitted and has so many now.
    pub(crate) fn admitted(&mut self, had: usize, has: usize) {
        self.admitted = self.admitted + has - had;
        let all = &self.process.admitted;
        all.set(all.get() + has - had);
    }

    /// So many were saved.
    pub(crate) fn saved(&mut self, attempts: usize) {
        let attempts = attempts.min(self.unsaved);
        self.unsaved -= attempts;
        self.process.unsaved.set(self.process.unsaved.get() - attempts);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.saved(usize::MAX);
        self.admitted(self.admitted, 0);
        self.process.members.borrow_mut().remove(&self.id);
        self.process.figures.forget(self.id);
        self.inbox.granted.borrow_mut().clear();
        // Its slots, its memory and its bound on attempts are the others' now.
        self.process.wake_all();
    }
}
