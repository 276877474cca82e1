//! For tests: a store in memory with leases, a courier that only notes, and a dispatcher over both.
//! The clock is tokio's, which the tests move.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rollcall_domain::{
    delivery::{DeliveryId, ErrorClass, Trigger},
    directory::{Directory, DirectoryState, Mode, Provider, RuleSwitches},
    endpoint::{Endpoint, EndpointState, Format, OnExhausted, RetrySchedule, Scope},
    event::LoggedEvent,
    ids::{DirectoryId, EndpointId, EventId, OrganizationId, ReplayId},
    operator::Notice,
    replay::Replay,
    shard::{Positions, shard_of},
};
use rollcall_store::{
    Catalog, CommitListener, WriteError,
    catalog::{DirectoryEntry, EndpointEntry},
    clock,
    config_ops::ConfigError,
    ledger::{
        HeldShard, LaneRecord, ManualSend, ManualSendWhat, ParkedRecord, ProgressBatch, SHARD_LEASE,
        SaveError,
    },
    read::{LaneQuery, LaneRead, ReadError},
};
use rollcall_stream::Feed;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, sleep},
};
use uuid::Uuid;

use crate::{
    Settings,
    attempt::{Answer, Courier, Marks},
    lane::test_event,
    log::Log,
    supervisor::{self, Shards},
};

#[derive(Default)]
pub(crate) struct Rows {
    /// Of all shards.
    pub(crate) events: Vec<Arc<LoggedEvent>>,
    pub(crate) lanes: HashMap<(EndpointId, u16), LaneRecord>,
    pub(crate) parked: BTreeMap<(EndpointId, u16, String), ParkedRecord>,
    pub(crate) attempts: Vec<(u64, u32, Trigger)>,
    pub(crate) dead: Vec<(u64, u32)>,
    pub(crate) revived: Vec<u64>,
    pub(crate) replaced: Vec<u64>,
    pub(crate) manual: Vec<ManualSend>,
    pub(crate) lane_reads: usize,
    pub(crate) events_read: usize,
    /// By shard: who holds it, and until when.
    pub(crate) leases: HashMap<u16, (String, Instant)>,
    pub(crate) epochs: HashMap<u16, u64>,
    pub(crate) saves_fenced: usize,
    /// The revision that the last renewal named, and how many renewals there were.
    pub(crate) reported: u64,
    pub(crate) renewals: usize,
    pub(crate) notices: Vec<(u16, Notice)>,
    /// By replay: delivered, failed.
    pub(crate) replayed: HashMap<ReplayId, (u64, u64)>,
    /// The replays that are over.
    pub(crate) finished: Vec<ReplayId>,
    /// What the operator was told: of which endpoint what.
    pub(crate) told: Vec<(EndpointId, &'static str)>,
}

impl Rows {
    /// The endpoint's lane through the first shard.
    pub(crate) fn lane(&self, endpoint: &EndpointId) -> &LaneRecord {
        &self.lanes[&(endpoint.clone(), 0)]
    }

    fn is_present(&self, held: &HeldShard) -> bool {
        self.epochs.get(&held.shard) == Some(&held.epoch)
    }

    pub(crate) fn head(&self, shard: u16) -> u64 {
        self.events.iter().filter(|e| e.shard == shard).map(|e| e.position).max().unwrap_or(0)
    }
}

pub(crate) struct Inner {
    pub(crate) rows: RefCell<Rows>,
    pub(crate) catalog: RefCell<Arc<Catalog>>,
    pub(crate) catalog_changes: watch::Sender<u64>,
    pub(crate) manual_changes: watch::Sender<u64>,
    pub(crate) saved: Notify,
    pub(crate) refuse_saves: Cell<u32>,
    pub(crate) shards: u16,
    /// Nothing about leases is answered.
    pub(crate) silent: Cell<bool>,
}

#[derive(Clone)]
pub(crate) struct Memory(pub(crate) Rc<Inner>);

impl Memory {
    pub(crate) fn new() -> Self {
        Self::with_shards(1)
    }

    pub(crate) fn with_shards(shards: u16) -> Self {
        Self(Rc::new(Inner {
            rows: RefCell::default(),
            catalog: RefCell::default(),
            catalog_changes: watch::Sender::new(0),
            manual_changes: watch::Sender::new(0),
            saved: Notify::new(),
            refuse_saves: Cell::new(0),
            shards,
            silent: Cell::new(false),
        }))
    }

