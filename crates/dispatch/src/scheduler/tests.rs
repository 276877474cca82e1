//! The scheduler on a store in memory, a courier that only notes, and a clock that the tests move.

use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

use rollcall_domain::{
    delivery::{ErrorClass, Trigger},
    endpoint::{Endpoint, EndpointState, OnExhausted, RetrySchedule},
    ids::{EndpointId, EventId, ReplayId},
    replay::{Replay, ReplayFilter, ReplayStatus},
};
use rollcall_store::ledger::{ManualSend, ManualSendWhat};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    Settings,
    attempt::Answer,
    log::Log,
    memory::{Memory, QUICK, Sent, UNACCEPTABLE, during, during_with, feed, ok, positions, status},
};

#[tokio::test(start_paused = true)]
async fn events_reach_those_who_want_them_old_ones_and_new_ones() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    // Committed before the dispatcher runs, and not in its tail.
    memory.append(&crate::memory::feed(), &["u1", "u2", "u1"]);
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
    assert_eq!(memory.0.rows.borrow().lane(&one).frontier, 5);
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
    let feed = crate::memory::feed();
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        // The lanes are loaded by then.
        sleep(QUICK).await;
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
        memory.until(|rows| rows.lane(&one).frontier == 40 && rows.parked.is_empty()).await;
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
        memory.until(|rows| rows.lane(&one).frontier == 3).await;
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
        memory.until(|rows| rows.attempts.len() == 3 && rows.lane(&one).frontier == 3).await;
    })
    .await;
    assert_eq!(positions(&sent, 1).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_lags_reads_many_at_a_time() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let texts: Vec<String> = (0..3_000).map(|n| format!("u{}", n % 100)).collect();
    memory.append(&crate::memory::feed(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
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
    assert_eq!(memory.0.rows.borrow().lane(&one).frontier, 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_resends_to_one_that_hangs_delay_nobody_else() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let hanging = memory.endpoint(1, |e| e.state = EndpointState::Paused);
    let other = memory.endpoint(2, |e| e.state = EndpointState::Paused);
    // Of 20 subjects.
    let texts: Vec<String> = (0..1_000).map(|n| format!("u{}", n % 20)).collect();
    memory.append(&crate::memory::feed(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
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
    memory.append(&crate::memory::feed(), &["u1", "u1", "u1", "u2"]);
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
    memory.append(&crate::memory::feed(), &["u1"; 200]);
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
        memory.until(|rows| rows.lanes.get(&(well.clone(), 0)).is_some_and(|lane| lane.frontier == 1)).await;
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
    memory.append(&crate::memory::feed(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
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
    memory.append(&crate::memory::feed(), &texts.iter().map(String::as_str).collect::<Vec<_>>());
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

#[tokio::test(start_paused = true)]
async fn the_operator_is_told_after_a_crash_too_and_of_each_thing_once() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let one = memory.endpoint(1, |_| {});
    let well = Rc::new(Cell::new(false));
    let is_well = Rc::clone(&well);
    let answer = move |_, _: &str| (QUICK, if is_well.get() { ok() } else { status(500) });
    let told = || memory.0.rows.borrow().told.iter().map(|(_, what)| *what).collect::<Vec<_>>();
    during(&memory, &feed, &sent, answer, async {
        memory.append(&feed, &["u1", "u2", "u3", "u4", "u5", "u6"]);
        memory.until(|rows| rows.dead.len() >= 6).await;
        well.set(true);
        memory.append(&feed, &["u7"]);
        memory.until(|rows| rows.told.iter().any(|(_, what)| *what == "endpoint.recovered")).await;
    })
    .await;
    // Six dead letters: the first at once, the others at the end.
    assert_eq!(
        told(),
        ["endpoint.failing", "delivery.exhausted", "endpoint.recovered"],
        "the rest of the dead letters is told at the next start"
    );
    let left: Vec<_> = memory.0.rows.borrow().notices.iter().map(|(_, n)| n.data["count"].clone()).collect();
    assert_eq!(left, [5]);
    during(&memory, &feed, &sent, |_, _| (QUICK, status(410)), async {
        memory.until(|rows| rows.told.len() == 4 && rows.notices.is_empty()).await;
        memory.append(&feed, &["u8"]);
        memory.until(|rows| rows.told.len() == 5 && rows.notices.is_empty()).await;
    })
    .await;
    assert_eq!(told()[3..], ["delivery.exhausted", "endpoint.disabled"]);
    assert!(memory.0.rows.borrow().told.iter().all(|(endpoint, _)| *endpoint == one));
}

#[tokio::test(start_paused = true)]
async fn one_host_gets_no_more_at_a_time_than_it_may_and_the_others_go_on() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    for n in 1..=6 {
        memory.endpoint(n, |e| e.url = format!("https://busy.example/{n}"));
    }
    memory.endpoint(7, |e| e.url = "https://other.example/".to_owned());
    let (now, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (under_way, seen) = (Rc::clone(&now), Rc::clone(&most));
    let answer = move |endpoint, _: &str| {
        if endpoint == 7 {
            return (QUICK, ok());
        }
        // Each takes as long as the others, so that as many as are allowed are under way together.
        under_way.set(under_way.get() + 1);
        seen.set(seen.get().max(under_way.get()));
        let ends = Rc::clone(&under_way);
        tokio::task::spawn_local(async move {
            sleep(Duration::from_millis(100)).await;
            ends.set(ends.get() - 1);
        });
        (Duration::from_millis(101), ok())
    };
    let settings = Settings { slots_per_host: 3, ..Settings::default() };
    let texts: Vec<String> = (0..10).map(|n| format!("u{n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let begun = Instant::now();
    tokio::task::LocalSet::new()
        .run_until(during_with(settings, &memory, &feed, &sent, answer, async {
            memory.append(&feed, &texts);
            memory.until(|rows| rows.attempts.len() == 70).await;
        }))
        .await;
    assert_eq!(most.get(), 3);
    let took = begun.elapsed();
    assert!((2_000..2_500).contains(&took.as_millis()), "20 rounds of three: {took:?}");
    let sent = sent.borrow();
    let last = sent.iter().filter(|(_, to, _)| *to == 7).map(|(at, ..)| *at).max().unwrap();
    assert!(last - begun < Duration::from_millis(100), "the other host waits for nobody");
}

/// A replay of the log's positions `after` (exclusive) to `end` of the first shard.
fn replay(endpoint: &EndpointId, n: u128, after: u64, end: u64, rate: u32) -> Replay {
    Replay {
        id: ReplayId::from_uuid(Uuid::from_u128(n)),
        endpoint_id: endpoint.clone(),
        filter: ReplayFilter::default(),
        after: vec![after].into(),
        up_to: vec![end].into(),
        rate_per_second: rate,
        total: end - after,
        status: ReplayStatus::Running,
        created_at: rollcall_store::clock::now(),
        finished_at: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_sends_its_range_in_order_beside_what_is_new_and_ends() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    memory.append(&crate::memory::feed(), &["u1", "u2", "u1", "u3", "u1"]);
    let one = memory.endpoint(1, |e| e.start = vec![5].into());
    memory.replays(&one, |replays| replays.push(replay(&one, 100, 1, 4, 1_000).into()));
    let over = ReplayId::from_uuid(Uuid::from_u128(100));
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.append(&feed, &["u9"]);
        memory.until(|rows| rows.finished.contains(&over) && rows.attempts.len() == 4).await;
        memory.append(&feed, &["u9"]);
        memory.until(|rows| rows.attempts.len() == 5).await;
    })
    .await;
    let mut all = positions(&sent, 1);
    all.sort_unstable();
    assert_eq!(all, [2, 3, 4, 6, 7]);
    let rows = memory.0.rows.borrow();
    assert_eq!(rows.replayed[&over], (3, 0));
    let replayed: Vec<u64> = rows
        .attempts
        .iter()
        .filter(|(.., trigger)| *trigger == Trigger::Replay)
        .map(|(at, ..)| *at)
        .collect();
    assert_eq!(replayed.len(), 3);
    assert_eq!(rows.lane(&one).frontier, 7, "its own lane was not moved by it");
}

#[tokio::test(start_paused = true)]
async fn a_replay_keeps_to_its_rate_and_goes_on_after_a_restart() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let names: Vec<String> = (0..40).map(|n| format!("u{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    memory.append(&crate::memory::feed(), &names);
    let one = memory.endpoint(1, |e| e.start = vec![40].into());
    memory.replays(&one, |replays| replays.push(replay(&one, 100, 0, 40, 2).into()));
    let over = ReplayId::from_uuid(Uuid::from_u128(100));
    let start = Instant::now();
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.until(|rows| rows.attempts.len() >= 20).await;
    })
    .await;
    assert!(start.elapsed() >= Duration::from_millis(9_400), "{:?}", start.elapsed());
    assert!(memory.0.rows.borrow().finished.is_empty());
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        memory.until(|rows| rows.finished.contains(&over)).await;
    })
    .await;
    assert_eq!(positions(&sent, 1), (1..=40).collect::<Vec<_>>());
    assert!(start.elapsed() >= Duration::from_millis(18_900), "{:?}", start.elapsed());
    assert_eq!(memory.0.rows.borrow().replayed[&over], (40, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_replay_cannot_deliver_is_counted_and_no_dead_letter() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    memory.append(&crate::memory::feed(), &["u1", "u2", "u1", "u3"]);
    let one = memory.endpoint(1, |e| {
        e.start = vec![4].into();
        e.on_exhausted = OnExhausted::Block;
    });
    memory.replays(&one, |replays| replays.push(replay(&one, 100, 0, 4, 1_000).into()));
    let bad = EventId::from_uuid(Uuid::from_u128(1));
    let answer = move |_, id: &str| (QUICK, if id == bad.as_str() { status(422) } else { ok() });
    let over = ReplayId::from_uuid(Uuid::from_u128(100));
    during(&memory, &feed, &sent, answer, async {
        memory.until(|rows| rows.finished.contains(&over)).await;
    })
    .await;
    let rows = memory.0.rows.borrow();
    assert_eq!((rows.replayed[&over], rows.dead.len()), ((3, 1), 0));
    assert_eq!(rows.told, [(one, "delivery.exhausted")]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_waits_for_a_paused_endpoint_and_ends_when_it_is_cancelled() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    memory.append(&crate::memory::feed(), &["u1", "u2", "u3"]);
    let one = memory.endpoint(1, |e| {
        e.start = vec![3].into();
        e.state = EndpointState::Paused;
    });
    memory.replays(&one, |replays| replays.push(replay(&one, 100, 0, 3, 1_000).into()));
    memory.replays(&one, |replays| replays.push(replay(&one, 101, 0, 3, 1).into()));
    let over = ReplayId::from_uuid(Uuid::from_u128(100));
    during(&memory, &feed, &sent, |_, _| (QUICK, ok()), async {
        sleep(Duration::from_secs(60)).await;
        assert!(memory.0.rows.borrow().attempts.is_empty());
        memory.replays(&one, |replays| replays.retain(|one| one.id == over));
        memory.endpoint(1, |e| e.state = EndpointState::Active);
        memory.until(|rows| rows.finished.contains(&over)).await;
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    assert_eq!(positions(&sent, 1), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn only_what_was_not_delivered_is_replayed_and_is_a_dead_letter_no_more() {
    let (memory, feed, sent) = (Memory::new(), feed(), Sent::default());
    let one = memory.endpoint(1, |_| {});
    let bad = EventId::from_uuid(Uuid::from_u128(2));
    let well = Rc::new(Cell::new(false));
    let is_well = Rc::clone(&well);
    let answer =
        move |_, id: &str| (QUICK, if id == bad.as_str() && !is_well.get() { status(422) } else { ok() });
    let over = ReplayId::from_uuid(Uuid::from_u128(100));
    during(&memory, &feed, &sent, answer, async {
        memory.append(&feed, &["u1", "u2", "u3"]);
        memory.until(|rows| rows.dead.len() == 1).await;
        well.set(true);
        let mut undelivered = replay(&one, 100, 0, 3, 1_000);
        undelivered.filter.only_undelivered = true;
        memory.replays(&one, |replays| replays.push(undelivered.into()));
        memory.until(|rows| rows.finished.contains(&over)).await;
    })
    .await;
    assert_eq!(positions(&sent, 1), [1, 2, 3, 2, 2, 2]);
    let rows = memory.0.rows.borrow();
    assert_eq!((rows.replayed[&over], rows.revived.clone()), ((1, 0), vec![2]));
}
