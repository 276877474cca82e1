use std::collections::BTreeSet;

use rollcall_domain::{
    delivery::{Attempt, DeliveryId, DeliveryStatus, ErrorClass, Trigger},
    directory::Mode,
    endpoint::Scope,
    event::LoggedEvent,
    ids::{AttemptId, DirectoryId, EndpointId},
    shard::shard_of,
};
use rollcall_store::{
    clock,
    ledger::{DeadLetter, DeliveryQuery, LaneRecord, ParkedRecord, ProgressBatch},
};

use crate::{
    processes::Processes,
    support::{Fixture, create_user, request},
};

/// Three directories, in as many shards as there can be.
async fn directories(f: &Fixture) -> Vec<DirectoryId> {
    let shards = f.store.shards();
    let mut found = vec![f.directory.clone()];
    while found.len() < 3 {
        let next = f.second_directory(Mode::Live).await;
        if shards < 3 || found.iter().all(|known| shard_of(known, shards) != shard_of(&next, shards)) {
            found.push(next);
        }
    }
    found
}

fn attempt(endpoint: &EndpointId, event: &LoggedEvent, failed: bool) -> Attempt {
    Attempt {
        id: AttemptId::from_uuid(clock::new_uuid()),
        endpoint_id: endpoint.clone(),
        event_id: event.id.clone(),
        shard: event.shard,
        position: event.position,
        number: 1,
        trigger: Trigger::Schedule,
        started_at: clock::now(),
        duration_ms: 12,
        response_status: Some(if failed { 500 } else { 200 }),
        error: failed.then_some(ErrorClass::Status),
        error_detail: None,
        // A receiver may send anything.
        response_body: Some("a\0b".into()),
    }
}

fn dead(endpoint: &EndpointId, event: &LoggedEvent) -> DeadLetter {
    DeadLetter {
        endpoint_id: endpoint.clone(),
        shard: event.shard,
        position: event.position,
        event_id: event.id.clone(),
        subject_id: event.subject.id.to_string(),
        attempts: 1,
        died_at: clock::now(),
    }
}

fn parked(endpoint: &EndpointId, event: &LoggedEvent) -> ParkedRecord {
    ParkedRecord {
        endpoint_id: endpoint.clone(),
        shard: event.shard,
        subject_id: event.subject.id.to_string(),
        first_position: event.position,
        attempts: 1,
        next_at: Some(clock::now()),
        waits_for: None,
        endpoint_scope: false,
        replaces: Vec::new(),
    }
}

/// By the events' indices: 0 to 2 died, 3 to 5 are parked and retried, 6 to 8 were delivered, 9 to 11
/// failed once and 12 to 14 were never tried; of each three, one is in each directory.
async fn deliveries_of_all_shards_are_one_list(f: &Fixture) {
    let directories = directories(f).await;
    let ep = f.endpoint(Scope::Organization(f.organization.clone()), vec![]).await.id;
    let all = f.endpoint(Scope::All, vec![]).await.id;
    let narrow = f.endpoint(Scope::Directory(directories[1].clone()), vec![]).await.id;
    let mut events = Vec::new();
    for n in 0..15 {
        let directory = &directories[n % 3];
        f.store.write(request(directory, create_user(&format!("user{n}")))).await.unwrap();
        events.push(f.heard.events().last().unwrap().clone());
    }
    for endpoint in [&ep, &all, &narrow] {
        let of = |from: usize, to: usize| {
            let wanted = |event: &&LoggedEvent| *endpoint != narrow || event.directory_id == directories[1];
            events[from..to].iter().map(|event| &**event).filter(wanted).collect::<Vec<_>>()
        };
        let mut lanes: Vec<LaneRecord> = Vec::new();
        for event in of(0, 9) {
            lanes.retain(|lane| lane.shard != event.shard);
            lanes.push(LaneRecord {
                endpoint_id: endpoint.clone(),
                shard: event.shard,
                frontier: event.position,
                settled_above: vec![],
                breaker: "{}".into(),
                failing_since: None,
            });
        }
        f.store
            .save_progress(ProgressBatch {
                lanes,
                attempts: of(0, 12)
                    .into_iter()
                    .map(|event| attempt(endpoint, event, !of(6, 9).contains(&event)))
                    .collect(),
                dead: of(0, 3).into_iter().map(|event| dead(endpoint, event)).collect(),
                parked: of(3, 6).into_iter().map(|event| parked(endpoint, event)).collect(),
                ..ProgressBatch::default()
            })
            .await
            .unwrap();
        let place = |event: &LoggedEvent| (event.shard, event.position);
        for (status, ranges) in [
            (None, vec![(0, 15)]),
            (Some(DeliveryStatus::Dead), vec![(0, 3)]),
            (Some(DeliveryStatus::Retrying), vec![(3, 6), (9, 12)]),
            (Some(DeliveryStatus::Delivered), vec![(6, 9)]),
            (Some(DeliveryStatus::Pending), vec![(12, 15)]),
        ] {
            let mut expected: Vec<_> =
                ranges.into_iter().flat_map(|(from, to)| of(from, to)).map(place).collect();
            expected.reverse();
            for limit in [2, 100] {
                assert_eq!(pages(f, endpoint, status, limit).await, expected, "{status:?} by {limit}");
            }
        }
        let lag = f.store.lag(endpoint).await.unwrap().0;
        let counts = (lag.events, lag.parked_subjects, lag.dead_letters);
        assert_eq!(counts, if *endpoint == narrow { (3, 1, 1) } else { (9, 3, 3) });
        let oldest = of(3, 6).into_iter().map(|event| event.timestamp).min();
        assert_eq!(lag.oldest, oldest);
        let event = of(6, 9)[0];
        let id = DeliveryId { endpoint_id: endpoint.clone(), shard: event.shard, position: event.position };
        let (delivery, attempts) = f.store.delivery(&id).await.unwrap().unwrap();
        assert_eq!((delivery.status, &delivery.event.body), (DeliveryStatus::Delivered, &event.body));
        assert_eq!(attempts.len(), 1);
    }
    let recover = f.store.dead_letters_to_recover(&ep, 10).await.unwrap();
    let places: BTreeSet<(u16, u64)> = recover.iter().map(|id| (id.shard, id.position)).collect();
    assert_eq!(places, events[..3].iter().map(|event| (event.shard, event.position)).collect());
    // Of all endpoints, what was tried last comes first.
    let query = DeliveryQuery { limit: 100, ..DeliveryQuery::default() };
    let tried = f.store.deliveries(query).await.unwrap();
    assert_eq!(tried.len(), 12 + 12 + 4);
    assert!(tried[..4].iter().all(|delivery| delivery.id.endpoint_id == narrow));
}

/// A whole list, in pages.
async fn pages(
    f: &Fixture,
    endpoint: &EndpointId,
    status: Option<DeliveryStatus>,
    limit: u32,
) -> Vec<(u16, u64)> {
    let mut query =
        DeliveryQuery { endpoint_id: Some(endpoint.clone()), status, limit, ..DeliveryQuery::default() };
    let mut all = Vec::new();
    loop {
        let page = f.store.deliveries(query.clone()).await.unwrap();
        let Some(last) = page.last() else { return all };
        query.after = Some(last.id.clone());
        all.extend(page.iter().map(|delivery| (delivery.event.shard, delivery.event.position)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_on_files() {
    deliveries_of_all_shards_are_one_list(&Fixture::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_on_a_server() {
    deliveries_of_all_shards_are_one_list(&Processes::new().await.one).await;
}
