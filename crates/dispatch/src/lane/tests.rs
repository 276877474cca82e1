//! The lane's rules as tables, and a machine of random histories judged by a checker that knows
//! the promise of order and nothing of the lane.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rollcall_domain::{
    delivery::ErrorClass,
    endpoint::{OnExhausted, RetrySchedule},
    event::{EventType, LoggedEvent, Subject, SubjectKind},
    ids::{DirectoryId, EndpointId, EventId, GroupId, OrganizationId, UserId},
};
use rollcall_store::ledger::{LaneRecord, ParkedRecord, ProgressBatch};
use uuid::Uuid;

use super::{BreakerState, Fault, Finished, GivenUp, Lane, Policy, Verdict};

fn uuid(n: u64) -> Uuid {
    Uuid::from_u128(n.into())
}

/// `u1` is a user, `g1` a group, `e1` an endpoint, `d` the directory.
fn id_of(name: &str) -> (SubjectKind, Box<str>) {
    let n = name[1..].parse().unwrap_or(0);
    match name.as_bytes()[0] {
        b'u' => (SubjectKind::User, UserId::from_uuid(uuid(n)).as_str().into()),
        b'e' => (SubjectKind::Endpoint, EndpointId::from_uuid(uuid(n)).as_str().into()),
        b'g' => (SubjectKind::Group, GroupId::from_uuid(uuid(n)).as_str().into()),
        _ => (SubjectKind::Directory, DirectoryId::from_uuid(uuid(0)).as_str().into()),
    }
}

/// `"u1+g1"`, `"u1-g1"`, `"g1!"` (deleted), `"u1!"` (deleted), `"d!"`, else updated.
pub(crate) fn event(position: u64, text: &str) -> Arc<LoggedEvent> {
    let (subject, rest) = text.split_at(text.find(['+', '-', '!']).unwrap_or(text.len()));
    let (kind, id) = id_of(subject);
    let event_kind = match (rest.chars().next(), kind) {
        (Some('+'), _) => EventType::MemberAdded,
        (Some('-'), _) => EventType::MemberRemoved,
        (Some(_), SubjectKind::User) => EventType::UserDeleted,
        (Some(_), SubjectKind::Group) => EventType::GroupDeleted,
        (Some(_), SubjectKind::Directory) => EventType::DirectoryDeleted,
        (Some(_), SubjectKind::Endpoint) => EventType::EndpointDisabled,
        (None, SubjectKind::Endpoint) => EventType::EndpointFailing,
        (None, SubjectKind::User) => EventType::UserUpdated,
        (None, SubjectKind::Group) => EventType::GroupUpdated,
        (None, SubjectKind::Directory) => EventType::DirectoryActivated,
    };
    let group = rest.get(1..).filter(|g| !g.is_empty()).and_then(|g| GroupId::parse(&id_of(g).1));
    Arc::new(LoggedEvent {
        shard: 0,
        position,
        id: EventId::from_uuid(uuid(position)),
        kind: event_kind,
        organization_id: OrganizationId::from_uuid(uuid(1)),
        directory_id: DirectoryId::from_uuid(uuid(0)),
        sequence: position,
        subject: Subject { kind, id, version: 1 },
        group_id: group,
        sandbox: false,
        timestamp: Timestamp::UNIX_EPOCH,
        body: "{}".into(),
    })
}

fn policy(waits: &[u32]) -> Policy {
    Policy {
        schedule: RetrySchedule::new(waits.to_vec()).unwrap(),
        on_exhausted: OnExhausted::DeadLetter,
        max_parked: 10_000,
    }
}

fn endpoint() -> EndpointId {
    EndpointId::from_uuid(uuid(1))
}

const MESSAGE: Verdict = Verdict::Failed { fault: Fault::Message, retry_after: None, too_much: false };
const ENDPOINT: Verdict = Verdict::Failed { fault: Fault::Endpoint, retry_after: None, too_much: false };

/// A lane with its log and its saved rows.
struct World {
    lane: Lane,
    policy: Policy,
    log: Vec<Arc<LoggedEvent>>,
    now: Timestamp,
    saved: Option<LaneRecord>,
    rows: BTreeMap<String, ParkedRecord>,
    /// So many events are admitted before something else happens.
    stride: usize,
    /// So many events of a backlog are read at a time.
    read_limit: usize,
    /// What was given up without another attempt: the position, and what stands for it.
    given_up: Vec<(u64, Option<u64>)>,
}