    pub(crate) fn endpoint(&self, n: u128, change: impl FnOnce(&mut Endpoint)) -> EndpointId {
        let id = EndpointId::from_uuid(Uuid::from_u128(n));
        let mut catalog = Catalog::clone(&self.0.catalog.borrow());
        let mut endpoint = catalog.endpoints.get(&id).map_or_else(
            || Endpoint {
                id: id.clone(),
                url: "https://example.com/".to_owned(),
                description: None,
                scope: Scope::All,
                event_types: Vec::new(),
                format: Format::Standard,
                retry_schedule: RetrySchedule::new(vec![0, 1, 1]).unwrap(),
                timeout_seconds: 15,
                on_exhausted: OnExhausted::DeadLetter,
                headers: BTreeMap::new(),
                state: EndpointState::Active,
                state_reason: None,
                public_keys: Vec::new(),
                start: Positions::beginning(),
                created_at: clock::now(),
                updated_at: clock::now(),
            },
            |entry| Endpoint::clone(&entry.endpoint),
        );
        change(&mut endpoint);
        let replays = catalog.endpoints.get(&id).map(|entry| entry.replays.clone()).unwrap_or_default();
        let entry = EndpointEntry { endpoint: Arc::new(endpoint), secrets: Vec::new(), replays };
        catalog.endpoints.insert(id.clone(), Arc::new(entry));
        catalog.revision += 1;
        let revision = catalog.revision;
        *self.0.catalog.borrow_mut() = Arc::new(catalog);
        self.0.catalog_changes.send_replace(revision);
        id
    }

    /// Changes an endpoint's running replays.
    pub(crate) fn replays(&self, id: &EndpointId, change: impl FnOnce(&mut Vec<Arc<Replay>>)) {
        let mut catalog = Catalog::clone(&self.0.catalog.borrow());
        let mut entry = EndpointEntry::clone(&catalog.endpoints[id]);
        change(&mut entry.replays);
        catalog.endpoints.insert(id.clone(), Arc::new(entry));
        catalog.revision += 1;
        let revision = catalog.revision;
        *self.0.catalog.borrow_mut() = Arc::new(catalog);
        self.0.catalog_changes.send_replace(revision);
    }

    pub(crate) fn id(&self, n: u128) -> EndpointId {
        EndpointId::from_uuid(Uuid::from_u128(n))
    }

    pub(crate) fn state(&self, id: &EndpointId) -> EndpointState {
        self.0.catalog.borrow().endpoints[id].endpoint.state
    }

    pub(crate) fn append(&self, feed: &Feed, texts: &[&str]) {
        self.append_to(0, &[feed], texts);
    }

    /// The ids of a shard's events begin at a million times its number.
    pub(crate) fn append_to(&self, shard: u16, feeds: &[&Feed], texts: &[&str]) {
        let mut events = Vec::new();
        for text in texts {
            let position = self.0.rows.borrow().head(shard) + 1;
            let id =
                EventId::from_uuid(Uuid::from_u128(u128::from(shard) * 1_000_000 + u128::from(position)));
            let event = LoggedEvent { shard, id, ..LoggedEvent::clone(&test_event(position, text)) };
            let event = Arc::new(event);
            self.0.rows.borrow_mut().events.push(Arc::clone(&event));
            events.push(event);
        }
        for feed in feeds {
            feed.committed(&events);
        }
    }

    pub(crate) fn directory_id(n: u128) -> DirectoryId {
        DirectoryId::from_uuid(Uuid::from_u128(n))
    }

    /// Makes a directory of the organization 50.
    pub(crate) fn directory(&self, n: u128) -> OrganizationId {
        let organization_id = OrganizationId::from_uuid(Uuid::from_u128(50));
        let directory = Directory {
            id: Self::directory_id(n),
            organization_id: organization_id.clone(),
            name: "E".to_owned(),
            provider: Provider::EntraId,
            state: DirectoryState::Active,
            mode: Mode::Live,
            created_at: clock::now(),
            compatibility: RuleSwitches::default(),
        };
        let mut catalog = Catalog::clone(&self.0.catalog.borrow());
        let entry = DirectoryEntry { directory: Arc::new(directory), tokens: Vec::new() };
        catalog.directories.insert(Self::directory_id(n), Arc::new(entry));
        catalog.revision += 1;
        let revision = catalog.revision;
        *self.0.catalog.borrow_mut() = Arc::new(catalog);
        self.0.catalog_changes.send_replace(revision);
        organization_id
    }

