use std::sync::Arc;

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{Attempt, DeliveryId, DeliveryStatus, ErrorClass, Trigger},
    directory::Mode,
    endpoint::Scope,
    event::{EventType, LoggedEvent},
    ids::{AttemptId, DirectoryId, EndpointId, EventId},
};
use rollcall_store::{
    Store, clock,
    config_ops::EndpointPatch,
    ledger::{
        BreakerState, DeadLetter, DeliveryQuery, Lag, LaneRecord, ManualSendWhat, ParkedRecord,
        ProgressBatch, Replaced,
    },
};
use serde_json::json;

use crate::{
    processes::Processes,
    support::{Fixture, Heard, new_directory, patch_user},
};

crate::support::on_both! {
    progress_is_there_after_the_store_is_opened_again,
    a_delivery_says_where_it_stands,
    what_was_delivered_after_all_is_no_dead_letter,
    the_outcome_of_a_test_send_can_be_waited_for_and_found,
    an_open_breaker_defers_the_next_attempt_and_is_told,
    what_waits_for_its_owner_is_parked_and_not_retrying,
    what_a_later_event_stands_for_is_discarded,
}

fn attempt(endpoint: &EndpointId, event: &LoggedEvent, number: u32, failed: bool) -> Attempt {
    Attempt {
        id: AttemptId::from_uuid(clock::new_uuid()),
        endpoint_id: endpoint.clone(),
        event_id: event.id.clone(),
        shard: 0,
        position: event.position,
        number,
        trigger: Trigger::Schedule,
        started_at: clock::now(),
        duration_ms: 12,
        response_status: Some(if failed { 500 } else { 200 }),
        error: failed.then_some(ErrorClass::Status),
        error_detail: None,
        response_body: Some("body".into()),
    }
}

fn lane(endpoint: &EndpointId, frontier: u64, settled_above: Vec<u64>) -> LaneRecord {
    LaneRecord {
        endpoint_id: endpoint.clone(),
        shard: 0,
        frontier,
        settled_above,
        breaker: "{}".into(),
        failing_since: Timestamp::from_second(5).ok(),
    }
}

fn parked(endpoint: &EndpointId, event: &LoggedEvent, attempts: u32) -> ParkedRecord {
    ParkedRecord {
        endpoint_id: endpoint.clone(),
        shard: 0,
        subject_id: event.subject.id.to_string(),
        first_position: event.position,
        attempts,
        next_at: Timestamp::from_second(9_000_000_000).ok(),
        waits_for: None,
        endpoint_scope: true,
        replaces: Vec::new(),
    }
}

fn dead(endpoint: &EndpointId, event: &LoggedEvent) -> DeadLetter {
    DeadLetter {
        endpoint_id: endpoint.clone(),
        shard: 0,
        position: event.position,
        event_id: event.id.clone(),
        subject_id: event.subject.id.to_string(),
        attempts: 10,
        died_at: clock::now(),
    }
}

async fn progress_is_there_after_the_store_is_opened_again(f: Fixture) {
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    f.user("ann").await;
    let event = f.heard.events()[0].clone();
    let batch = ProgressBatch {
        lanes: vec![lane(&endpoint, 4, vec![6, 8])],
        parked: vec![parked(&endpoint, &event, 2)],
        attempts: vec![attempt(&endpoint, &event, 1, true)],
        ..ProgressBatch::default()
    };
    f.store.save_progress(batch.clone()).await.unwrap();
    let mut woken = f.store.manual_changes();
    f.store.request_manual_send(&endpoint, ManualSendWhat::Event { shard: 0, position: 1 }).await.unwrap();
    assert!(woken.has_changed().unwrap());
    woken.mark_unchanged();
    let test = ManualSendWhat::Test { event_id: event.id.clone(), body: "{}".into() };
    f.store.request_manual_send(&endpoint, test.clone()).await.unwrap();

    let Fixture { settings, store, .. } = f;
    drop(store);
    let store = Store::open(settings, Arc::new(Heard::default())).unwrap();
    assert_eq!(store.load_lanes(0).await.unwrap(), batch.lanes);
    assert_eq!(store.load_parked(&endpoint, 0).await.unwrap(), batch.parked);
    let id = DeliveryId { endpoint_id: endpoint.clone(), shard: 0, position: event.position };
    assert_eq!(store.delivery(&id).await.unwrap().unwrap().1, batch.attempts);
    let sends = store.manual_sends(0, 10).await.unwrap();
    assert_eq!(sends.len(), 2);
    assert_eq!(sends[0].what, ManualSendWhat::Event { shard: 0, position: 1 });
    assert_eq!(sends[1].what, test);
    let done = ProgressBatch {
        manual_done: vec![sends[0].id],
        unparked: vec![(endpoint.clone(), 0, event.subject.id.to_string())],
        ..ProgressBatch::default()
    };
    store.save_progress(done).await.unwrap();
    assert_eq!(store.manual_sends(0, 10).await.unwrap().len(), 1);
    assert!(store.load_parked(&endpoint, 0).await.unwrap().is_empty());

    store.delete_endpoint(&endpoint).await.unwrap();
    // Progress that was under way does not bring it back.
    store.save_progress(batch).await.unwrap();
    assert!(store.load_lanes(0).await.unwrap().is_empty());
    assert!(store.manual_sends(0, 10).await.unwrap().is_empty());
}