impl World {
    fn new(waits: &[u32], events: &[&str]) -> Self {
        let log = (1..).zip(events).map(|(position, text)| event(position, text)).collect();
        let mut world = Self {
            lane: Lane::new(endpoint(), 0, 0, policy(waits)),
            policy: policy(waits),
            log,
            now: Timestamp::from_second(1_000_000).unwrap(),
            saved: None,
            rows: BTreeMap::new(),
            stride: usize::MAX,
            read_limit: 2,
            given_up: Vec::new(),
        };
        world.pump();
        world
    }

    fn caught_up(&self) -> bool {
        self.lane.scan() >= self.log.len() as u64
    }

    /// Admits what there is room for and answers reads.
    fn pump(&mut self) {
        let mut left = self.stride;
        loop {
            let mut moved = false;
            while left > 0 && self.lane.room() > 0 && !self.caught_up() {
                left -= 1;
                let at = usize::try_from(self.lane.scan()).unwrap();
                let next = Arc::clone(&self.log[at]);
                moved |= self.lane.admit(&next, self.now);
            }
            while let Some(read) = self.lane.next_read() {
                moved = true;
                let wanted: Vec<_> = self
                    .log
                    .iter()
                    .filter(|e| {
                        *e.subject.id == *read.subject && (read.from..=read.up_to).contains(&e.position)
                    })
                    .take(self.read_limit)
                    .cloned()
                    .collect();
                let full = wanted.len() == self.read_limit;
                let read_to = wanted.last().filter(|_| full).map_or(read.up_to, |last| last.position);
                self.lane.backlog(&read, wanted, read_to, self.now);
            }
            self.given_up.extend(self.lane.take_given_up().into_iter().map(|given_up| match given_up {
                GivenUp::Dead { event, .. } => (event.position, None),
                GivenUp::Replaced { event, by } => (event.position, Some(by)),
            }));
            if !moved {
                return;
            }
        }
    }

    fn next(&mut self) -> Option<u64> {
        self.pump();
        let caught_up = self.caught_up();
        self.lane.next(caught_up).map(|s| s.event.position)
    }

    fn send_all(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn finish(&mut self, position: u64, verdict: Verdict) -> Finished {
        let finished = self.lane.finish(position, verdict, self.now, 0.0);
        self.pump();
        finished
    }

    fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        self.lane.tick(self.now);
        self.pump();
    }

    fn save(&mut self) {
        let mut batch = ProgressBatch::default();
        self.lane.progress(&mut batch);
        if let Some(lane) = batch.lanes.pop() {
            self.saved = Some(lane);
        }
        for row in batch.parked {
            self.rows.insert(row.subject_id.clone(), row);
        }
        for (_, _, subject) in batch.unparked {
            self.rows.remove(&subject);
        }
    }

    fn crash(&mut self) {
        let policy = self.policy.clone();
        self.lane = match self.saved.clone() {
            Some(record) => Lane::restore(record, self.rows.values().cloned().collect(), policy, self.now),
            None => Lane::new(endpoint(), 0, 0, policy),
        };
        self.lane.tick(self.now);
    }
}

#[test]
fn who_waits_for_whom() {
    for (events, first) in [
        // One at a time for a subject, all subjects at a time.
        (vec!["u1", "u1", "u2", "g1", "g1"], vec![1, 3, 4]),
        // Members of one group do not wait for each other.
        (vec!["u1+g1", "u2+g1", "u3-g1"], vec![3, 1, 2]),
        // A membership waits for its group's own earlier events, not for another group's.
        (vec!["g1", "u1+g1", "u2+g2", "u3"], vec![1, 3, 4]),
        // ... and not for later ones, nor do the group's updates wait for memberships.
        (vec!["u1+g1", "g1", "u2"], vec![1, 2, 3]),
        // A group's deletion waits for its earlier memberships.
        (vec!["u1+g1", "u2+g2", "g1!"], vec![1, 2]),
        // A directory's deletion waits for all before it.
        (vec!["u1", "g1", "d!"], vec![1, 2]),
        // Revoking events go first.
        (vec!["u1", "u2!", "u3+g1", "u4-g1"], vec![2, 4, 1, 3]),
    ] {
        let mut world = World::new(&[0, 1], &events);
        assert_eq!(world.send_all(), first, "{events:?}");
    }
}