    /// Appends an event of the organization 50's directory.
    pub(crate) fn append_directory(&self, n: u128, feed: &Feed) {
        let shard = shard_of(&Self::directory_id(n), self.0.shards);
        let position = self.0.rows.borrow().head(shard) + 1;
        let event = Arc::new(LoggedEvent {
            shard,
            id: EventId::from_uuid(Uuid::from_u128(u128::from(shard) * 1_000_000 + u128::from(position))),
            organization_id: OrganizationId::from_uuid(Uuid::from_u128(50)),
            directory_id: Self::directory_id(n),
            ..LoggedEvent::clone(&test_event(position, "u1"))
        });
        self.0.rows.borrow_mut().events.push(Arc::clone(&event));
        feed.committed(&[event]);
    }

    async fn answered(&self) {
        tokio::task::yield_now().await;
        if self.0.silent.get() {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) async fn until(&self, what: impl Fn(&Rows) -> bool) {
        loop {
            let saved = self.0.saved.notified();
            if what(&self.0.rows.borrow()) {
                return;
            }
            saved.await;
        }
    }
}

impl Log for Memory {
    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.catalog.borrow())
    }

    fn catalog_changes(&self) -> watch::Receiver<u64> {
        self.0.catalog_changes.subscribe()
    }

    fn manual_changes(&self) -> watch::Receiver<u64> {
        self.0.manual_changes.subscribe()
    }

    fn shards(&self) -> u16 {
        self.0.shards
    }

    async fn heads(&self) -> Result<Positions, ReadError> {
        let rows = self.0.rows.borrow();
        Ok((0..self.0.shards).map(|shard| rows.head(shard)).collect::<Vec<_>>().into())
    }

    async fn claim_shards(&self, holder: &str, shards: &[u16]) -> Result<Vec<HeldShard>, ReadError> {
        self.answered().await;
        let mut rows = self.0.rows.borrow_mut();
        let now = Instant::now();
        let mut granted = Vec::new();
        for shard in shards.iter().copied() {
            if rows.leases.get(&shard).is_none_or(|(by, until)| by == holder || *until <= now) {
                rows.leases.insert(shard, (holder.to_owned(), now + SHARD_LEASE));
                let epoch = rows.epochs.entry(shard).or_default();
                *epoch += 1;
                granted.push(HeldShard { shard, epoch: *epoch });
            }
        }
        Ok(granted)
    }

    async fn renew_shards(&self, held: &[HeldShard], revision: u64) -> Result<Vec<HeldShard>, ReadError> {
        self.answered().await;
        let mut rows = self.0.rows.borrow_mut();
        rows.reported = revision;
        rows.renewals += 1;
        let renewed: Vec<HeldShard> = held.iter().copied().filter(|held| rows.is_present(held)).collect();
        for held in &renewed {
            if let Some((_, until)) = rows.leases.get_mut(&held.shard) {
                *until = Instant::now() + SHARD_LEASE;
            }
        }
        Ok(renewed)
    }

    async fn release_shards(&self, held: &[HeldShard]) -> Result<(), ReadError> {
        self.answered().await;
        let mut rows = self.0.rows.borrow_mut();
        for held in held {
            if rows.is_present(held) {
                rows.leases.remove(&held.shard);
            }
        }
        Ok(())
    }

    async fn organizations_in(&self, _: u16) -> Result<Option<HashSet<OrganizationId>>, ReadError> {
        Ok(Some(HashSet::new()))
    }

    async fn load_lanes(&self, shard: u16) -> Result<Vec<LaneRecord>, ReadError> {
        Ok(self.0.rows.borrow().lanes.values().filter(|lane| lane.shard == shard).cloned().collect())
    }

    async fn load_parked(&self, endpoint: &EndpointId, shard: u16) -> Result<Vec<ParkedRecord>, ReadError> {
        let rows = self.0.rows.borrow();
        let wanted = |row: &&ParkedRecord| row.endpoint_id == *endpoint && row.shard == shard;
        Ok(rows.parked.values().filter(wanted).cloned().collect())
    }

    async fn lane_events(&self, query: LaneQuery) -> Result<LaneRead, ReadError> {
        let mut rows = self.0.rows.borrow_mut();
        rows.lane_reads += 1;
        let in_range = rows
            .events
            .iter()
            .filter(|e| e.shard == query.shard && e.position > query.after && e.position <= query.up_to);
        let events: Vec<_> = in_range.take(query.limit as usize).cloned().collect();
        rows.events_read += events.len();
        let full = events.len() == query.limit as usize;
        let scanned_to = events.last().filter(|_| full).map_or(query.up_to, |e| e.position);
        Ok(LaneRead { events, scanned_to })
    }

