//! The order model: random histories of events, failures, crashes and restarts through the scheduler,
//! judged by the checker that judges real receivers, which knows the promise and nothing of this crate.
//!
//! Cast: the **log**, random events of a few users and groups; the **receiver**, which accepts, refuses,
//! fails, hangs, or accepts without its answer's arriving, as its dice say; the **script**, which commits
//! events, lets time pass, and kills or stops the dispatcher. At the end the receiver is well, and
//! everything must have arrived or have been given up as the policy says.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall_domain::{
    delivery::ErrorClass,
    endpoint::{OnExhausted, RetrySchedule},
    event::{LoggedEvent, Subject},
};
use rollcall_store::{CommitListener, catalog::EndpointEntry};
use rollcall_stream::Feed;
use rollcall_tests::receiver::checker::{Rules, Sighting, judge};
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};

use crate::{
    Settings,
    attempt::{Answer, Courier, Marks},
    lane::test_event,
    memory::{Memory, feed, ok, status},
    supervisor::{self, Shards},
};

/// What happens while there are events to send.
#[derive(Clone, Debug)]
enum Step {
    /// So many further events are committed.
    Commit(usize),
    /// So many milliseconds pass.
    Pass(u64),
    /// The dispatcher is killed, and another one starts.
    Kill,
    /// The dispatcher is stopped in order, within so many milliseconds, and another one starts.
    Stop(u64),
    /// The receiver is down altogether, or up again.
    Down(bool),
}

/// What the receiver remembers, over all lives of the dispatcher.
#[derive(Default)]
struct Receiver {
    log: RefCell<Vec<Sighting>>,
    events: RefCell<HashMap<String, Arc<LoggedEvent>>>,
    /// Attempts that failed, by event.
    failures: RefCell<HashMap<String, u32>>,
    /// Events that others stood for.
    replaced: RefCell<HashSet<u64>>,
    tick: Cell<u64>,
    life: Cell<u32>,
    is_well: Cell<bool>,
    is_down: Cell<bool>,
    /// The sender took for a failure what was accepted.
    lost_answers: Cell<bool>,
}

impl Receiver {
    fn tick(&self) -> u64 {
        self.tick.set(self.tick.get() + 1);
        self.tick.get()
    }
}

/// The courier to the receiver.
struct Dice {
    receiver: Rc<Receiver>,
    random: RefCell<StdRng>,
}

impl Courier for Dice {
    type Target = ();

    fn target(&self, _: &EndpointEntry) {}

    fn accepts(&self, (): &()) -> bool {
        true
    }

    async fn send(&self, (): &(), id: &str, body: Bytes, marks: &Marks) -> Answer {
        let receiver = &self.receiver;
        let event = Arc::clone(&receiver.events.borrow()[id]);
        let at = receiver.log.borrow().len();
        receiver.log.borrow_mut().push(Sighting {
            arrived: receiver.tick(),
            accepted: None,
            epoch: receiver.life.get(),
            id: id.to_owned(),
            kind: event.kind.as_str().to_owned(),
            directory: event.directory_id.to_string(),
            sequence: event.sequence,
            subject: event.subject.id.to_string(),
            version: event.subject.version,
            group: event.group_id.as_ref().map(ToString::to_string),
            body,
        });
        receiver.replaced.borrow_mut().extend(&marks.replaces);
        let (wait, roll, after) = {
            let mut random = self.random.borrow_mut();
            (random.random_range(1..60), random.random_range(0..100), random.random_range(0..30))
        };
        sleep(Duration::from_millis(wait)).await;
        let accept = || receiver.log.borrow_mut()[at].accepted = Some(receiver.tick());
        let answer = match roll {
            _ if receiver.is_well.get() => ok(),
            _ if receiver.is_down.get() => {
                Answer { error: Some(ErrorClass::Connect), detail: Some("down".into()), ..Answer::default() }
            }
            0..60 => ok(),
            60..70 => status(422),
            70..80 => status(500),
            80..84 => status(429),
            84..88 => Answer { retry_after: Some(Duration::from_secs(2)), ..status(503) },
            88..92 => {
                sleep(Duration::from_secs(15)).await;
                Answer { error: Some(ErrorClass::Timeout), ..Answer::default() }
            }
            // It accepts, and the answer is lost on its way.
            92..96 => {
                accept();
                receiver.lost_answers.set(true);
                Answer { error: Some(ErrorClass::Connect), ..Answer::default() }
            }
            _ => Answer { error: Some(ErrorClass::Tls), ..Answer::default() },
        };
        if answer.error.is_none() {
            accept();
            sleep(Duration::from_millis(after)).await;
        } else {
            *receiver.failures.borrow_mut().entry(id.to_owned()).or_default() += 1;
        }
        answer
    }
}

/// Events of the texts, with the versions of their subjects.
fn log(texts: &[String]) -> Vec<Arc<LoggedEvent>> {
    let mut versions: HashMap<Box<str>, u64> = HashMap::new();
    (1..)
        .zip(texts)
        .map(|(position, text)| {
            let event = test_event(position, text);
            let version = versions.entry(event.subject.id.clone()).or_default();
            *version += 1;
            let subject = Subject { version: *version, ..event.subject.clone() };
            Arc::new(LoggedEvent { subject, ..LoggedEvent::clone(&event) })
        })
        .collect()
}

/// One life of the dispatcher.
struct Life {
    feed: Arc<Feed>,
    stop: oneshot::Sender<Duration>,
    task: tokio::task::JoinHandle<()>,
}