#[test]
fn settling_lets_the_next_go() {
    let mut world = World::new(&[0, 1], &["g1", "u1+g1", "u2+g1", "g1!"]);
    assert_eq!(world.send_all(), [1]);
    world.finish(1, Verdict::Delivered);
    assert_eq!(world.send_all(), [2, 3]);
    world.finish(3, Verdict::Delivered);
    assert_eq!((world.send_all(), world.lane.frontier()), (vec![], 1));
    world.finish(2, Verdict::Delivered);
    assert_eq!((world.send_all(), world.lane.frontier()), (vec![4], 3));
    world.finish(4, Verdict::Delivered);
    assert_eq!(world.lane.frontier(), 4);
}

#[test]
fn a_failure_parks_its_subject_and_the_frontier_moves_on() {
    let mut world = World::new(&[0, 5, 5], &["u1", "u1", "u2", "u1+g1", "g1!"]);
    assert_eq!(world.send_all(), [1, 3]);
    assert_eq!(world.finish(1, MESSAGE), Finished::Parked);
    world.finish(3, Verdict::Delivered);
    assert_eq!(world.send_all(), [5], "a parked user does not hold up its group's deletion");
    world.finish(5, Verdict::Delivered);
    assert_eq!((world.lane.frontier(), world.lane.parked_len()), (5, 1));
    world.pass(4);
    assert_eq!(world.next(), None);
    world.pass(1);
    for position in [1, 2, 4] {
        assert_eq!(world.next(), Some(position));
        assert_eq!(world.next(), None);
        world.finish(position, Verdict::Delivered);
    }
    assert_eq!(world.lane.parked_len(), 0);
}

#[test]
fn memberships_wait_for_a_parked_group_and_its_deletion_for_them() {
    let mut world = World::new(&[0, 5, 5], &["g1", "u1+g1", "u2", "g1!", "u1"]);
    assert_eq!(world.send_all(), [1, 3]);
    world.finish(1, MESSAGE);
    world.finish(3, Verdict::Delivered);
    assert_eq!((world.send_all(), world.lane.parked_len(), world.lane.frontier()), (vec![], 2, 5));
    world.save();
    world.crash();
    world.pass(5);
    assert_eq!(world.send_all(), [1]);
    world.finish(1, Verdict::Delivered);
    assert_eq!(world.send_all(), [2]);
    world.finish(2, Verdict::Delivered);
    let mut both = world.send_all();
    both.sort_unstable();
    assert_eq!(both, [4, 5]);
}

#[test]
fn the_last_attempt_makes_a_dead_letter_or_blocks() {
    let mut world = World::new(&[0, 1], &["u1", "u1"]);
    assert_eq!(world.next(), Some(1));
    assert_eq!(world.finish(1, MESSAGE), Finished::Parked);
    world.pass(1);
    assert_eq!(world.next(), Some(1));
    assert_eq!(world.finish(1, MESSAGE), Finished::Dead { attempts: 2 });
    assert_eq!(world.next(), Some(2));

    let mut world = World::new(&[0], &["u1", "u1", "u2"]);
    world.lane.set_policy(Policy { on_exhausted: OnExhausted::Block, ..policy(&[0]) });
    assert_eq!(world.send_all(), [1, 3]);
    assert_eq!(world.finish(1, MESSAGE), Finished::Blocked);
    world.finish(3, Verdict::Delivered);
    world.pass(1_000_000);
    assert_eq!((world.next(), world.lane.frontier()), (None, 3));
    let subject = world.log[0].subject.id.clone();
    world.lane.settled_by_hand(&subject, 1, world.now);
    assert_eq!(world.next(), Some(2));
}