    async fn subject_events(
        &self,
        shard: u16,
        subject: &str,
        from: u64,
        up_to: u64,
        limit: u32,
    ) -> Result<LaneRead, ReadError> {
        let rows = self.0.rows.borrow();
        let wanted = |e: &&Arc<LoggedEvent>| {
            e.shard == shard && *e.subject.id == *subject && (from..=up_to).contains(&e.position)
        };
        let events: Vec<_> = rows.events.iter().filter(wanted).take(limit as usize).cloned().collect();
        let full = events.len() == limit as usize;
        let scanned_to = events.last().filter(|_| full).map_or(up_to, |e| e.position);
        Ok(LaneRead { events, scanned_to })
    }

    async fn save_progress(&self, batch: ProgressBatch) -> Result<(), SaveError> {
        tokio::task::yield_now().await;
        if self.0.refuse_saves.get() > 0 {
            self.0.refuse_saves.set(self.0.refuse_saves.get() - 1);
            return Err(ReadError::Busy.into());
        }
        let mut rows = self.0.rows.borrow_mut();
        let fenced = batch.epochs.iter().filter(|held| !rows.is_present(held)).map(|held| held.shard);
        let fenced: Vec<u16> = fenced.collect();
        if !fenced.is_empty() {
            rows.saves_fenced += 1;
            return Err(SaveError::Fenced(fenced));
        }
        for lane in batch.lanes {
            rows.lanes.insert((lane.endpoint_id.clone(), lane.shard), lane);
        }
        for row in batch.parked {
            rows.parked.insert((row.endpoint_id.clone(), row.shard, row.subject_id.clone()), row);
        }
        for unparked in batch.unparked {
            rows.parked.remove(&unparked);
        }
        rows.attempts.extend(batch.attempts.iter().map(|a| (a.position, a.number, a.trigger)));
        rows.dead.extend(batch.dead.iter().map(|d| (d.position, d.attempts)));
        rows.replaced.extend(batch.replaced.iter().map(|r| r.position));
        rows.revived.extend(batch.revived.iter().map(|(_, _, position)| *position));
        for one in batch.replayed {
            let (delivered, failed) = rows.replayed.entry(one.id).or_default();
            *delivered += one.delivered;
            *failed += one.failed;
        }
        rows.manual.retain(|send| !batch.manual_done.contains(&send.id));
        rows.notices.extend(batch.notices);
        rows.notices.retain(|(_, notice)| !batch.notices_told.contains(&notice.id));
        drop(rows);
        self.0.saved.notify_waiters();
        Ok(())
    }

    async fn notices(&self, shard: u16, _: u32) -> Result<Vec<Notice>, ReadError> {
        let rows = self.0.rows.borrow();
        Ok(rows.notices.iter().filter(|(of, _)| *of == shard).map(|(_, notice)| notice.clone()).collect())
    }

    async fn tell_operator(&self, notice: Notice) -> Result<(), WriteError> {
        self.0.rows.borrow_mut().told.push((notice.endpoint_id, notice.kind.as_str()));
        self.0.saved.notify_waiters();
        Ok(())
    }