async fn a_delivery_says_where_it_stands(f: Fixture) {
    let early = f.user("before").await; // 1
    let endpoint = f.endpoint(Scope::All, vec![]).await;
    let ep = &endpoint.id;
    assert_eq!(endpoint.start.at(0), 1);
    let names = ["delivered", "parks", "dies", "above", "tried", "pending"];
    let mut ids = Vec::new();
    for name in names {
        ids.push(f.user(name).await.id); // 2 to 7
    }
    f.write(patch_user(&ids[1], json!([{"op": "add", "path": "title", "value": "Dr"}]))).await.unwrap(); // 8
    let events = f.heard.events();
    let at = |position: usize| &*events[position - 1];
    f.store
        .save_progress(ProgressBatch {
            lanes: vec![lane(ep, 4, vec![5, 8])],
            parked: vec![parked(ep, at(3), 2)],
            attempts: vec![
                attempt(ep, at(2), 1, false),
                attempt(ep, at(3), 1, true),
                attempt(ep, at(3), 2, true),
                attempt(ep, at(5), 1, false),
                attempt(ep, at(6), 1, true),
            ],
            dead: vec![dead(ep, at(4))],
            ..ProgressBatch::default()
        })
        .await
        .unwrap();
    let store = f.store.clone();
    let list = async move |query: DeliveryQuery| {
        let found = store.deliveries(DeliveryQuery { limit: 100, ..query }).await.unwrap();
        found.into_iter().map(|delivery| (delivery.event.position, delivery.status)).collect::<Vec<_>>()
    };
    use DeliveryStatus as S;
    let of = |status| DeliveryQuery { endpoint_id: Some(ep.clone()), status, ..DeliveryQuery::default() };
    assert_eq!(
        list(of(None)).await,
        [
            (8, S::Parked),
            (7, S::Pending),
            (6, S::Retrying),
            (5, S::Delivered),
            (4, S::Dead),
            (3, S::Retrying),
            (2, S::Delivered)
        ]
    );
    for (status, expected) in [
        (S::Parked, vec![8]),
        (S::Pending, vec![7]),
        (S::Retrying, vec![6, 3]),
        (S::Delivered, vec![5, 2]),
        (S::Dead, vec![4]),
        (S::Discarded, vec![]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|position| (position, status)).collect();
        assert_eq!(list(of(Some(status))).await, expected);
        let anywhere = DeliveryQuery { status: Some(status), ..DeliveryQuery::default() };
        let anywhere = list(anywhere).await;
        assert_eq!(anywhere, expected);
    }
    let id = |position| DeliveryId { endpoint_id: ep.clone(), shard: 0, position };
    let after = DeliveryQuery { after: Some(id(4)), ..of(None) };
    assert_eq!(list(after).await, [(3, S::Retrying), (2, S::Delivered)]);
    assert_eq!(
        list(DeliveryQuery::default()).await,
        [(6, S::Retrying), (5, S::Delivered), (3, S::Retrying), (2, S::Delivered)]
    );
    let after = DeliveryQuery { after: Some(id(6)), ..DeliveryQuery::default() };
    assert_eq!(list(after).await, [(5, S::Delivered), (3, S::Retrying), (2, S::Delivered)]);
    let by_event = DeliveryQuery { event_id: Some(at(4).id.clone()), ..DeliveryQuery::default() };
    assert_eq!(list(by_event).await, [(4, S::Dead)]);
    let none = DeliveryQuery { event_id: Some(at(1).id.clone()), ..DeliveryQuery::default() };
    assert_eq!(list(none).await, [], "{} came before the endpoint", early.id);

    let (delivery, attempts) = f.store.delivery(&id(3)).await.unwrap().unwrap();
    assert_eq!((delivery.attempts, delivery.last_status, attempts.len()), (2, Some(500), 2));
    assert_eq!(delivery.next_attempt_at, Timestamp::from_second(9_000_000_000).ok());
    assert_eq!(&*delivery.event, at(3));
    assert!(f.store.delivery(&id(1)).await.unwrap().is_none());

    let (lag, failing_since) = f.store.lag(ep).await.unwrap();
    // 3 and 8 wait with their subject, 6 and 7 are ahead.
    assert_eq!(
        lag,
        Lag {
            events: 4,
            oldest: Some(at(3).timestamp),
            parked_subjects: 1,
            dead_letters: 1,
            breaker: BreakerState::Closed
        }
    );
    assert_eq!(failing_since, Timestamp::from_second(5).ok());

    // A resend that succeeds revives a dead letter.
    let revived = ProgressBatch {
        attempts: vec![attempt(ep, at(4), 11, false)],
        revived: vec![(ep.clone(), 0, 4)],
        ..ProgressBatch::default()
    };
    f.store.save_progress(revived).await.unwrap();
    assert_eq!(list(of(Some(S::Dead))).await, []);
    assert_eq!(f.store.delivery(&id(4)).await.unwrap().unwrap().0.status, S::Delivered);
}