#[test]
fn the_last_attempt_has_the_latest_state_sent_instead() {
    let coalesce = |waits: &[u32]| Policy { on_exhausted: OnExhausted::Coalesce, ..policy(waits) };
    let world = |events: &[&str]| {
        let mut world = World::new(&[0, 1], &[]);
        world.policy = coalesce(&[0, 1]);
        world.lane.set_policy(world.policy.clone());
        world.log = (1..).zip(events).map(|(position, text)| event(position, text)).collect();
        world.read_limit = 64;
        world
    };
    let mut first = world(&["u1", "u1+g1", "u1", "u2", "u1-g1"]);
    let world_ = &mut first;
    assert_eq!(world_.send_all(), [1, 4]);
    assert_eq!(world_.finish(1, MESSAGE), Finished::Parked);
    world_.finish(4, Verdict::Delivered);
    world_.pass(1);
    assert_eq!(world_.next(), Some(1));
    assert_eq!(world_.finish(1, MESSAGE), Finished::Exhausted);
    assert_eq!(world_.given_up, [(1, Some(3)), (2, Some(3))]);
    let sending = world_.lane.next(true).unwrap();
    assert_eq!((sending.event.position, sending.number, sending.replaces), (3, 1, vec![1, 2]));
    // It is known after a restart, and says so again.
    assert_eq!(world_.finish(3, MESSAGE), Finished::Parked);
    world_.save();
    world_.crash();
    world_.pass(1);
    let sending = world_.lane.next(true).unwrap();
    assert_eq!((sending.event.position, sending.number, sending.replaces), (3, 2, vec![1, 2]));
    world_.finish(3, Verdict::Delivered);
    let sending = world_.lane.next(true).unwrap();
    assert_eq!((sending.event.position, sending.replaces.len()), (5, 0), "it stands for nothing");
    // A membership has no whole state after it: a dead letter.
    world_.finish(5, MESSAGE);
    world_.pass(1);
    assert_eq!(world_.next(), Some(5));
    assert_eq!(world_.finish(5, MESSAGE), Finished::Exhausted);
    assert_eq!(world_.given_up.last(), Some(&(5, None)));
    assert_eq!((world_.lane.parked_len(), world_.lane.frontier()), (0, 5));

    // What stands for others and is exhausted in turn is replaced with them.
    let mut world = world(&["u1", "u1"]);
    for _ in 0..2 {
        let position = world.next().unwrap();
        world.finish(position, MESSAGE);
        world.pass(1);
    }
    let position = world.next().unwrap();
    world.log.push(event(3, "u1!"));
    world.pump();
    world.finish(position, MESSAGE);
    world.pass(1);
    let position = world.next().unwrap();
    world.finish(position, MESSAGE);
    let sending = world.lane.next(true).unwrap();
    assert_eq!((sending.event.position, sending.replaces), (3, vec![1, 2]));
}

#[test]
fn an_open_breaker_lets_go_of_everything_and_probes_with_the_oldest() {
    let texts: Vec<String> = (0..40).map(|n| format!("u{n}")).collect();
    let events: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut world = World::new(&[0, 10, 20, 30], &events);
    let sent = world.send_all();
    assert_eq!(sent.len(), 8);
    for position in &sent[..7] {
        world.finish(*position, ENDPOINT);
    }
    assert!(matches!(world.lane.breaker(), BreakerState::Open { .. }));
    assert_eq!((world.next(), world.lane.room()), (None, 0));
    world.finish(8, Verdict::Delivered);
    assert_eq!(world.next(), None, "a straggler closes nothing");
    world.pass(10);
    assert_eq!(world.send_all(), [1]);
    assert_eq!(world.finish(1, ENDPOINT), Finished::Parked);
    world.pass(9);
    assert_eq!(world.next(), None);
    world.pass(1);
    assert_eq!(world.send_all(), [2], "1 is not due again: its attempts are not used up by probing");
    world.finish(2, Verdict::Delivered);
    let mut order = vec![];
    let mut batch = world.send_all();
    assert_eq!(batch, [1], "it begins with one");
    while !batch.is_empty() {
        for position in batch {
            world.finish(position, Verdict::Delivered);
            order.push(position);
        }
        batch = world.send_all();
    }
    order.sort_unstable();
    let expected: Vec<u64> = (1..=40).filter(|p| ![2, 8].contains(p)).collect();
    assert_eq!(order, expected, "each once, 8 not again");
    assert_eq!(world.lane.frontier(), 40);
}

/// What of the failure scopes a class of failure has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// The breaker opens; `less`: and fewer are sent at a time afterwards.
    Endpoint { less: bool },
    /// Only the subjects wait.
    Message,
    /// The endpoint is not sent to, and each event keeps its place.
    Fatal,
}

