use std::sync::Arc;

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{Attempt, DeliveryId, DeliveryStatus, ErrorClass, Trigger},
    endpoint::Scope,
    event::LoggedEvent,
    ids::{AttemptId, EndpointId, EventId},
};
use rollcall_store::{
    Store, clock,
    ledger::{DeadLetter, DeliveryQuery, Lag, LaneRecord, ManualSendWhat, ParkedRecord, ProgressBatch},
};
use serde_json::json;

use crate::support::{Fixture, Heard, patch_user, settings};

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

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_there_after_the_store_is_opened_again() {
    let f = Fixture::new().await;
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

    let Fixture { folder, store, .. } = f;
    drop(store);
    let store = Store::open(settings(&folder), Arc::new(Heard::default())).unwrap();
    assert_eq!(store.load_lanes().await.unwrap(), batch.lanes);
    assert_eq!(store.load_parked(&endpoint).await.unwrap(), batch.parked);
    let id = DeliveryId { endpoint_id: endpoint.clone(), shard: 0, position: event.position };
    assert_eq!(store.delivery(&id).await.unwrap().unwrap().1, batch.attempts);
    let sends = store.manual_sends(10).await.unwrap();
    assert_eq!(sends.len(), 2);
    assert_eq!(sends[0].what, ManualSendWhat::Event { shard: 0, position: 1 });
    assert_eq!(sends[1].what, test);
    let done = ProgressBatch {
        manual_done: vec![sends[0].id],
        unparked: vec![(endpoint.clone(), 0, event.subject.id.to_string())],
        ..ProgressBatch::default()
    };
    store.save_progress(done).await.unwrap();
    assert_eq!(store.manual_sends(10).await.unwrap().len(), 1);
    assert!(store.load_parked(&endpoint).await.unwrap().is_empty());

    store.delete_endpoint(&endpoint).await.unwrap();
    // Progress that was under way does not bring it back.
    store.save_progress(batch).await.unwrap();
    assert!(store.load_lanes().await.unwrap().is_empty());
    assert!(store.manual_sends(10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_says_where_it_stands() {
    let f = Fixture::new().await;
    let early = f.user("before").await; // 1
    let endpoint = f.endpoint(Scope::All, vec![]).await;
    let ep = &endpoint.id;
    assert_eq!(endpoint.start_position, 1);
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
        // Without an endpoint, what was delivered is found by its attempts.
        let expected = if status == S::Delivered { vec![(2, status)] } else { expected };
        assert_eq!(anywhere, expected);
    }
    let id = |position| DeliveryId { endpoint_id: ep.clone(), shard: 0, position };
    let after = DeliveryQuery { after: Some(id(4)), ..of(None) };
    assert_eq!(list(after).await, [(3, S::Retrying), (2, S::Delivered)]);
    assert_eq!(list(DeliveryQuery::default()).await, [(6, S::Retrying), (3, S::Retrying), (2, S::Delivered)]);
    let after = DeliveryQuery { after: Some(id(6)), ..DeliveryQuery::default() };
    assert_eq!(list(after).await, [(3, S::Retrying), (2, S::Delivered)]);
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
    assert_eq!(lag, Lag { events: 4, oldest: Some(at(3).timestamp), parked_subjects: 1, dead_letters: 1 });
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

#[tokio::test(flavor = "multi_thread")]
async fn the_outcome_of_a_test_send_can_be_waited_for_and_found() {
    let f = Fixture::new().await;
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
