//! Two dispatchers over one store in memory: shards change hands, and what was promised holds.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap},
    future::poll_fn,
    pin::pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rollcall_domain::{
    endpoint::{RetrySchedule, Scope},
    ids::EventId,
};
use rollcall_store::ledger::{ManualSend, ManualSendWhat};
use rollcall_stream::Feed;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{Shards, run};
use crate::{
    Settings,
    attempt::Answer,
    hints::Hints,
    log::Log as _,
    memory::{Memory, Notes, QUICK, Sent, ok, positions, status},
};

/// One process: its feed, what it sent, and a switch that stops it as SIGSTOP does.
struct Process {
    feed: Arc<Feed>,
    sent: Sent,
    shards: watch::Receiver<Shards>,
    frozen: Rc<Cell<bool>>,
    thawed: Rc<Notify>,
    stop: RefCell<Option<oneshot::Sender<Duration>>>,
}

impl Process {
    /// One that does nothing.
    fn idle() -> Self {
        Self::new(&Memory::new(), |_, _| (QUICK, ok())).0
    }

    fn new<F>(memory: &Memory, answer: F) -> (Self, impl Future<Output = ()> + use<F>)
    where
        F: Fn(u128, &str) -> (Duration, Answer) + 'static,
    {
        Self::with(Settings::default(), memory, answer)
    }

    /// The process, and what it does.
    fn with<F>(settings: Settings, memory: &Memory, answer: F) -> (Self, impl Future<Output = ()> + use<F>)
    where
        F: Fn(u128, &str) -> (Duration, Answer) + 'static,
    {
        Self::of(settings, memory, answer, None)
    }

    fn of<F>(
        settings: Settings,
        memory: &Memory,
        answer: F,
        hints: Option<Arc<dyn Hints>>,
    ) -> (Self, impl Future<Output = ()> + use<F>)
    where
        F: Fn(u128, &str) -> (Duration, Answer) + 'static,
    {
        Self::to(Sent::default(), settings, memory, answer, hints)
    }

    fn to<F>(
        sent: Sent,
        settings: Settings,
        memory: &Memory,
        answer: F,
        hints: Option<Arc<dyn Hints>>,
    ) -> (Self, impl Future<Output = ()> + use<F>)
    where
        F: Fn(u128, &str) -> (Duration, Answer) + 'static,
    {
        let feed = Feed::new(rollcall_stream::Settings::default());
        let (shown, shards) = watch::channel(Shards::default());
        let (stop, stopped) = oneshot::channel();
        let courier = Notes { sent: Rc::clone(&sent), answer };
        let dispatcher = run(settings, memory.clone(), Arc::clone(&feed), courier, hints, shown, stopped);
        let process = Self {
            feed,
            sent,
            shards,
            frozen: Rc::default(),
            thawed: Rc::default(),
            stop: RefCell::new(Some(stop)),
        };
        let (frozen, thawed) = (Rc::clone(&process.frozen), Rc::clone(&process.thawed));
        let running = async move {
            let mut dispatcher = pin!(dispatcher);
            let mut wait = Box::pin(thawed.notified());
            poll_fn(|context| {
                while frozen.get() {
                    if wait.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    wait = Box::pin(thawed.notified());
                }
                dispatcher.as_mut().poll(context)
            })
            .await;
        };
        (process, running)
    }

    fn assign(&self, shards: impl IntoIterator<Item = u16>) {
        self.feed.assign(shards.into_iter().collect());
    }

    async fn holds(&self, shards: impl IntoIterator<Item = u16>) {
        let shards: BTreeSet<u16> = shards.into_iter().collect();
        self.shards.clone().wait_for(|now| now.held == shards).await.unwrap();
    }

    fn stop(&self) {
        if let Some(stop) = self.stop.borrow_mut().take() {
            stop.send(Duration::from_secs(60)).unwrap();
        }
    }

    fn freeze(&self) {
        self.frozen.set(true);
    }