#[test]
fn each_class_of_failure_has_its_scope() {
    use ErrorClass as C;
    let (all, less, message) =
        (Effect::Endpoint { less: false }, Effect::Endpoint { less: true }, Effect::Message);
    for (class, status, expected) in [
        (C::Dns, None, all),
        (C::Connect, None, all),
        (C::Tls, None, all),
        (C::Protocol, None, all),
        (C::Protocol, Some(200), all),
        (C::Timeout, None, less),
        (C::Timeout, Some(200), less),
        (C::Status, Some(301), all),
        (C::Status, Some(307), all),
        (C::Status, Some(408), all),
        (C::Status, Some(429), less),
        (C::Status, Some(500), all),
        (C::Status, Some(502), all),
        (C::Status, Some(503), less),
        (C::Status, Some(504), all),
        (C::Status, Some(400), message),
        (C::Status, Some(401), message),
        (C::Status, Some(403), message),
        (C::Status, Some(404), message),
        (C::Status, Some(409), message),
        (C::Status, Some(413), message),
        (C::Status, Some(422), message),
        (C::Status, Some(410), Effect::Fatal),
        (C::BlockedAddress, None, Effect::Fatal),
    ] {
        let name = format!("{class:?} {status:?}");
        let verdict = Verdict::of(status, Some(class), None);
        let mut world =
            World::new(&[0, 10, 10], &["u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10"]);
        assert_eq!(world.send_all().len(), 8);
        let limit = world.lane.limit.current();
        let finished: Vec<Finished> = (1..=5).map(|position| world.finish(position, verdict)).collect();
        let open = matches!(world.lane.breaker(), BreakerState::Open { .. });
        let found = match (open, world.lane.parked_len()) {
            (true, 5) => Effect::Endpoint { less: world.lane.limit.current() < limit },
            (false, 5) => Effect::Message,
            (false, 0) if finished == [Finished::Kept; 5] => Effect::Fatal,
            other => panic!("{name}: {other:?} {finished:?}"),
        };
        assert_eq!(found, expected, "{name}");
        let next = world.next();
        match expected {
            Effect::Endpoint { .. } => assert_eq!(next, None, "{name}"),
            Effect::Message => assert_eq!(next, Some(9), "{name}: the others go on"),
            Effect::Fatal => assert_eq!(world.lane.frontier(), 0, "{name}"),
        }
    }
}

#[test]
fn what_the_endpoint_asks_for_lengthens_a_wait_within_bounds() {
    const DAY: u64 = 24 * 3_600;
    let waits = |schedule: u32, asked: Option<u64>| {
        let asked = asked.map(Duration::from_secs);
        [-1.0, 0.0, 1.0].map(|jitter| super::wait(schedule, asked, jitter).as_secs_f64())
    };
    for (schedule, asked, expected) in [
        (10, None, [8.0, 10.0, 12.0]),
        // It is never sooner than the schedule, and never sooner than a second.
        (10, Some(5), [8.0, 10.0, 12.0]),
        (0, Some(0), [1.0, 1.0, 1.0]),
        (10, Some(11), [11.0, 11.0, 12.0]),
        (10, Some(3_600), [3_600.0; 3]),
        // Nor later than a day, whatever is asked.
        (10, Some(DAY + 1), [DAY as f64; 3]),
        (10, Some(u64::MAX), [DAY as f64; 3]),
    ] {
        assert_eq!(waits(schedule, asked), expected, "{schedule} {asked:?}");
    }
    // Both the subject and the breaker wait for it.
    let asks = |seconds| Verdict::of(Some(503), Some(ErrorClass::Status), Some(Duration::from_secs(seconds)));
    let mut world = World::new(&[0, 10, 10], &["u1", "u2", "u3", "u4", "u5"]);
    for position in world.send_all() {
        world.finish(position, asks(60));
    }
    world.pass(59);
    assert_eq!(world.next(), None);
    world.pass(1);
    assert_eq!(world.next(), Some(1));
}

#[test]
fn a_straggler_that_fails_is_no_failed_probe() {
    let mut world = World::new(&[0, 10, 1_000], &["u1", "u2", "u3", "u4", "u5", "u6", "u7"]);
    let sent = world.send_all();
    for position in &sent[..5] {
        world.finish(*position, ENDPOINT);
    }
    world.pass(10);
    assert!(matches!(world.lane.breaker(), BreakerState::HalfOpen { .. }));
    assert_eq!(world.next(), None, "no probe beside those under way");
    world.finish(6, ENDPOINT);
    world.finish(7, ENDPOINT);
    assert!(matches!(world.lane.breaker(), BreakerState::HalfOpen { .. }));
    assert_eq!(world.send_all(), [1], "now the probe");
    world.finish(1, ENDPOINT);
    assert!(matches!(world.lane.breaker(), BreakerState::Open { .. }));
}