fn start(memory: &Memory, receiver: &Rc<Receiver>, seed: u64) -> Life {
    receiver.life.set(receiver.life.get() + 1);
    let courier = Dice {
        receiver: Rc::clone(receiver),
        random: RefCell::new(StdRng::seed_from_u64(seed + u64::from(receiver.life.get()))),
    };
    let (feed, (stop, stopped)) = (feed(), oneshot::channel());
    let shown = watch::Sender::new(Shards::default());
    let run = supervisor::run(
        Settings::default(),
        memory.clone(),
        Arc::clone(&feed),
        courier,
        None,
        shown,
        stopped,
    );
    Life { feed, stop, task: tokio::task::spawn_local(run) }
}

async fn play(
    texts: &[String],
    steps: &[Step],
    seed: u64,
    schedule: Vec<u32>,
    on_exhausted: OnExhausted,
) -> Result<(), TestCaseError> {
    let patience = u32::try_from(schedule.len()).unwrap();
    let (memory, receiver) = (Memory::new(), Rc::<Receiver>::default());
    let endpoint = memory.endpoint(1, |e| {
        e.retry_schedule = RetrySchedule::new(schedule).unwrap();
        e.on_exhausted = on_exhausted;
    });
    let log = log(texts);
    let by_id = log.iter().map(|event| (event.id.to_string(), Arc::clone(event)));
    receiver.events.borrow_mut().extend(by_id);
    let mut committed = 0;
    let commit = |life: &Life, committed: &mut usize, count: usize| {
        let end = log.len().min(*committed + count);
        let events = log[*committed..end].to_vec();
        memory.0.rows.borrow_mut().events.extend(events.iter().cloned());
        life.feed.committed(&events);
        *committed = end;
    };
    let mut life = start(&memory, &receiver, seed);
    for step in steps {
        match step {
            Step::Commit(count) => commit(&life, &mut committed, *count),
            Step::Pass(millis) => sleep(Duration::from_millis(*millis)).await,
            Step::Kill => {
                life.task.abort();
                let _ = life.task.await;
                life = start(&memory, &receiver, seed);
            }
            Step::Stop(millis) => {
                let _ = life.stop.send(Duration::from_millis(*millis));
                let _ = life.task.await;
                life = start(&memory, &receiver, seed);
            }
            Step::Down(down) => receiver.is_down.set(*down),
        }
    }
    receiver.is_well.set(true);
    commit(&life, &mut committed, log.len());
    let end = log.len() as u64;
    let arrived = memory.until(|rows| {
        rows.lanes.get(&(endpoint.clone(), 0)).is_some_and(|lane| lane.frontier == end)
            && rows.parked.is_empty()
    });
    let in_time = timeout(Duration::from_secs(24 * 3_600), arrived).await.is_ok();
    life.task.abort();
    let failures = receiver.failures.borrow();
    let rows = memory.0.rows.borrow();
    let given_up: HashSet<u64> = rows.dead.iter().map(|(position, _)| *position).collect();
    let excused: HashSet<String> = log
        .iter()
        .filter(|event| {
            given_up.contains(&event.position)
                || rows.replaced.contains(&event.position)
                || receiver.replaced.borrow().contains(&event.sequence)
                // A crash may have made the dispatcher forget that it had given it up.
                || failures.get(event.id.as_str()).is_some_and(|failed| *failed >= patience)
        })
        .map(|event| event.id.to_string())
        .collect();
    let sightings = receiver.log.borrow();
    // What others stand for is never seen.
    let complete = on_exhausted != OnExhausted::Coalesce;
    let unseen_failures = receiver.lost_answers.get();
    let rules = Rules { complete, excused: excused.clone(), unseen_failures, ..Rules::default() };
    let verdict = judge(&sightings, &rules);
    prop_assert!(verdict.problems.is_empty(), "{:#?}", verdict.problems);
    let accepted: HashSet<&str> =
        sightings.iter().filter(|seen| seen.accepted.is_some()).map(|seen| seen.id.as_str()).collect();
    let lost: Vec<u64> = log
        .iter()
        .filter(|event| !accepted.contains(event.id.as_str()) && !excused.contains(event.id.as_str()))
        .map(|event| event.position)
        .collect();
    prop_assert!(lost.is_empty() && in_time, "lost: {lost:?}, all settled in a day: {in_time}");
    Ok(())
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    let one = (0..12_u8, 0..5_u8, 0..3_u8).prop_map(|(what, user, group)| match what {
        0..=2 => format!("u{user}"),
        3 => format!("u{user}!"),
        4 | 5 => format!("u{user}+g{group}"),
        6 => format!("u{user}-g{group}"),
        7 | 8 => format!("g{group}"),
        9 => format!("g{group}!"),
        _ => format!("g{group}+g{}", group + 3),
    });
    prop::collection::vec(one, 1..80)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..12_usize).prop_map(Step::Commit),
        6 => (1..4_000_u64).prop_map(Step::Pass),
        1 => (5_000..90_000_u64).prop_map(Step::Pass),
        2 => Just(Step::Kill),
        1 => (0..500_u64).prop_map(Step::Stop),
        1 => any::<bool>().prop_map(Step::Down),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_the_order_holds_whatever_happens(
        texts in texts(),
        steps in steps(),
        seed in any::<u32>(),
        schedule in prop_oneof![Just(vec![0, 1, 2]), Just(vec![0, 0, 1, 1, 5, 60]), Just(vec![0, 2, 2, 2, 2, 2, 2, 2, 2, 2])],
        on_exhausted in prop_oneof![Just(OnExhausted::DeadLetter), Just(OnExhausted::Coalesce)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, play(&texts, &steps, seed.into(), schedule, on_exhausted))?;
    }
}
