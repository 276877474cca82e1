//! The scheduler on a store in memory, a courier that only notes, and a clock that the tests move.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rollcall_domain::{
    delivery::{DeliveryId, ErrorClass, Trigger},
    endpoint::{Endpoint, EndpointState, Format, OnExhausted, RetrySchedule, Scope},
    event::LoggedEvent,
    ids::{EndpointId, EventId},
    shard::Positions,
};
use rollcall_store::{
    Catalog, CommitListener,
    catalog::EndpointEntry,
    clock,
    config_ops::ConfigError,
    ledger::{LaneRecord, ManualSend, ManualSendWhat, ParkedRecord, ProgressBatch, SaveError},
    read::{LaneQuery, LaneRead, ReadError},
};
use rollcall_stream::Feed;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{Log, run};
use crate::{
    Settings,
    attempt::{Answer, Courier},
    lane::test_event,
};

#[derive(Default)]
struct Rows {
    events: Vec<Arc<LoggedEvent>>,
    lanes: HashMap<EndpointId, LaneRecord>,
    parked: BTreeMap<(EndpointId, String), ParkedRecord>,
    attempts: Vec<(u64, u32, Trigger)>,
    dead: Vec<(u64, u32)>,
    revived: Vec<u64>,
    manual: Vec<ManualSend>,
    lane_reads: usize,
    events_read: usize,
}

struct Inner {
    rows: RefCell<Rows>,
    catalog: RefCell<Arc<Catalog>>,
    catalog_changes: watch::Sender<u64>,
    manual_changes: watch::Sender<u64>,
    saved: Notify,
    refuse_saves: Cell<u32>,
}

#[derive(Clone)]
struct Memory(Rc<Inner>);

impl Memory {
    fn new() -> Self {
        Self(Rc::new(Inner {
            rows: RefCell::default(),
            catalog: RefCell::default(),
            catalog_changes: watch::Sender::new(0),
            manual_changes: watch::Sender::new(0),
            saved: Notify::new(),
            refuse_saves: Cell::new(0),
        }))
    }