#[test]
fn a_probe_that_has_nothing_to_send_is_followed_by_another_at_once() {
    let mut world = World::new(&[0, 10, 1_000], &["u1", "u2", "u3", "u4", "u5"]);
    for position in world.send_all() {
        world.finish(position, ENDPOINT);
    }
    world.now = world.now.checked_add(SignedDuration::from_secs(10)).unwrap();
    world.lane.tick(world.now);
    let read = world.lane.next_read().unwrap();
    assert_eq!((read.from, world.lane.next_read()), (1, None));
    // Its endpoint does not want these any more.
    world.lane.backlog(&read, Vec::new(), read.up_to, world.now);
    assert_eq!(world.send_all(), [2]);
}

#[test]
fn two_failures_in_a_week_say_nothing_of_the_endpoint() {
    let week = 7 * 24 * 3_600;
    let mut world = World::new(&[0, week], &["u1", "u2", "u3", "u4", "u5"]);
    let sent = world.send_all();
    let since = world.now;
    for (failed, position) in (1..).zip(sent) {
        assert_eq!(world.lane.failing_since(), None, "{failed}");
        world.finish(position, MESSAGE);
    }
    assert_eq!(world.lane.failing_since(), Some(since));
    world.pass(week.into());
    let next = world.next().unwrap();
    world.finish(next, Verdict::Delivered);
    assert_eq!(world.lane.failing_since(), None);
}

#[test]
fn too_many_parked_subjects_stop_the_admission_and_lose_nothing() {
    let mut world = World::new(&[0, 5], &["u1", "u2", "u3", "u4"]);
    world.lane.set_policy(Policy { max_parked: 2, ..policy(&[0, 5]) });
    for position in world.send_all() {
        world.finish(position, MESSAGE);
    }
    assert_eq!(world.lane.room(), 0);
    world.log.push(event(5, "u5"));
    assert_eq!(world.next(), None);
    world.pass(5);
    for position in world.send_all() {
        world.finish(position, Verdict::Delivered);
    }
    assert_eq!(world.next(), Some(5));
}

#[test]
fn much_that_is_settled_above_the_frontier_does_not_stop_the_lane() {
    let texts: Vec<String> = (0..400).map(|n| format!("u{n}")).collect();
    let events: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut world = World::new(&[0, 5], &events);
    assert_eq!(world.next(), Some(1), "and it hangs");
    while let Some(position) = world.next() {
        if position > 300 {
            break;
        }
        world.finish(position, Verdict::Delivered);
    }
    world.save();
    assert!(world.saved.as_ref().is_some_and(|lane| lane.frontier == 0 && lane.settled_above.len() > 200));
    // A restart, and then a pause: both begin with a small window.
    world.crash();
    assert_eq!(world.next(), Some(1));
    world.lane.retreat();
    world.finish(1, Verdict::Delivered);
    assert!(world.lane.frontier() > 200);
}

#[test]
fn a_parked_subject_does_not_overtake_what_the_scan_has_yet_to_reach() {
    let events = ["u1", "g1", "u3", "u3", "g1", "u1+g1", "u5", "u6", "u7", "u8"];
    let mut world = World::new(&[0, 10, 20, 30], &events);
    assert_eq!(world.send_all(), [1, 2, 3, 7, 8, 9, 10]);
    for position in [1, 7, 8, 9, 10] {
        world.finish(position, ENDPOINT);
    }
    assert!(matches!(world.lane.breaker(), BreakerState::Open { .. }));
    world.finish(2, Verdict::Delivered);
    world.finish(3, Verdict::Delivered);
    world.pass(10);
    assert_eq!(world.send_all(), [1]);
    world.finish(1, Verdict::Delivered);
    let mut settled = vec![];
    while let Some(position) = world.next() {
        let others = world.send_all();
        assert!(position != 5 || !others.contains(&6), "6 overtakes 5");
        for position in [position].into_iter().chain(others) {
            world.finish(position, Verdict::Delivered);
            settled.push(position);
        }
    }
    settled.sort_unstable();
    assert_eq!(settled, [4, 5, 6, 7, 8, 9, 10]);

    // The same after a restart that finds a group and its member parked beyond the frontier.
    let mut world = World::new(&[0, 5, 5], &["u2", "g1", "g1", "u1+g1"]);
    assert_eq!(world.send_all(), [1, 2]);
    world.finish(2, MESSAGE);
    world.save();
    world.crash();
    assert_eq!((world.lane.frontier(), world.lane.parked_len()), (0, 2));
    let log = std::mem::take(&mut world.log);
    let answer = |world: &mut World| {
        while let Some(read) = world.lane.next_read() {
            let wanted = |e: &&Arc<LoggedEvent>| {
                *e.subject.id == *read.subject && (read.from..=read.up_to).contains(&e.position)
            };
            world.lane.backlog(&read, log.iter().filter(wanted).cloned().collect(), read.up_to, world.now);
        }
    };
    world.now = world.now.checked_add(SignedDuration::from_secs(5)).unwrap();
    world.lane.tick(world.now);
    answer(&mut world);
    assert!(world.lane.next(false).is_none(), "2 waits until the scan has come by");
    for event in &log {
        world.lane.admit(event, world.now);
    }
    answer(&mut world);
    let mut order = vec![];
    loop {
        let sent: Vec<u64> = std::iter::from_fn(|| world.lane.next(true)).map(|s| s.event.position).collect();
        if sent.is_empty() {
            break;
        }
        for position in &sent {
            world.lane.finish(*position, Verdict::Delivered, world.now, 0.0);
        }
        answer(&mut world);
        order.push(sent);
    }
    assert_eq!(order, [vec![1, 2], vec![3], vec![4]]);
}

