//! What the operator is told.

use rollcall_domain::{
    endpoint::Scope,
    event::EventType,
    ids::{EndpointId, EventId},
    operator::{self, Notice},
};
use rollcall_store::{
    Store, clock,
    ledger::ProgressBatch,
    read::{EventQuery, LaneQuery},
};
use serde_json::{Value, json};

use crate::support::{Fixture, on_both};

fn notice(endpoint: &EndpointId, kind: EventType) -> Notice {
    Notice {
        id: EventId::from_uuid(clock::new_uuid()),
        endpoint_id: endpoint.clone(),
        kind,
        at: clock::now(),
        data: json!({"reason": "why"}),
    }
}

async fn a_notice_is_kept_until_it_is_in_the_log(f: Fixture) {
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    let (failing, exhausted) =
        (notice(&endpoint, EventType::EndpointFailing), notice(&endpoint, EventType::DeliveryExhausted));
    let batch = ProgressBatch {
        notices: vec![(0, failing.clone()), (0, exhausted.clone()), (5, exhausted.clone())],
        ..ProgressBatch::default()
    };
    // One that comes again is the same.
    f.store.save_progress(batch.clone()).await.unwrap();
    f.store.save_progress(batch).await.unwrap();
    assert_eq!(f.store.notices(0, 10).await.unwrap(), [failing.clone(), exhausted.clone()]);
    assert_eq!(f.store.notices(5, 10).await.unwrap(), []);
    assert_eq!(f.store.notices(0, 1).await.unwrap(), std::slice::from_ref(&failing));
    let told = ProgressBatch { notices_told: vec![failing.id.clone()], ..ProgressBatch::default() };
    f.store.save_progress(told).await.unwrap();
    assert_eq!(f.store.notices(0, 10).await.unwrap(), [exhausted]);
}

async fn what_is_told_stands_in_the_log_once_and_goes_to_whoever_names_it(f: Fixture) {
    use EventType::{DeliveryExhausted, EndpointFailing, EndpointRecovered, UserCreated};
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    f.user("ada").await;
    let failing = notice(&endpoint, EndpointFailing);
    for notice in [
        failing.clone(),
        failing,
        notice(&endpoint, EndpointFailing),
        notice(&endpoint, DeliveryExhausted),
        notice(&endpoint, EndpointRecovered),
        notice(&endpoint, EndpointRecovered),
    ] {
        f.store.tell_operator(notice).await.unwrap();
    }
    f.user("bob").await;
    let stream = EventQuery { directory_id: Some(operator::stream()), limit: 10, ..EventQuery::default() };
    let events = f.store.events(stream).await.unwrap().events;
    let told: Vec<_> = events.iter().map(|e| (e.kind, e.sequence, e.subject.version)).collect();
    assert_eq!(told, [(EndpointFailing, 1, 1), (DeliveryExhausted, 2, 2), (EndpointRecovered, 3, 3)]);
    let body: Value = serde_json::from_slice(&events[0].body).unwrap();
    assert_eq!(
        [&body["stream"], &body["subject"]["id"], &body["data"]["endpoint_id"], &body["data"]["reason"]],
        [&json!("operator"), &json!(endpoint), &json!(endpoint), &json!("why")]
    );
    assert!(body.get("directory_id").is_none() && body.get("organization_id").is_none());
    // The stream is no directory to anybody.
    assert!(!f.store.catalog().directories.contains_key(&operator::stream()));
    let wanted = async |types: Vec<EventType>| {
        let query =
            LaneQuery { shard: 0, scope: Scope::All, types, after: 0, up_to: u64::MAX >> 1, limit: 10 };
        let read = f.store.lane_events(query).await.unwrap();
        read.events.iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    assert_eq!(wanted(vec![]).await, [UserCreated, UserCreated]);
    assert_eq!(wanted(vec![EndpointRecovered]).await, [EndpointRecovered]);
    // Neither is it after a start.
    f.store.close().await;
    let store = Store::open(f.settings.clone(), f.heard.clone()).unwrap();
    assert!(!store.catalog().directories.contains_key(&operator::stream()));
}

on_both!(
    a_notice_is_kept_until_it_is_in_the_log,
    what_is_told_stands_in_the_log_once_and_goes_to_whoever_names_it,
);