    async fn manual_sends(&self, shard: u16, limit: u32) -> Result<Vec<ManualSend>, ReadError> {
        let of_shard = |send: &&ManualSend| match send.what {
            ManualSendWhat::Test { .. } => shard == 0,
            ManualSendWhat::Event { shard: of, .. } => shard == of,
        };
        Ok(self.0.rows.borrow().manual.iter().filter(of_shard).take(limit as usize).cloned().collect())
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<(Arc<LoggedEvent>, u32)>, ReadError> {
        let rows = self.0.rows.borrow();
        let made = rows.attempts.iter().filter(|(position, ..)| *position == id.position).count();
        let event = rows.events.iter().find(|e| e.shard == id.shard && e.position == id.position);
        Ok(event.map(|e| (Arc::clone(e), u32::try_from(made).unwrap())))
    }

    async fn set_state(
        &self,
        endpoint: &EndpointId,
        state: EndpointState,
        reason: Option<String>,
    ) -> Result<(), ConfigError> {
        self.endpoint(endpoint.uuid().as_u128(), |e| {
            e.state = state;
            e.state_reason = reason;
        });
        Ok(())
    }

    async fn undelivered(
        &self,
        _: &Arc<Endpoint>,
        _: u16,
        positions: Vec<u64>,
    ) -> Result<HashSet<u64>, ReadError> {
        let rows = self.0.rows.borrow();
        let is_dead = |position: &u64| rows.dead.iter().any(|(dead, _)| dead == position);
        Ok(positions.into_iter().filter(is_dead).collect())
    }

    async fn finish_replay(&self, replay: &Replay) -> Result<(), ReadError> {
        let is_through = {
            let rows = self.0.rows.borrow();
            let of = replay.lane_id();
            replay.parts().all(|(shard, end)| {
                rows.lanes.get(&(of.clone(), shard)).is_some_and(|lane| lane.frontier >= end)
                    && !rows.parked.keys().any(|(endpoint, at, _)| *endpoint == of && *at == shard)
            })
        };
        if is_through {
            self.0.rows.borrow_mut().finished.push(replay.id.clone());
            self.replays(&replay.endpoint_id, |replays| replays.retain(|one| one.id != replay.id));
            self.0.saved.notify_waiters();
        }
        Ok(())
    }
}

/// What was sent: when, to whom, which event.
pub(crate) type Sent = Rc<RefCell<Vec<(Instant, u128, EventId)>>>;

pub(crate) struct Notes<F> {
    pub(crate) sent: Sent,
    pub(crate) answer: F,
}

impl<F: Fn(u128, &str) -> (Duration, Answer) + 'static> Courier for Notes<F> {
    type Target = u128;

    fn target(&self, entry: &EndpointEntry) -> u128 {
        entry.endpoint.id.uuid().as_u128()
    }

    fn accepts(&self, target: &u128) -> bool {
        *target < UNACCEPTABLE
    }

    async fn send(&self, target: &u128, id: &str, _body: Bytes, _: &Marks) -> Answer {
        self.sent.borrow_mut().push((Instant::now(), *target, EventId::parse(id).unwrap()));
        let (takes, answer) = (self.answer)(*target, id);
        if !takes.is_zero() {
            sleep(takes).await;
        }
        answer
    }
}

/// The policy does not accept the URLs of endpoints from this one on.
pub(crate) const UNACCEPTABLE: u128 = 1_000;

pub(crate) const QUICK: Duration = Duration::from_millis(1);

pub(crate) fn ok() -> Answer {
    Answer { status: Some(200), ..Answer::default() }
}

pub(crate) fn status(status: u16) -> Answer {
    Answer { status: Some(status), error: Some(ErrorClass::Status), ..Answer::default() }
}

/// Runs a dispatcher until `body` is done.
pub(crate) async fn during<F, B>(memory: &Memory, feed: &Arc<Feed>, sent: &Sent, answer: F, body: B)
where
    F: Fn(u128, &str) -> (Duration, Answer) + 'static,
    B: Future<Output = ()>,
{
    during_with(Settings::default(), memory, feed, sent, answer, body).await;
}

pub(crate) async fn during_with<F, B>(
    settings: Settings,
    memory: &Memory,
    feed: &Arc<Feed>,
    sent: &Sent,
    answer: F,
    body: B,
) where
    F: Fn(u128, &str) -> (Duration, Answer) + 'static,
    B: Future<Output = ()>,
{
    let (stop, stopped) = oneshot::channel();
    let courier = Notes { sent: Rc::clone(sent), answer };
    let shown = watch::Sender::new(Shards::default());
    let dispatcher =
        supervisor::run(settings, memory.clone(), Arc::clone(feed), courier, None, shown, stopped);
    let test = async {
        body.await;
        stop.send(Duration::from_secs(60)).unwrap();
    };
    tokio::join!(dispatcher, test);
}

pub(crate) fn positions(sent: &Sent, target: u128) -> Vec<u128> {
    sent.borrow().iter().filter(|(_, t, _)| *t == target).map(|(_, _, id)| id.uuid().as_u128()).collect()
}

/// An event's number.
pub(crate) fn number(id: &str) -> u128 {
    EventId::parse(id).unwrap().uuid().as_u128()
}

/// A feed that assigns the first shard.
pub(crate) fn feed() -> Arc<Feed> {
    let feed = Feed::new(rollcall_stream::Settings::default());
    feed.assign(BTreeSet::from([0]));
    feed
}