#[test]
fn a_thousand_members_park_behind_their_group_on_a_small_stack() {
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let test = || {
        let texts: Vec<String> =
            ["g0".to_owned()].into_iter().chain((0..1000).map(|n| format!("u{n}+g0"))).collect();
        let events: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut world = World::new(&[0, 5], &[]);
        world.lane.window_size = super::MAX_WINDOW;
        world.log = (1..).zip(events).map(|(position, text)| event(position, text)).collect();
        assert_eq!(world.send_all(), [1]);
        world.finish(1, MESSAGE);
        assert_eq!((world.lane.parked_len(), world.lane.frontier()), (1001, 1001));
    };
    small.spawn(test).unwrap().join().unwrap();
}

/// Judges a history of sends and settlements by the promise of order alone.
struct Checker {
    log: Vec<Arc<LoggedEvent>>,
    settled: Vec<bool>,
    settled_in_epoch: Vec<bool>,
    sent_in_epoch: Vec<bool>,
    in_flight: Vec<bool>,
    /// Its last attempt failed.
    failed: Vec<bool>,
    /// It was, at some time, behind a failure: nobody has to wait for it.
    excused: Vec<bool>,
}

impl Checker {
    fn new(log: &[Arc<LoggedEvent>]) -> Self {
        let no = vec![false; log.len()];
        Self {
            log: log.to_vec(),
            settled: no.clone(),
            settled_in_epoch: no.clone(),
            sent_in_epoch: no.clone(),
            in_flight: no.clone(),
            failed: no.clone(),
            excused: no,
        }
    }

    fn own_of(&self, i: usize, before: usize) -> bool {
        let group = self.log[before].group_id.as_ref();
        group.is_some_and(|g| *g.as_str() == *self.log[i].subject.id)
    }

    fn excuse(&mut self) {
        let mut blocked: Vec<bool> = Vec::new();
        for i in 0..self.log.len() {
            let behind = (0..i).any(|j| {
                blocked[j] && (self.log[j].subject.id == self.log[i].subject.id || self.own_of(j, i))
            });
            blocked.push(self.failed[i] || behind);
            self.excused[i] |= blocked[i] && !self.settled[i];
        }
    }

    fn send(&mut self, position: u64) {
        let at = usize::try_from(position).unwrap() - 1;
        assert!(!self.in_flight[at], "{position} is under way already");
        assert!(!self.settled_in_epoch[at], "{position} was settled and is sent again without a crash");
        for i in 0..at {
            let (earlier, this) = (&self.log[i], &self.log[at]);
            let same = earlier.subject.id == this.subject.id;
            let own = self.own_of(i, at);
            let deleted = this.kind == EventType::GroupDeleted && self.own_of(at, i) && !self.excused[i];
            if same || own || deleted {
                assert!(self.settled[i], "{position} overtakes {}", i + 1);
            }
            if same || own {
                assert!(
                    !self.sent_in_epoch[i] || self.settled_in_epoch[i],
                    "{position} overtakes the repetition of {}",
                    i + 1
                );
            }
        }
        for i in at + 1..self.log.len() {
            let same = self.log[i].subject.id == self.log[at].subject.id;
            assert!(!(same && self.sent_in_epoch[i]), "{position} is sent after {}", i + 1);
        }
        self.in_flight[at] = true;
        self.sent_in_epoch[at] = true;
    }