    fn thaw(&self) {
        self.frozen.set(false);
        self.thawed.notify_one();
    }
}

/// Events of seven subjects in turn.
fn append(memory: &Memory, shard: u16, processes: [&Process; 2], n: u64) {
    let first = memory.0.rows.borrow().head(shard);
    let texts: Vec<String> = (first..first + n).map(|n| format!("u{}", n % 7)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    memory.append_to(shard, &processes.map(|process| &*process.feed), &texts);
}

/// All that was sent by both, in the order in which it was begun, checked: what is sent again is a
/// subject's suffix, again in order. Gives how many events there are and how often one was sent twice.
fn check(processes: [&Process; 2], target: u128) -> (usize, usize) {
    let mut all: Vec<(Instant, u128)> = Vec::new();
    for process in processes {
        let sent = process.sent.borrow();
        all.extend(
            sent.iter().filter(|(_, t, _)| *t == target).map(|(at, _, id)| (*at, id.uuid().as_u128())),
        );
    }
    all.sort_by_key(|(at, _)| *at);
    let mut last: BTreeMap<(u128, u128), u128> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut repeated = 0;
    for (_, id) in all {
        let (shard, position) = (id / 1_000_000, id % 1_000_000);
        let subject = (shard, (position - 1) % 7);
        repeated += usize::from(!seen.insert(id));
        let before = last.insert(subject, position);
        // The next one, or one that was sent before.
        let next = before.map_or(position <= 7, |before| position <= before + 7);
        assert!(next, "shard {shard}: {position} was sent after {before:?}");
    }
    (seen.len(), repeated)
}

#[tokio::test(start_paused = true)]
async fn the_shard_that_the_binary_assigns_is_held_until_the_stop() {
    let memory = Memory::new();
    memory.endpoint(1, |_| {});
    let (one, running) = Process::new(&memory, |_, _| (QUICK, ok()));
    let test = async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(*one.shards.borrow(), Shards::default());
        one.assign([0, 7]);
        one.holds([0]).await;
        memory.append(&one.feed, &["u1"]);
        memory.until(|rows| rows.attempts.len() == 1).await;
        sleep(Duration::from_secs(3_600)).await;
        memory.append(&one.feed, &["u1"]);
        memory.until(|rows| rows.attempts.len() == 2).await;
        one.stop();
    };
    tokio::join!(running, test);
    assert_eq!(positions(&one.sent, 1), [1, 2]);
    let rows = memory.0.rows.borrow();
    assert_eq!(rows.epochs[&0], 1, "it was never lost");
    assert!(rows.leases.is_empty(), "it was released");
}