    fn endpoint(&self, n: u128, change: impl FnOnce(&mut Endpoint)) -> EndpointId {
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
                start: Positions::beginning(),
                created_at: clock::now(),
                updated_at: clock::now(),
            },
            |entry| Endpoint::clone(&entry.endpoint),
        );
        change(&mut endpoint);
        let entry = EndpointEntry { endpoint: Arc::new(endpoint), secrets: Vec::new() };
        catalog.endpoints.insert(id.clone(), Arc::new(entry));
        catalog.revision += 1;
        let revision = catalog.revision;
        *self.0.catalog.borrow_mut() = Arc::new(catalog);
        self.0.catalog_changes.send_replace(revision);
        id
    }

    fn state(&self, id: &EndpointId) -> EndpointState {
        self.0.catalog.borrow().endpoints[id].endpoint.state
    }

    fn append(&self, feed: &Feed, texts: &[&str]) {
        let mut events = Vec::new();
        for text in texts {
            let position = self.0.rows.borrow().events.len() as u64 + 1;
            let event = test_event(position, text);
            self.0.rows.borrow_mut().events.push(Arc::clone(&event));
            events.push(event);
        }
        feed.committed(&events);
    }

    async fn until(&self, what: impl Fn(&Rows) -> bool) {
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

    fn head(&self, _: u16) -> u64 {
        self.0.rows.borrow().events.len() as u64
    }

    async fn load_lanes(&self, _: u16) -> Result<Vec<LaneRecord>, ReadError> {
        Ok(self.0.rows.borrow().lanes.values().cloned().collect())
    }

    async fn load_parked(&self, endpoint: &EndpointId, _: u16) -> Result<Vec<ParkedRecord>, ReadError> {
        let rows = self.0.rows.borrow();
        Ok(rows.parked.values().filter(|row| row.endpoint_id == *endpoint).cloned().collect())
    }

    async fn lane_events(&self, query: LaneQuery) -> Result<LaneRead, ReadError> {
        let mut rows = self.0.rows.borrow_mut();
        rows.lane_reads += 1;
        let in_range = rows.events.iter().filter(|e| e.position > query.after && e.position <= query.up_to);
        let events: Vec<_> = in_range.take(query.limit as usize).cloned().collect();
        rows.events_read += events.len();
        let full = events.len() == query.limit as usize;
        let scanned_to = events.last().filter(|_| full).map_or(query.up_to, |e| e.position);
        Ok(LaneRead { events, scanned_to })
    }

    async fn subject_events(
        &self,
        _: u16,
        subject: &str,
        from: u64,
        up_to: u64,
        limit: u32,
    ) -> Result<LaneRead, ReadError> {
        let rows = self.0.rows.borrow();
        let wanted =
            |e: &&Arc<LoggedEvent>| *e.subject.id == *subject && (from..=up_to).contains(&e.position);
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
        for lane in batch.lanes {
            rows.lanes.insert(lane.endpoint_id.clone(), lane);
        }
        for row in batch.parked {
            rows.parked.insert((row.endpoint_id.clone(), row.subject_id.clone()), row);
        }
        for (endpoint, _, subject) in batch.unparked {
            rows.parked.remove(&(endpoint, subject));
        }
        rows.attempts.extend(batch.attempts.iter().map(|a| (a.position, a.number, a.trigger)));
        rows.dead.extend(batch.dead.iter().map(|d| (d.position, d.attempts)));
        rows.revived.extend(batch.revived.iter().map(|(_, _, position)| *position));
        rows.manual.retain(|send| !batch.manual_done.contains(&send.id));
        drop(rows);
        self.0.saved.notify_waiters();
        Ok(())
    }

    async fn manual_sends(&self, limit: u32) -> Result<Vec<ManualSend>, ReadError> {
        Ok(self.0.rows.borrow().manual.iter().take(limit as usize).cloned().collect())
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<(Arc<LoggedEvent>, u32)>, ReadError> {
        let rows = self.0.rows.borrow();
        let made = rows.attempts.iter().filter(|(position, ..)| *position == id.position).count();
        let at = usize::try_from(id.position).unwrap() - 1;
        Ok(rows.events.get(at).map(|e| (Arc::clone(e), u32::try_from(made).unwrap())))
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
}

/// What was sent: when, to whom, which event.
type Sent = Rc<RefCell<Vec<(Instant, u128, EventId)>>>;

struct Notes<F> {
    sent: Sent,
    answer: F,
}

impl<F: Fn(u128, &str) -> (Duration, Answer) + 'static> Courier for Notes<F> {
    type Target = u128;

    fn target(&self, entry: &EndpointEntry) -> u128 {
        entry.endpoint.id.uuid().as_u128()
    }

    fn accepts(&self, target: &u128) -> bool {
        *target < UNACCEPTABLE
    }

    async fn send(&self, target: &u128, id: &str, _body: Bytes) -> Answer {
        self.sent.borrow_mut().push((Instant::now(), *target, EventId::parse(id).unwrap()));
        let (takes, answer) = (self.answer)(*target, id);
        if !takes.is_zero() {
            sleep(takes).await;
        }
        answer
    }
}

/// The policy does not accept the URLs of endpoints from this one on.
const UNACCEPTABLE: u128 = 1_000;

const QUICK: Duration = Duration::from_millis(1);

fn ok() -> Answer {
    Answer { status: Some(200), ..Answer::default() }
}

fn status(status: u16) -> Answer {
    Answer { status: Some(status), error: Some(ErrorClass::Status), ..Answer::default() }
}

/// Runs a dispatcher until `body` is done.
async fn during<F, B>(memory: &Memory, feed: &Arc<Feed>, sent: &Sent, answer: F, body: B)
where
    F: Fn(u128, &str) -> (Duration, Answer) + 'static,
    B: Future<Output = ()>,
{
    during_with(Settings::default(), memory, feed, sent, answer, body).await;
}

async fn during_with<F, B>(
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
    let dispatcher = run(settings, memory.clone(), Arc::clone(feed), courier, stopped);
    let test = async {
        body.await;
        stop.send(Duration::from_secs(60)).unwrap();
    };
    tokio::join!(dispatcher, test);
}

fn positions(sent: &Sent, target: u128) -> Vec<u128> {
    sent.borrow().iter().filter(|(_, t, _)| *t == target).map(|(_, _, id)| id.uuid().as_u128()).collect()
}

fn feed() -> Arc<Feed> {
    Feed::new(rollcall_stream::Settings::default())
}

#[tokio::test(start_paused = true)]
async fn events_reach_those_who_want_them_old_ones_and_new_ones() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    // Committed before the dispatcher runs, and not in its tail.
    memory.append(&super::tests::feed(), &["u1", "u2", "u1"]);
    let one = memory.endpoint(1, |_| {});
    memory.endpoint(2, |e| e.start = vec![2].into());
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.until(|rows| rows.attempts.len() == 4).await;
        memory.append(&feed, &["u1", "u3"]);
        memory.until(|rows| rows.attempts.len() == 8).await;
        memory.endpoint(3, |e| e.start = vec![4].into());
        memory.until(|rows| rows.attempts.len() == 9).await;
    })
    .await;
    assert_eq!(positions(&sent, 1), [1, 2, 3, 4, 5]);
    assert_eq!(positions(&sent, 2), [3, 4, 5]);
    assert_eq!(positions(&sent, 3), [5]);
    assert_eq!(memory.0.rows.borrow().lanes[&one].frontier, 5);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_more_types_gets_the_next_event() {
    use rollcall_domain::event::EventType;
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    memory.endpoint(1, |e| e.event_types = vec![EventType::UserDeleted]);
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.append(&feed, &["u1", "u1!"]);
        memory.until(|rows| rows.attempts.len() == 1).await;
        // Both are news for the dispatcher when it wakes.
        memory.endpoint(1, |e| e.event_types = Vec::new());
        memory.append(&feed, &["u2", "u2!"]);
        memory.until(|rows| rows.attempts.iter().any(|(position, ..)| *position == 4)).await;
    })
    .await;
    assert_eq!(positions(&sent, 1), [2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_ahead_of_a_restored_log_hides_nothing() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    memory.endpoint(1, |_| {});
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.append(&feed, &["u1", "u2", "u3", "u4"]);
        memory.until(|rows| rows.attempts.len() == 4).await;
    })
    .await;
    // A copy of the log from before the last two.
    memory.0.rows.borrow_mut().events.truncate(2);
    let feed = super::tests::feed();
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        tokio::task::yield_now().await;
        memory.append(&feed, &["u5", "u6", "u7"]);
        memory.until(|rows| rows.attempts.len() == 7).await;
    })
    .await;
    assert_eq!(positions(&sent, 1), [1, 2, 3, 4, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_where_it_stopped() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    memory.endpoint(1, |e| e.retry_schedule = RetrySchedule::new(vec![0, 60]).unwrap());
    let bad = EventId::from_uuid(Uuid::from_u128(2));
    let answer = move |_, id: &str| (QUICK, if id == bad.as_str() { status(400) } else { ok() });
    during(&memory, &feed, &sent, answer, async {
        memory.append(&feed, &["u1", "u2", "u2", "u3"]);
        memory.until(|rows| rows.attempts.len() == 3 && !rows.parked.is_empty()).await;
    })
    .await;
    assert_eq!(positions(&sent, 1), [1, 2, 4]);
    memory.append(&feed, &["u4"]);
    let start = Instant::now();
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.until(|rows| rows.attempts.len() == 6 && rows.parked.is_empty()).await;
    })
    .await;
    assert_eq!(positions(&sent, 1), [1, 2, 4, 5, 2, 3]);
    assert!(start.elapsed() >= Duration::from_secs(47), "the schedule goes on, too: {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_retry_comes_when_it_is_due_though_nothing_else_happens() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    memory.endpoint(1, |_| {});
    let well = Rc::new(Cell::new(false));
    let is_well = Rc::clone(&well);
    let answer = move |_, _: &str| (QUICK, if is_well.get() { ok() } else { status(422) });
    during(&memory, &feed, &sent, answer, async {
        memory.append(&feed, &["u1"]);
        memory.until(|rows| !rows.parked.is_empty()).await;
        well.set(true);
        memory.until(|rows| rows.attempts.len() == 2).await;
    })
    .await;
    let sent = sent.borrow();
    let waited = sent[1].0 - sent[0].0;
    assert!((800..=1_300).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn each_event_has_its_attempts_and_then_the_rest_arrives_in_order() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let one = memory.endpoint(1, |_| {});
    let well = Rc::new(Cell::new(false));
    let is_well = Rc::clone(&well);
    let answer = move |_, _: &str| (QUICK, if is_well.get() { ok() } else { status(500) });
    let texts: Vec<String> = (0..40).map(|n| format!("u{}", n % 20)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    during(&memory, &feed, &sent, answer, async {
        memory.append(&feed, &texts);
        memory.until(|rows| rows.dead.len() >= 10).await;
        well.set(true);
        memory.until(|rows| rows.lanes[&one].frontier == 40 && rows.parked.is_empty()).await;
    })
    .await;
    let rows = memory.0.rows.borrow();
    let dead: Vec<u64> = rows.dead.iter().map(|(position, _)| *position).collect();
    assert!(rows.dead.iter().all(|(_, attempts)| *attempts == 3), "{dead:?}");
    for position in &dead {
        let numbers: Vec<u32> =
            rows.attempts.iter().filter(|(p, ..)| p == position).map(|(_, n, _)| *n).collect();
        assert_eq!(numbers, [1, 2, 3], "of {position}");
    }
    let mut by_subject: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (position, ..) in &rows.attempts {
        by_subject.entry((position - 1) % 20).or_default().push(*position);
    }
    assert!(by_subject.values().all(|positions| positions.is_sorted()), "{by_subject:?}");
    assert_eq!(by_subject.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_pause_keeps_the_place_and_410_disables() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let one = memory.endpoint(1, |e| e.state = EndpointState::Paused);
    let gone = Rc::new(Cell::new(false));
    let is_gone = Rc::clone(&gone);
    let answer = move |_, _: &str| (QUICK, if is_gone.get() { status(410) } else { ok() });
    during(&memory, &feed, &sent, answer, async {
        memory.append(&feed, &["u1", "u2"]);
        memory.endpoint(2, |e| e.start = vec![2].into());
        sleep(Duration::from_secs(30)).await;
        assert_eq!(positions(&sent, 1), [0_u128; 0]);
        memory.endpoint(1, |e| e.state = EndpointState::Active);
        memory.until(|rows| rows.attempts.len() == 2).await;
        gone.set(true);
        memory.append(&feed, &["u1"]);
        let mut changes = memory.catalog_changes();
        changes.wait_for(|_| memory.state(&one) == EndpointState::Disabled).await.unwrap();
        sleep(Duration::from_secs(3_600)).await;
        assert_eq!(positions(&sent, 1), [1, 2, 3]);
        gone.set(false);
        memory.endpoint(1, |e| e.state = EndpointState::Active);
        memory.until(|rows| rows.lanes[&one].frontier == 3).await;
    })
    .await;
    assert_eq!(positions(&sent, 1), [1, 2, 3, 3]);
}

#[tokio::test(start_paused = true)]
async fn hanging_endpoints_cost_the_others_nothing() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    for n in 1..=30 {
        memory.endpoint(n, |_| {});
    }
    let answer = |target, _: &str| {
        if target > 20 {
            let hangs = Answer { error: Some(ErrorClass::Timeout), ..Answer::default() };
            (Duration::from_secs(15), hangs)
        } else {
            (QUICK, ok())
        }
    };
    let mut committed = Vec::new();
    during(&memory, &feed, &sent, answer, async {
        for n in 0..400_u64 {
            committed.push(Instant::now());
            memory.append(&feed, &[&format!("u{}", n % 50)]);
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    for target in 1..=20 {
        assert_eq!(positions(&sent, target).len(), 400);
    }
    let late: Vec<Duration> = sent
        .borrow()
        .iter()
        .filter(|(_, target, _)| *target <= 20)
        .map(|(at, _, id)| *at - committed[usize::try_from(id.uuid().as_u128()).unwrap() - 1])
        .filter(|wait| *wait > Duration::from_millis(5))
        .collect();
    assert!(late.is_empty(), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn slow_endpoints_do_not_use_up_the_share_of_the_quick_ones() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    for n in 1..=50 {
        memory.endpoint(n, |_| {});
    }
    let answer = |target, _: &str| (if target > 5 { Duration::from_secs(3) } else { QUICK }, ok());
    let mut committed = Vec::new();
    during(&memory, &feed, &sent, answer, async {
        for n in 0..400_u64 {
            committed.push(Instant::now());
            memory.append(&feed, &[&format!("u{n}")]);
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // Who is slow shows after a second; from then on the others are not to notice.
    let known = committed[0] + Duration::from_secs(2);
    let late: Vec<Duration> = sent
        .borrow()
        .iter()
        .filter(|(at, target, _)| *target <= 5 && *at > known)
        .map(|(at, _, id)| *at - committed[usize::try_from(id.uuid().as_u128()).unwrap() - 1])
        .filter(|wait| *wait > Duration::from_millis(5))
        .collect();
    assert!(late.is_empty(), "{} late, the latest by {:?}", late.len(), late.iter().max());
    assert_eq!(positions(&sent, 1).len(), 400);
}

#[tokio::test(start_paused = true)]
async fn what_the_owner_asks_for_is_sent_beside_the_lane() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let one = memory.endpoint(1, |e| {
        e.retry_schedule = RetrySchedule::new(vec![0]).unwrap();
        e.on_exhausted = OnExhausted::Block;
    });
    let well = Rc::new(Cell::new(false));
    let is_well = Rc::clone(&well);
    let answer = move |_, _: &str| (QUICK, if is_well.get() { ok() } else { status(400) });
    let ask = |id, what| {
        memory.0.rows.borrow_mut().manual.push(ManualSend { id, endpoint_id: one.clone(), what });
        memory.0.manual_changes.send_modify(|n| *n += 1);
    };
    during(&memory, &feed, &sent, answer, async {
        memory.append(&feed, &["u1", "u1"]);
        memory.until(|rows| rows.parked.values().any(|row| row.next_at.is_none())).await;
        well.set(true);
        let event_id = EventId::from_uuid(Uuid::from_u128(99));
        ask(1, ManualSendWhat::Test { event_id, body: "{}".to_owned() });
        memory.until(|rows| rows.manual.is_empty()).await;
        assert_eq!(positions(&sent, 1), [1, 99]);
        ask(2, ManualSendWhat::Event { shard: 0, position: 1 });
        memory.until(|rows| rows.manual.is_empty() && rows.parked.is_empty()).await;
    })
    .await;
    let rows = memory.0.rows.borrow();
    let expected = [
        (1, 1, Trigger::Schedule),
        (0, 1, Trigger::Test),
        (1, 2, Trigger::Resend),
        (2, 1, Trigger::Schedule),
    ];
    assert_eq!(rows.attempts, expected);
    assert_eq!(rows.revived, [1]);
}

#[tokio::test(start_paused = true)]
async fn progress_that_cannot_be_saved_is_kept_until_it_can() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let one = memory.endpoint(1, |_| {});
    memory.0.refuse_saves.set(3);
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.append(&feed, &["u1", "u2", "u3"]);
        memory.until(|rows| rows.attempts.len() == 3 && rows.lanes[&one].frontier == 3).await;
    })
    .await;
    assert_eq!(positions(&sent, 1).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_lags_reads_many_at_a_time() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let texts: Vec<String> = (0..3_000).map(|n| format!("u{}", n % 100)).collect();
    memory.append(&super::tests::feed(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
    memory.endpoint(1, |_| {});
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.until(|rows| rows.attempts.len() == 3_000).await;
    })
    .await;
    let reads = memory.0.rows.borrow().lane_reads;
    assert!(reads < 120, "{reads} reads for 3,000 events");
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_those_under_way_finish() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let one = memory.endpoint(1, |_| {});
    during(&memory, &feed, &sent, |_, _| (Duration::from_secs(5), ok()), async {
        memory.append(&feed, &["u1", "u1"]);
        while sent.borrow().is_empty() {
            sleep(QUICK).await;
        }
    })
    .await;
    assert_eq!(positions(&sent, 1), [1], "nothing new after the stop");
    assert_eq!(memory.0.rows.borrow().lanes[&one].frontier, 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_resends_to_one_that_hangs_delay_nobody_else() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let hanging = memory.endpoint(1, |e| e.state = EndpointState::Paused);
    let other = memory.endpoint(2, |e| e.state = EndpointState::Paused);
    // Of 20 subjects.
    let texts: Vec<String> = (0..1_000).map(|n| format!("u{}", n % 20)).collect();
    memory.append(&super::tests::feed(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let ask = |id, endpoint: &EndpointId, what| {
        let send = ManualSend { id, endpoint_id: endpoint.clone(), what };
        memory.0.rows.borrow_mut().manual.push(send);
        memory.0.manual_changes.send_modify(|n| *n += 1);
    };
    // Everything is asked for twice.
    for (id, position) in (1..).zip((1..=1_000).chain(1..=1_000)) {
        ask(id, &hanging, ManualSendWhat::Event { shard: 0, position });
    }
    let takes = Duration::from_secs(10);
    let answer = move |target, _: &str| (if target == 1 { takes } else { QUICK }, ok());
    during(&memory, &feed, &sent, answer, async {
        sleep(Duration::from_secs(5)).await;
        assert_eq!(positions(&sent, 1), [1, 2, 3, 4, 5, 6, 7, 8]);
        let event_id = EventId::from_uuid(Uuid::from_u128(5_000));
        let asked = Instant::now();
        ask(9_999, &other, ManualSendWhat::Test { event_id, body: "{}".to_owned() });
        memory.until(|rows| rows.manual.iter().all(|send| send.id != 9_999)).await;
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        memory.until(|rows| rows.manual.is_empty()).await;
    })
    .await;
    let all: Vec<u128> = (1..=1_000).collect();
    assert_eq!(positions(&sent, 1), all, "each once, in the order of the log");
    let sent = sent.borrow();
    let to_one: Vec<Instant> =
        sent.iter().filter(|(_, target, _)| *target == 1).map(|(at, ..)| *at).collect();
    assert!(to_one.windows(9).all(|nine| nine[8] - nine[0] >= takes), "eight at a time");
}

#[tokio::test(start_paused = true)]
async fn resends_of_one_subject_go_one_after_the_other() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let one = memory.endpoint(1, |e| e.state = EndpointState::Paused);
    memory.append(&super::tests::feed(), &["u1", "u1", "u1", "u2"]);
    for (id, position) in (1..).zip(1..=4) {
        let what = ManualSendWhat::Event { shard: 0, position };
        memory.0.rows.borrow_mut().manual.push(ManualSend { id, endpoint_id: one.clone(), what });
    }
    let bad = EventId::from_uuid(Uuid::from_u128(1));
    let answer =
        move |_, id: &str| (Duration::from_secs(1), if id == bad.as_str() { status(400) } else { ok() });
    during(&memory, &feed, &sent, answer, async {
        memory.until(|rows| rows.manual.is_empty()).await;
    })
    .await;
    let start = sent.borrow()[0].0;
    let sent: Vec<(u64, u128)> =
        sent.borrow().iter().map(|(at, _, id)| ((*at - start).as_secs(), id.uuid().as_u128())).collect();
    assert_eq!(sent, [(0, 1), (0, 4), (1, 2), (2, 3)]);
}

#[tokio::test(start_paused = true)]
async fn requests_for_a_quarantined_endpoint_are_done_without_being_sent() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let one = memory.endpoint(UNACCEPTABLE, |e| e.state = EndpointState::Quarantined);
    memory.append(&super::tests::feed(), &["u1"; 200]);
    for (id, position) in (1..).zip(1..=200) {
        let what = ManualSendWhat::Event { shard: 0, position };
        memory.0.rows.borrow_mut().manual.push(ManualSend { id, endpoint_id: one.clone(), what });
    }
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.until(|rows| rows.manual.is_empty()).await;
    })
    .await;
    assert!(sent.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_start_gives_the_quarantined_another_chance_if_the_policy_accepts_them() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let quarantined = |e: &mut Endpoint| {
        e.state = EndpointState::Quarantined;
        e.state_reason = Some("the address 10.0.0.1 is forbidden".to_owned());
    };
    let well = memory.endpoint(1, quarantined);
    let still_forbidden = memory.endpoint(2, quarantined);
    let unacceptable = memory.endpoint(UNACCEPTABLE, quarantined);
    let answer = |target, _: &str| {
        let blocked = Answer { error: Some(ErrorClass::BlockedAddress), ..Answer::default() };
        (QUICK, if target == 2 { blocked } else { ok() })
    };
    during(&memory, &feed, &sent, answer, async {
        memory.append(&feed, &["u1"]);
        memory.until(|rows| rows.lanes.get(&well).is_some_and(|lane| lane.frontier == 1)).await;
        let mut changes = memory.catalog_changes();
        let again = |_: &u64| memory.state(&still_forbidden) == EndpointState::Quarantined;
        changes.wait_for(again).await.unwrap();
        assert_eq!(memory.state(&well), EndpointState::Active);
        assert_eq!(memory.0.catalog.borrow().endpoints[&well].endpoint.state_reason, None);
        // What is quarantined while it runs is not tried again by itself.
        sleep(Duration::from_secs(3_600)).await;
        assert_eq!(memory.state(&still_forbidden), EndpointState::Quarantined);
        assert_eq!(memory.state(&unacceptable), EndpointState::Quarantined);
    })
    .await;
    assert_eq!((positions(&sent, 1), positions(&sent, 2)), (vec![1], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn what_is_read_for_those_that_hang_is_bounded_over_all_of_them() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let texts: Vec<String> = (0..500).map(|n| format!("u{n}")).collect();
    memory.append(&super::tests::feed(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
    for n in 1..=20 {
        memory.endpoint(n, |_| {});
    }
    let settings = Settings { max_held_bytes: 64 * 1_024, ..Settings::default() };
    let takes = Rc::new(Cell::new(Duration::from_secs(1_000)));
    let time = Rc::clone(&takes);
    during_with(settings, &memory, &feed, &sent, move |_, _: &str| (time.get(), ok()), async {
        sleep(Duration::from_secs(500)).await;
        // A window is 64 events: without the bound it would be 20 times as many. Each has a few; a
        // first page each of the four reads at a time may overshoot.
        let read = memory.0.rows.borrow().events_read;
        assert!((20..=64 * 1_024 / 200 + 4 * 64 + 20 * 8).contains(&read), "{read}");
        takes.set(QUICK);
        memory.until(|rows| rows.attempts.len() == 20 * 500).await;
    })
    .await;
    for target in 1..=20 {
        let mut all = positions(&sent, target);
        all.sort_unstable();
        assert_eq!(all, (1..=500).collect::<Vec<u128>>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_heard_while_attempts_end_without_a_break() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let texts: Vec<String> = (0..3_000).map(|n| format!("u{n}")).collect();
    memory.append(&super::tests::feed(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
    memory.endpoint(1, |_| {});
    let (owner, count) = (memory.clone(), Cell::new(0));
    let answer = move |_, _: &str| {
        count.set(count.get() + 1);
        if count.get() == 500 {
            owner.endpoint(1, |e| e.state = EndpointState::Paused);
        }
        (Duration::ZERO, ok())
    };
    during(&memory, &feed, &sent, answer, async {
        memory.until(|rows| rows.attempts.len() >= 500).await;
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let sent = positions(&sent, 1).len();
    assert!(sent < 600, "{sent} were sent");
}