    fn finish(&mut self, position: u64, finished: Finished) {
        let at = usize::try_from(position).unwrap() - 1;
        self.in_flight[at] = false;
        match finished {
            Finished::Settled | Finished::Dead { .. } => {
                self.settled[at] = true;
                self.settled_in_epoch[at] = true;
                self.failed[at] = false;
            }
            _ => self.failed[at] = true,
        }
        self.excuse();
    }

    /// It is not sent (any more).
    fn give_up(&mut self, position: u64) {
        let at = usize::try_from(position).unwrap() - 1;
        assert!(!self.in_flight[at], "{position} is under way and given up");
        self.settled[at] = true;
        self.settled_in_epoch[at] = true;
        self.failed[at] = false;
        self.excuse();
    }

    fn crash(&mut self) {
        for list in [&mut self.in_flight, &mut self.sent_in_epoch, &mut self.settled_in_epoch] {
            list.fill(false);
        }
    }
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    let one = (0..12_u8, 0..4_u8, 0..3_u8).prop_map(|(what, user, group)| match what {
        0..=2 => format!("u{user}"),
        3 => format!("u{user}!"),
        4 | 5 => format!("u{user}+g{group}"),
        6 => format!("u{user}-g{group}"),
        7 | 8 => format!("g{group}"),
        9 => format!("g{group}!"),
        // A group in a group.
        _ => format!("g{group}+g{}", group + 3),
    });
    prop::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_overtakes(
        texts in texts(),
        steps in prop::collection::vec((0..16_u8, any::<u8>()), 0..250),
        patience in 2..6_usize,
        stride in prop_oneof![Just(1), Just(3), Just(usize::MAX)],
        read_limit in prop_oneof![Just(2), Just(5)],
        on_exhausted in prop_oneof![Just(OnExhausted::DeadLetter), Just(OnExhausted::Coalesce)],
    ) {
        let mut waits = vec![2; patience];
        waits[0] = 0;
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut world = World::new(&waits, &[]);
        world.stride = stride;
        world.read_limit = read_limit;
        world.policy.on_exhausted = on_exhausted;
        world.lane.set_policy(world.policy.clone());
        let log: Vec<_> = (1..).zip(&all).map(|(position, text)| event(position, text)).collect();
        let mut checker = Checker::new(&log);
        let mut flights: Vec<u64> = vec![];
        for (step, detail) in steps {
            match step {
                0..=3 => {
                    let end = log.len().min(world.log.len() + usize::from(detail % 8));
                    world.log = log[..end].to_vec();
                    world.pump();
                }
                4..=7 => {
                    if let Some(position) = world.next() {
                        checker.send(position);
                        flights.push(position);
                    }
                }
                8..=12 => {
                    if !flights.is_empty() {
                        let position = flights.swap_remove(usize::from(detail) % flights.len());
                        let verdict = match detail % 7 {
                            0 => MESSAGE,
                            1 | 2 => ENDPOINT,
                            _ => Verdict::Delivered,
                        };
                        checker.finish(position, world.finish(position, verdict));
                    }
                }
                13 => world.pass(i64::from(detail % 4)),
                14 => world.save(),
                _ => {
                    if detail % 4 == 0 {
                        flights.clear();
                        checker.crash();
                        world.crash();
                    }
                }
            }
            world.given_up.drain(..).for_each(|(position, _)| checker.give_up(position));
            prop_assert!(world.lane.frontier() <= world.lane.scan().max(world.lane.frontier()));
        }
        // The endpoint is well from now on: everything must arrive.
        world.log.clone_from(&log);
        for _ in 0..20_000 {
            world.pump();
            if let Some(position) = flights.pop() {
                checker.finish(position, world.finish(position, Verdict::Delivered));
            } else if let Some(position) = world.next() {
                checker.send(position);
                flights.push(position);
            } else if world.lane.room() > 0 && !world.caught_up() {
                // The scan goes on.
            } else if let Some(due) = world.lane.due_at() {
                world.now = world.now.max(due);
                world.pass(0);
            } else {
                break;
            }
            world.given_up.drain(..).for_each(|(position, _)| checker.give_up(position));
        }
        let lost: Vec<usize> = (0..log.len()).filter(|i| !checker.settled[*i]).map(|i| i + 1).collect();
        prop_assert!(lost.is_empty(), "lost: {:?}", lost);
        prop_assert_eq!(world.lane.frontier(), log.len() as u64);
        prop_assert_eq!(world.lane.parked_len(), 0);
    }
}