#[tokio::test(start_paused = true)]
async fn shards_change_hands_while_events_flow() {
    let memory = Memory::with_shards(4);
    memory.endpoint(1, |_| {});
    let answer = |_, _: &str| (Duration::from_millis(20), ok());
    let (one, running_one) = Process::new(&memory, answer);
    let (two, running_two) = Process::new(&memory, answer);
    let both = [&one, &two];
    let test = async {
        one.assign([0, 1, 2, 3]);
        for round in 0_u16..40 {
            for shard in 0..4 {
                append(&memory, shard, both, 10);
            }
            sleep(Duration::from_millis(50)).await;
            // Shard 0 never moves; the others do, in turns.
            let moving = |shard: &u16| *shard > 0 && (round / shard).is_multiple_of(2);
            let (to_two, to_one): (Vec<u16>, Vec<u16>) = (0..4).partition(moving);
            one.assign(to_one);
            two.assign(to_two);
        }
        memory
            .until(|rows| {
                (0..4)
                    .all(|shard| rows.lanes.values().any(|lane| lane.shard == shard && lane.frontier == 400))
            })
            .await;
        one.stop();
        two.stop();
    };
    tokio::join!(running_one, running_two, test);
    assert_eq!(check(both, 1), (1_600, 0), "nothing was cut off, so nothing was sent twice");
    let rows = memory.0.rows.borrow();
    assert_eq!(rows.epochs[&0], 1);
    assert!(rows.epochs[&1] > 10 && rows.epochs[&3] > 4, "{:?}", rows.epochs);
    assert_eq!(rows.saves_fenced, 0);
    assert!(!two.sent.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_shards_that_stay_go_on_without_a_pause() {
    let memory = Memory::with_shards(2);
    memory.endpoint(1, |_| {});
    let (one, running_one) = Process::new(&memory, |_, id: &str| {
        // What is under way in the second shard takes as long as it may.
        let of_second = crate::memory::number(id) > 1_000_000;
        (if of_second { Duration::from_secs(60) } else { QUICK }, ok())
    });
    let (two, running_two) = Process::new(&memory, |_, _| (QUICK, ok()));
    let both = [&one, &two];
    let test = async {
        one.assign([0, 1]);
        one.holds([0, 1]).await;
        append(&memory, 1, both, 1);
        sleep(Duration::from_millis(100)).await;
        one.assign([0]);
        two.assign([1]);
        let began = Instant::now();
        for _ in 0..40 {
            append(&memory, 0, both, 1);
            sleep(Duration::from_millis(100)).await;
        }
        two.holds([1]).await;
        // The drain's deadline, and no more than a claim's wait.
        let drained = two.sent.borrow()[0].0 - began;
        assert!((3_000..3_200).contains(&drained.as_millis()), "{drained:?}");
        one.stop();
        two.stop();
    };
    tokio::join!(running_one, running_two, test);
    let sent = one.sent.borrow();
    let of_first: Vec<Instant> =
        sent.iter().filter(|(_, _, id)| id.uuid().as_u128() < 1_000_000).map(|(at, ..)| *at).collect();
    assert_eq!(of_first.len(), 40);
    assert!(of_first.windows(2).all(|pair| pair[1] - pair[0] <= Duration::from_millis(110)));
    assert_eq!(check(both, 1), (41, 1), "the one that was cut off was made again");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_ends_everything_before_its_end() {
    let memory = Memory::with_shards(2);
    memory.endpoint(1, |e| e.retry_schedule = RetrySchedule::new(vec![0]).unwrap());
    let (one, running) = Process::new(&memory, |_, _| (Duration::from_millis(700), ok()));
    let test = async {
        one.assign([0, 1]);
        one.holds([0, 1]).await;
        // Just after a renewal.
        sleep(Duration::from_millis(10)).await;
        memory.0.silent.set(true);
        let last = Instant::now();
        for _ in 0..100 {
            append(&memory, 0, [&one, &one], 1);
            sleep(Duration::from_millis(100)).await;
        }
        let begun = one.sent.borrow().iter().map(|(at, ..)| *at - last).max().unwrap();
        assert!((4_500..5_000).contains(&begun.as_millis()), "{begun:?}");
        assert!(one.shards.borrow().held.is_empty());
        let sent = one.sent.borrow().len();
        // It is back, and so is everything that was cut off.
        memory.0.silent.set(false);
        memory.until(|rows| rows.lane(&memory.id(1)).frontier == 100).await;
        assert!(one.sent.borrow().len() > sent);
        one.stop();
    };
    tokio::join!(running, test);
    let (events, repeated) = check([&one, &Process::idle()], 1);
    assert_eq!(events, 100);
    assert!((1..=7).contains(&repeated), "{repeated}");
    assert!(memory.0.rows.borrow().epochs[&0] >= 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_wakes_after_its_lease_sends_nothing_more() {
    let memory = Memory::with_shards(1);
    memory.endpoint(1, |_| {});
    let (one, running_one) = Process::new(&memory, |_, _| (Duration::from_millis(300), ok()));
    let (two, running_two) = Process::new(&memory, |_, _| (QUICK, ok()));
    let both = [&one, &two];
    let test = async {
        one.assign([0]);
        one.holds([0]).await;
        append(&memory, 0, both, 70);
        while one.sent.borrow().len() < 14 {
            sleep(QUICK).await;
        }
        one.freeze();
        two.assign([0]);
        two.holds([0]).await;
        memory.until(|rows| rows.lane(&memory.id(1)).frontier == 70).await;
        let before = one.sent.borrow().len();
        one.thaw();
        append(&memory, 0, both, 70);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(one.sent.borrow().len(), before);
        assert_eq!(memory.0.rows.borrow().lane(&memory.id(1)).frontier, 140);
        assert_eq!(one.shards.borrow().held, BTreeSet::new());
        one.stop();
        two.stop();
    };
    tokio::join!(running_one, running_two, test);
    assert_eq!(check(both, 1).0, 140);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_fenced_stops_at_once() {
    let memory = Memory::with_shards(1);
    memory.endpoint(1, |_| {});
    let (one, running) = Process::new(&memory, |_, _| (QUICK, ok()));
    let test = async {
        one.assign([0]);
        one.holds([0]).await;
        // Somebody else has it, though this lease is not over.
        memory.claim_shards("another", &[0]).await.unwrap();
        *memory.0.rows.borrow_mut().epochs.get_mut(&0).unwrap() += 1;
        let until = Instant::now() + Duration::from_secs(30);
        memory.0.rows.borrow_mut().leases.insert(0, ("another".to_owned(), until));
        append(&memory, 0, [&one, &one], 1);
        one.holds([]).await;
        append(&memory, 0, [&one, &one], 50);
        sleep(Duration::from_secs(20)).await;
        assert_eq!(positions(&one.sent, 1), [1]);
        memory.until(|rows| rows.lanes.values().any(|lane| lane.frontier == 51)).await;
        assert!(Instant::now() >= until);
        one.stop();
    };
    tokio::join!(running, test);
    assert_eq!(memory.0.rows.borrow().saves_fenced, 1);
}

#[tokio::test(start_paused = true)]
async fn slots_go_round_over_the_shards() {
    let memory = Memory::with_shards(3);
    memory.endpoint(1, |_| {});
    let settings = Settings { fast_slots: 2, slow_slots: 2, ..Settings::default() };
    let (one, running) = Process::with(settings, &memory, |_, _| (Duration::from_millis(100), ok()));
    let test = async {
        one.assign([0, 1, 2]);
        one.holds([0, 1, 2]).await;
        // The first one has it all, when the others' come.
        append(&memory, 0, [&one, &one], 100);
        sleep(Duration::from_millis(50)).await;
        append(&memory, 1, [&one, &one], 10);
        append(&memory, 2, [&one, &one], 10);
        sleep(Duration::from_millis(1_650)).await;
        let of = |shard| {
            one.sent.borrow().iter().filter(|(_, _, id)| id.uuid().as_u128() / 1_000_000 == shard).count()
        };
        assert_eq!(of(0) + of(1) + of(2), 34);
        assert!(of(1) == 10 && of(2) == 10, "{} {} {}", of(0), of(1), of(2));
        memory.until(|rows| rows.attempts.len() == 120).await;
        one.stop();
    };
    tokio::join!(running, test);
    assert_eq!(check([&one, &Process::idle()], 1), (120, 0));
}

/// What two processes tell each other.
#[derive(Default)]
struct Board {
    open: Mutex<HashMap<String, Timestamp>>,
    changes: watch::Sender<u64>,
    active: Mutex<Vec<String>>,
}

impl Hints for Board {
    fn breaker_opened(&self, endpoint: &str, until: Timestamp) {
        self.open.lock().unwrap().insert(endpoint.to_owned(), until);
        self.changes.send_modify(|n| *n += 1);
    }

    fn breaker_closed(&self, endpoint: &str) {
        self.open.lock().unwrap().remove(endpoint);
        self.changes.send_modify(|n| *n += 1);
    }

    fn breaker(&self, endpoint: &str) -> Option<Timestamp> {
        self.open.lock().unwrap().get(endpoint).copied()
    }

    fn breaker_changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.changes.subscribe())
    }

    fn active_at(&self, endpoint: &str) {
        self.active.lock().unwrap().push(endpoint.to_owned());
    }

    fn share(&self, _: &str) -> f64 {
        0.5
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_is_found_out_once_and_not_by_each_shard() {
    let memory = Memory::with_shards(16);
    memory.endpoint(1, |e| e.retry_schedule = RetrySchedule::default());
    let well = Rc::new(Cell::new(false));
    let is_well = Rc::clone(&well);
    let answer = move |_, _: &str| (QUICK, if is_well.get() { ok() } else { status(500) });
    let board = Arc::<Board>::default();
    let of = |hints| Process::of(Settings::default(), &memory, answer.clone(), Some(hints));
    let (one, running_one) = of(Arc::clone(&board) as Arc<dyn Hints>);
    let (two, running_two) = of(Arc::clone(&board) as Arc<dyn Hints>);
    let both = [&one, &two];
    let test = async {
        one.assign(0..8);
        two.assign(8..16);
        one.holds(0..8).await;
        two.holds(8..16).await;
        append(&memory, 0, both, 7);
        sleep(Duration::from_secs(1)).await;
        let first = one.sent.borrow().len();
        assert!((5..=8).contains(&first), "{first}");
        for shard in 1..16 {
            append(&memory, shard, both, 7);
        }
        sleep(Duration::from_secs(2)).await;
        assert_eq!(one.sent.borrow().len() + two.sent.borrow().len(), first, "they take its word for it");
        sleep(Duration::from_secs(60)).await;
        let probes = one.sent.borrow().len() + two.sent.borrow().len() - first;
        assert!((16..=16 * 5).contains(&probes), "{probes}");
        // One of them finds it well; the others do not wait for their own time.
        well.set(true);
        let since = Instant::now();
        memory.until(|rows| rows.lanes.values().filter(|lane| lane.frontier == 7).count() == 16).await;
        memory.until(|rows| rows.parked.is_empty()).await;
        assert!(since.elapsed() < Duration::from_secs(100), "{:?}", since.elapsed());
        one.stop();
        two.stop();
    };
    tokio::join!(running_one, running_two, test);
    assert!(board.open.lock().unwrap().is_empty());
    assert!(!board.active.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_an_endpoint_stands_is_divided_among_its_shards_and_processes() {
    let memory = Memory::with_shards(4);
    memory.endpoint(1, |_| {});
    let under_way = Rc::new(Cell::new(0));
    let most = |hints: Option<Arc<dyn Hints>>| {
        let (memory, under_way) = (memory.clone(), Rc::clone(&under_way));
        async move {
            let (one, running) =
                Process::of(Settings::default(), &memory, |_, _| (Duration::from_millis(500), ok()), hints);
            let test = async {
                one.assign(0..4);
                one.holds(0..4).await;
                for shard in 0..4 {
                    append(&memory, shard, [&one, &one], 70);
                }
                sleep(Duration::from_millis(1_900)).await;
                let now = Instant::now();
                let young = |(at, ..): &&(Instant, u128, EventId)| now - *at < Duration::from_millis(500);
                under_way.set(one.sent.borrow().iter().filter(young).count());
                one.stop();
            };
            tokio::join!(running, test);
            under_way.get()
        }
    };
    // Four lanes of seven subjects each; a lane alone begins with eight at a time.
    assert_eq!(most(None).await, 8);
    assert_eq!(most(Some(Arc::<Board>::default())).await, 4);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_its_endpoint_cannot_take_does_not_stop_the_other_shards() {
    let memory = Memory::with_shards(2);
    memory.endpoint(1, |e| e.retry_schedule = RetrySchedule::new(vec![0, 1, 1, 1, 1, 1, 1]).unwrap());
    let bad = |id: &str| crate::memory::number(id) == 1_000_001;
    let (one, running) =
        Process::new(&memory, move |_, id| (QUICK, if bad(id) { status(500) } else { ok() }));
    let test = async {
        one.assign([0, 1]);
        one.holds([0, 1]).await;
        append(&memory, 1, [&one, &one], 1);
        let mut appended = Vec::new();
        for _ in 0..300 {
            appended.push(Instant::now());
            append(&memory, 0, [&one, &one], 1);
            sleep(Duration::from_millis(100)).await;
        }
        let sent = one.sent.borrow();
        let late = sent
            .iter()
            .map(|(at, _, id)| (*at, id.uuid().as_u128()))
            .filter(|(_, id)| *id < 1_000_000)
            .filter(|(at, id)| *at - appended[usize::try_from(*id).unwrap() - 1] > QUICK)
            .count();
        assert_eq!(late, 0);
        assert_eq!(sent.iter().filter(|(_, _, id)| id.uuid().as_u128() == 1_000_001).count(), 7);
        drop(sent);
        one.stop();
    };
    tokio::join!(running, test);
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_of_first_is_waited_for_as_long_as_it_comes() {
    let memory = Memory::with_shards(2);
    for n in 1..=20 {
        memory.endpoint(n, |_| {});
    }
    let (one, running) = Process::new(&memory, |_, _| (QUICK, ok()));
    let test = async {
        one.assign([1]);
        one.holds([1]).await;
        for position in 1..=10 {
            // The store's word comes before the feed's.
            append_unheard(&memory, 1);
            one.feed.head_moved(1, position);
            sleep(Duration::from_millis(20)).await;
            let event = memory.0.rows.borrow().events.last().cloned().unwrap();
            one.feed.offer(&[event]);
            sleep(Duration::from_millis(5)).await;
            assert_eq!(one.sent.borrow().len(), 20 * usize::try_from(position).unwrap());
        }
        assert_eq!(memory.0.rows.borrow().lane_reads, 0);
        // The feed ceases to come: once it is waited for.
        for (position, within) in [(11, 60), (12, 5), (13, 5)] {
            append_unheard(&memory, 1);
            one.feed.head_moved(1, position);
            sleep(Duration::from_millis(within)).await;
            assert_eq!(one.sent.borrow().len(), 20 * usize::try_from(position).unwrap());
        }
        one.stop();
    };
    tokio::join!(running, test);
}

fn append_unheard(memory: &Memory, shard: u16) {
    memory.append_to(shard, &[], &["u1"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_configuration_is_reported_soon_after_it_is_taken_up() {
    let memory = Memory::with_shards(3);
    let (one, running) = Process::new(&memory, |_, _| (QUICK, ok()));
    let test = async {
        one.assign(0..3);
        one.holds(0..3).await;
        for _ in 0..20 {
            sleep(Duration::from_millis(313)).await;
            memory.endpoint(1, |_| {});
            sleep(Duration::from_millis(50)).await;
            let revision = memory.0.catalog.borrow().revision;
            assert_eq!(memory.0.rows.borrow().reported, revision);
        }
        assert!(memory.0.rows.borrow().renewals < 60);
        one.stop();
    };
    tokio::join!(running, test);
}

/// Shards are moved, processes stand still, the store is away, and answers are of all kinds, at random.
async fn anything_goes(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let memory = Memory::with_shards(3);
    memory.endpoint(1, |e| e.retry_schedule = RetrySchedule::new(vec![0; 24]).unwrap());
    let dice = Rc::new(RefCell::new(StdRng::seed_from_u64(seed + 1_000)));
    let faults = Rc::new(Cell::new(true));
    let may_fail = Rc::clone(&faults);
    let answer = move |_, _: &str| {
        let mut dice = dice.borrow_mut();
        let takes = Duration::from_millis(dice.random_range(1..400));
        let fails = may_fail.get() && dice.random_bool(0.1);
        (takes, if fails { status(if dice.random_bool(0.5) { 500 } else { 400 }) } else { ok() })
    };
    let sent = Sent::default();
    let of = || Process::to(Rc::clone(&sent), Settings::default(), &memory, answer.clone(), None);
    let ((one, running_one), (two, running_two)) = (of(), of());
    let both = [&one, &two];
    let test = async {
        one.assign(0..3);
        for _ in 0..60 {
            let shard = random.random_range(0..3);
            append(&memory, shard, both, random.random_range(1..10));
            match random.random_range(0..10) {
                0..4 => {
                    let (a, b): (Vec<u16>, Vec<u16>) = (0..3).partition(|_| random.random_bool(0.5));
                    one.assign(a);
                    two.assign(b);
                }
                // Both think for a while that it is theirs.
                4 => both.iter().for_each(|process| process.assign(0..3)),
                5 => both[random.random_range(0..2)].freeze(),
                6 => memory.0.silent.set(true),
                7 => memory.0.silent.set(false),
                _ => both.iter().for_each(|process| process.thaw()),
            }
            sleep(Duration::from_millis(random.random_range(0..3_000))).await;
        }
        both.iter().for_each(|process| process.thaw());
        memory.0.silent.set(false);
        faults.set(false);
        one.assign([]);
        two.assign(0..3);
        let heads: Vec<u64> = (0..3).map(|shard| memory.0.rows.borrow().head(shard)).collect();
        memory
            .until(|rows| {
                rows.parked.is_empty()
                    && (0..3).filter(|shard| heads[usize::from(*shard)] > 0).all(|shard| {
                        let lane = rows.lanes.get(&(memory.id(1), shard));
                        lane.is_some_and(|lane| lane.frontier == heads[usize::from(shard)])
                    })
            })
            .await;
        one.stop();
        two.stop();
    };
    tokio::join!(running_one, running_two, test);
    let events = memory.0.rows.borrow().events.len();
    assert_eq!(check([&one, &Process::idle()], 1).0, events, "seed {seed}");
}

#[test]
fn whatever_happens_each_event_is_delivered_in_order() {
    for seed in 0..20 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        println!("seed {seed}");
        runtime.unwrap().block_on(anything_goes(seed));
    }
}

#[tokio::test(start_paused = true)]
async fn lanes_are_where_their_scopes_events_are() {
    let memory = Memory::with_shards(4);
    // Of the organization's directories one is in the first shard.
    let organization = memory.directory(4);
    memory.endpoint(1, |e| e.scope = Scope::Directory(Memory::directory_id(6)));
    memory.endpoint(2, |e| e.scope = Scope::Organization(organization));
    let (one, running) = Process::new(&memory, |_, _| (QUICK, ok()));
    let test = async {
        one.assign(0..4);
        one.holds(0..4).await;
        memory.append_directory(4, &one.feed);
        memory.append_directory(6, &one.feed);
        memory.until(|rows| rows.attempts.len() == 2).await;
        // Another one in the third shard, with the first events.
        memory.directory(7);
        memory.append_directory(7, &one.feed);
        memory.until(|rows| rows.attempts.len() == 3).await;
        // A test event goes out though this endpoint has no lane in the first shard.
        let what =
            ManualSendWhat::Test { event_id: EventId::from_uuid(Uuid::from_u128(99)), body: "{}".to_owned() };
        let send = ManualSend { id: 1, endpoint_id: memory.id(1), what };
        memory.0.rows.borrow_mut().manual.push(send);
        memory.0.manual_changes.send_modify(|n| *n += 1);
        memory.until(|rows| rows.manual.is_empty()).await;
        one.stop();
    };
    tokio::join!(running, test);
    assert_eq!(positions(&one.sent, 1), [2_000_001, 99]);
    assert_eq!(positions(&one.sent, 2), [1, 3_000_001]);
    assert_eq!(memory.0.rows.borrow().attempts.len(), 4);
    let mut lanes: Vec<(u128, u16)> =
        memory.0.rows.borrow().lanes.keys().map(|(id, shard)| (id.uuid().as_u128(), *shard)).collect();
    lanes.sort_unstable();
    assert_eq!(lanes, [(1, 2), (2, 0), (2, 3)]);
}