/// Copies of event 1 in the log's file, from one position to another, as if this directory had
/// decided them.
fn fill_log(f: &Fixture, directory: &DirectoryId, from: u64, to: u64) {
    let main = rusqlite::Connection::open(f.folder.path().join("data/main.db")).unwrap();
    main.execute(
        "WITH RECURSIVE n (i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
         INSERT INTO events SELECT n.i, e.shard, d.pk, n.i, 'evt_' || n.i, e.kind, e.subject_kind,
             'usr_' || n.i, 1, e.group_id, 0, e.timestamp + n.i, e.body
         FROM n CROSS JOIN events e CROSS JOIN directories d WHERE e.position = 1 AND d.id = $3",
        rusqlite::params![from.cast_signed(), to.cast_signed(), directory.as_str()],
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_is_counted_up_to_a_limit() {
    const LIMIT: u64 = 10_000;
    let f = Fixture::new().await;
    let other = f.store.create_organization("Other".into(), None).await.unwrap().id;
    let foreign = f.store.create_directory(new_directory(&other, Mode::Live)).await.unwrap().0.id;
    let quiet = f.second_directory(Mode::Live).await;
    let of = async |scope: Scope| f.endpoint(scope, vec![]).await.id;
    let all = of(Scope::All).await;
    let busy = [of(Scope::Organization(other)).await, of(Scope::Directory(foreign.clone())).await];
    let few = of(Scope::Organization(f.organization.clone())).await;
    let rare = f.endpoint(Scope::All, vec![EventType::UserDeleted]).await.id;
    let first = f.user("ann").await; // 1
    fill_log(&f, &foreign, 2, 2 * LIMIT);
    fill_log(&f, &f.directory, 2 * LIMIT + 1, 2 * LIMIT + 2);
    fill_log(&f, &quiet, 2 * LIMIT + 3, 2 * LIMIT + 4);
    let first_at = Some(f.heard.events()[0].timestamp);
    let lag = async |endpoint: &EndpointId| f.store.lag(endpoint).await.unwrap().0;
    let found = lag(&all).await;
    assert_eq!((found.events, found.oldest), (LIMIT, first_at), "{}", first.id);
    for endpoint in &busy {
        assert_eq!(lag(endpoint).await.events, LIMIT);
    }
    // Others' events do not count against it.
    let found = lag(&few).await;
    assert_eq!((found.events, found.oldest), (5, first_at));
    // The one that it wants is further on than is looked.
    let main = rusqlite::Connection::open(f.folder.path().join("data/main.db")).unwrap();
    let delete_at = |position: u64| {
        main.execute(
            "UPDATE events SET kind = $1 WHERE position = $2",
            rusqlite::params![EventType::UserDeleted as u8, position.cast_signed()],
        )
        .unwrap()
    };
    delete_at(LIMIT + 1);
    assert_eq!(lag(&rare).await.events, 0);
    delete_at(LIMIT);
    assert_eq!(lag(&rare).await.events, 1);

    // A parked subject's events come first, and count against the same limit.
    main.execute(
        "UPDATE events SET subject_id = 'usr_busy' WHERE position BETWEEN 2 AND $1",
        [(LIMIT + 100).cast_signed()],
    )
    .unwrap();
    let mut subject = parked(&all, &f.heard.events()[0], 1);
    subject.subject_id = "usr_busy".into();
    subject.first_position = 2;
    let batch = ProgressBatch {
        lanes: vec![lane(&all, LIMIT + 100, vec![])],
        parked: vec![subject],
        ..ProgressBatch::default()
    };
    f.store.save_progress(batch).await.unwrap();
    let found = lag(&all).await;
    assert_eq!((found.events, found.parked_subjects), (LIMIT, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passed_before_its_type_was_wanted_is_no_delivery() {
    let f = Fixture::new().await;
    let ep = f.endpoint(Scope::All, vec![EventType::UserUpdated]).await.id;
    let ann = f.user("ann").await; // 1, passed
    f.user("bob").await; // 2, passed, and older than attempts are kept
    f.write(patch_user(&ann.id, json!([{"op": "add", "path": "title", "value": "Dr"}]))).await.unwrap(); // 3
    f.user("carol").await; // 4, ahead
    let events = f.heard.events();
    let main = rusqlite::Connection::open(f.folder.path().join("data/main.db")).unwrap();
    let month = 31_i64 * 24 * 3600 * 1_000_000;
    main.execute("UPDATE events SET timestamp = timestamp - $1 WHERE position = 2", [month]).unwrap();
    let batch = ProgressBatch {
        lanes: vec![lane(&ep, 3, vec![])],
        attempts: vec![attempt(&ep, &events[2], 1, false)],
        ..ProgressBatch::default()
    };
    f.store.save_progress(batch).await.unwrap();
    let widened = EndpointPatch { event_types: Some(vec![]), ..EndpointPatch::default() };
    f.store.update_endpoint(&ep, widened).await.unwrap();

    use DeliveryStatus as S;
    let list = async |query: DeliveryQuery| {
        let found = f.store.deliveries(DeliveryQuery { limit: 100, ..query }).await.unwrap();
        found.into_iter().map(|delivery| (delivery.event.position, delivery.status)).collect::<Vec<_>>()
    };
    let of = |status| DeliveryQuery { endpoint_id: Some(ep.clone()), status, ..DeliveryQuery::default() };
    assert_eq!(list(of(None)).await, [(4, S::Pending), (3, S::Delivered), (2, S::Delivered)]);
    assert_eq!(list(of(Some(S::Delivered))).await, [(3, S::Delivered), (2, S::Delivered)]);
    let by_event =
        |n: usize| DeliveryQuery { event_id: Some(events[n].id.clone()), ..DeliveryQuery::default() };
    assert_eq!(list(by_event(0)).await, []);
    assert_eq!(list(by_event(2)).await, [(3, S::Delivered)]);
    let id = |position| DeliveryId { endpoint_id: ep.clone(), shard: 0, position };
    for (position, there) in [(1, false), (2, true), (3, true), (4, true)] {
        assert_eq!(f.store.delivery(&id(position)).await.unwrap().is_some(), there, "{position}");
    }
}

async fn what_was_delivered_after_all_is_no_dead_letter(f: Fixture) {
    let ep = f.endpoint(Scope::All, vec![]).await.id;
    for name in ["ann", "bob", "carol", "dave"] {
        f.user(name).await;
    }
    let events = f.heard.events();
    let save = async |attempts: Vec<Attempt>, dead: Vec<DeadLetter>| {
        let batch = ProgressBatch { attempts, dead, ..ProgressBatch::default() };
        f.store.save_progress(batch).await.unwrap();
    };
    let letters = async || {
        let letters = f.store.dead_letters_to_recover(&ep, 10).await.unwrap();
        assert_eq!(f.store.lag(&ep).await.unwrap().0.dead_letters, letters.len() as u64);
        letters.into_iter().map(|letter| letter.position).collect::<Vec<_>>()
    };
    save(vec![attempt(&ep, &events[0], 1, true)], events.iter().take(3).map(|e| dead(&ep, e)).collect())
        .await;
    assert_eq!(letters().await, [1, 2, 3]);
    // One more failure changes nothing.
    save(vec![attempt(&ep, &events[0], 2, true), attempt(&ep, &events[1], 1, false)], vec![]).await;
    assert_eq!(letters().await, [1, 3]);
    // It was sent by hand while its lane gave it up: in one batch, or before.
    save(vec![attempt(&ep, &events[2], 1, false)], vec![dead(&ep, &events[2])]).await;
    save(vec![attempt(&ep, &events[3], 1, false)], vec![]).await;
    save(vec![], vec![dead(&ep, &events[3])]).await;
    assert_eq!(letters().await, [1]);
}

async fn the_outcome_of_a_test_send_can_be_waited_for_and_found(f: Fixture) {
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    let other = f.endpoint(Scope::All, vec![]).await.id;
    f.user("ann").await;
    let event = f.heard.events()[0].clone();
    let test = EventId::from_uuid(clock::new_uuid());
    let mut changes = f.store.ledger_changes();
    assert!(f.store.test_attempts(&endpoint, &test).await.unwrap().is_empty());
    let of_test = |endpoint: &EndpointId| Attempt {
        event_id: test.clone(),
        position: 0,
        trigger: Trigger::Test,
        ..attempt(endpoint, &event, 1, true)
    };
    let made = of_test(&endpoint);
    // Neither another endpoint's, nor one that came by the schedule.
    let others = vec![of_test(&other), attempt(&endpoint, &event, 1, true), made.clone()];
    let batch = ProgressBatch { attempts: others, ..ProgressBatch::default() };
    let (saved, changed) = tokio::join!(f.store.save_progress(batch), changes.changed());
    saved.unwrap();
    changed.unwrap();
    assert_eq!(f.store.test_attempts(&endpoint, &test).await.unwrap(), [made]);
    assert!(f.store.test_attempts(&endpoint, &event.id).await.unwrap().is_empty());
}

async fn an_open_breaker_defers_the_next_attempt_and_is_told(f: Fixture) {
    let ep = f.endpoint(Scope::All, vec![]).await.id;
    f.user("ann").await;
    let event = f.heard.events()[0].clone();
    let at = |second| Timestamp::from_second(second).unwrap();
    let id = DeliveryId { endpoint_id: ep.clone(), shard: 0, position: event.position };
    let (past, due, later) = (at(1_000), at(9_000_000_000), at(9_000_000_100));
    for (until, expected, breaker) in [
        (past, due, BreakerState::HalfOpen),
        (due, due, BreakerState::Open { until: due }),
        (later, later, BreakerState::Open { until: later }),
    ] {
        let mut lane = lane(&ep, 1, vec![]);
        lane.breaker = json!({ "state": "open", "until": until, "index": 2 }).to_string();
        let batch = ProgressBatch {
            lanes: vec![lane],
            parked: vec![parked(&ep, &event, 1)],
            attempts: vec![],
            ..ProgressBatch::default()
        };
        f.store.save_progress(batch).await.unwrap();
        let delivery = f.store.delivery(&id).await.unwrap().unwrap().0;
        assert_eq!(
            (delivery.status, delivery.next_attempt_at),
            (DeliveryStatus::Retrying, Some(expected)),
            "{until}"
        );
        assert_eq!(f.store.lag(&ep).await.unwrap().0.breaker, breaker);
    }
}

async fn what_waits_for_its_owner_is_parked_and_not_retrying(f: Fixture) {
    let ep = f.endpoint(Scope::All, vec![]).await.id;
    f.user("ann").await;
    let event = f.heard.events()[0].clone();
    let list = async |status| {
        let query = DeliveryQuery {
            endpoint_id: Some(ep.clone()),
            status: Some(status),
            limit: 9,
            ..DeliveryQuery::default()
        };
        f.store.deliveries(query).await.unwrap().len()
    };
    for (next_at, waits_for, status) in [
        (None, None, DeliveryStatus::Parked),
        (None, Some("grp_a".to_owned()), DeliveryStatus::Retrying),
        (Timestamp::from_second(9_000_000_000).ok(), None, DeliveryStatus::Retrying),
    ] {
        let subject = ParkedRecord { next_at, waits_for, ..parked(&ep, &event, 3) };
        let batch = ProgressBatch {
            lanes: vec![lane(&ep, 1, vec![])],
            parked: vec![subject],
            attempts: vec![attempt(&ep, &event, 3, true)],
            ..ProgressBatch::default()
        };
        f.store.save_progress(batch).await.unwrap();
        let found = [list(DeliveryStatus::Parked).await, list(DeliveryStatus::Retrying).await];
        assert_eq!(found, if status == DeliveryStatus::Parked { [1, 0] } else { [0, 1] }, "{next_at:?}");
        let id = DeliveryId { endpoint_id: ep.clone(), shard: 0, position: event.position };
        assert_eq!(f.store.delivery(&id).await.unwrap().unwrap().0.next_attempt_at, next_at);
    }
}

async fn what_a_later_event_stands_for_is_discarded(f: Fixture) {
    let ep = f.endpoint(Scope::All, vec![]).await.id;
    let ann = f.user("ann").await;
    for title in ["a", "b"] {
        let operations = json!([{"op": "replace", "path": "title", "value": title}]);
        f.write(patch_user(&ann.id, operations)).await.unwrap();
    }
    let events = f.heard.events();
    let replaced =
        |n: usize, by| Replaced { endpoint_id: ep.clone(), shard: 0, position: events[n].position, by };
    let row = ParkedRecord { replaces: vec![1, 2], ..parked(&ep, &events[2], 0) };
    let batch = ProgressBatch {
        lanes: vec![lane(&ep, 3, vec![])],
        parked: vec![row.clone()],
        attempts: vec![attempt(&ep, &events[0], 1, true)],
        replaced: vec![replaced(0, 2), replaced(0, 3), replaced(1, 3)],
        ..ProgressBatch::default()
    };
    f.store.save_progress(batch).await.unwrap();
    assert_eq!(f.store.load_parked(&ep, 0).await.unwrap(), [row]);
    let query = DeliveryQuery {
        endpoint_id: Some(ep.clone()),
        status: Some(DeliveryStatus::Discarded),
        limit: 9,
        ..DeliveryQuery::default()
    };
    let found = f.store.deliveries(query).await.unwrap();
    let found: Vec<_> = found.iter().map(|found| (&found.event.id, found.replaced_by.as_ref())).collect();
    assert_eq!(found, [(&events[1].id, Some(&events[2].id)), (&events[0].id, Some(&events[2].id))]);
    // Sent by hand, it is delivered all the same.
    let batch =
        ProgressBatch { attempts: vec![attempt(&ep, &events[0], 2, false)], ..ProgressBatch::default() };
    f.store.save_progress(batch).await.unwrap();
    let id = DeliveryId { endpoint_id: ep.clone(), shard: 0, position: events[0].position };
    let (delivery, _) = f.store.delivery(&id).await.unwrap().unwrap();
    assert_eq!((delivery.status, delivery.replaced_by), (DeliveryStatus::Delivered, None));
}

/// A process that ended between the two commits of a deletion.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_endpoint_left_in_the_ledger_of_a_server_goes_at_the_next_start() {
    let processes = Processes::new().await;
    let f = &processes.one;
    let (gone, stays) = (f.endpoint(Scope::All, vec![]).await.id, f.endpoint(Scope::All, vec![]).await.id);
    f.user("ann").await;
    let event = f.heard.events()[0].clone();
    let batch = ProgressBatch {
        lanes: vec![lane(&gone, 4, vec![6]), lane(&stays, 4, vec![6])],
        parked: vec![parked(&gone, &event, 2), parked(&stays, &event, 2)],
        ..ProgressBatch::default()
    };
    f.store.save_progress(batch).await.unwrap();
    let sql = "DELETE FROM rollcall.endpoints WHERE id = $1";
    assert_eq!(processes.sql.execute(sql, &[&gone.as_str()]).await.unwrap(), 1);
    let sql = "SELECT e.id FROM ledger.endpoints e WHERE e.deleted = 0 AND EXISTS
                   (SELECT 1 FROM ledger.lanes l WHERE l.endpoint_pk = e.pk)
               UNION ALL SELECT e.id FROM ledger.endpoints e JOIN ledger.parked p ON p.endpoint_pk = e.pk";
    let left = async || -> Vec<String> {
        let rows = processes.sql.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(left().await.len(), 4);
    processes.another().close().await;
    assert_eq!(left().await, [stays.as_str(), stays.as_str()]);
}
