//! Deliveries.

use rollcall_domain::{
    delivery::{Attempt, ErrorClass, Trigger},
    event::LoggedEvent,
    ids::{AttemptId, EndpointId},
};
use rollcall_store::{
    clock,
    ledger::{DeadLetter, LaneRecord, ManualSendWhat, ProgressBatch},
    read::EventQuery,
};
use serde_json::json;

use crate::support::{Server, column, named, text};

/// Saves what a dispatcher would after one failed attempt at an event, which was the last one.
async fn give_up(server: &Server, endpoint: &str, event: &LoggedEvent) {
    let endpoint_id = EndpointId::parse(endpoint).expect("it is an id");
    let now = clock::now();
    let batch = ProgressBatch {
        lanes: vec![LaneRecord {
            endpoint_id: endpoint_id.clone(),
            shard: 0,
            frontier: event.position,
            settled_above: Vec::new(),
            breaker: "{}".to_owned(),
            failing_since: Some(now),
        }],
        attempts: vec![Attempt {
            id: AttemptId::from_uuid(clock::new_uuid()),
            endpoint_id: endpoint_id.clone(),
            event_id: event.id.clone(),
            shard: event.shard,
            position: event.position,
            number: 1,
            trigger: Trigger::Schedule,
            started_at: now,
            duration_ms: 12,
            response_status: Some(500),
            error: Some(ErrorClass::Status),
            error_detail: Some("500 Internal Server Error".to_owned()),
            response_body: Some("oops".to_owned()),
        }],
        dead: vec![DeadLetter {
            endpoint_id,
            shard: event.shard,
            position: event.position,
            event_id: event.id.clone(),
            subject_id: event.subject.id.to_string(),
            attempts: 1,
            died_at: now,
        }],
        ..ProgressBatch::default()
    };
    server.store.save_progress(batch).await.expect("it is saved");
}

#[actix_web::test]
async fn a_dead_letter_is_seen_and_sent_again() {
    let server = Server::start();
    let directory = server.directory().await;
    let endpoint = server.endpoint("https://app.example/").await;
    for name in ["ada", "bob", "eve"] {
        server.user(&directory, named(name)).await;
    }
    let events = server.store.events(EventQuery { limit: 10, ..EventQuery::default() }).await.unwrap();
    give_up(&server, &endpoint, &events[0]).await;
    give_up(&server, &endpoint, &events[1]).await;

    let all = server.get(&format!("/v1/deliveries?endpoint_id={endpoint}")).await.expect(200);
    assert_eq!(column(&all, "status"), ["pending", "dead", "dead"]);
    assert_eq!(column(&all, "event_id"), [json!(events[2].id), json!(events[1].id), json!(events[0].id)]);
    let dead =
        server.get(&format!("/v1/deliveries?endpoint_id={endpoint}&status=dead&limit=1")).await.expect(200);
    assert_eq!(column(&dead, "event_id"), [json!(events[1].id)]);
    let next = text(&dead["next_cursor"]);
    let dead = server
        .get(&format!("/v1/deliveries?endpoint_id={endpoint}&status=dead&after={next}"))
        .await
        .expect(200);
    assert_eq!(column(&dead, "event_id"), [json!(events[0].id)]);
    let of_event = server.get(&format!("/v1/deliveries?event_id={}", events[2].id)).await.expect(200);
    assert_eq!(column(&of_event, "endpoint_id"), [json!(endpoint)]);

    let id = text(&dead["data"][0]["id"]);
    let one = server.get(&format!("/v1/deliveries/{id}")).await.expect(200);
    assert_eq!(
        [
            &one["status"],
            &one["attempt_count"],
            &one["attempts"][0]["response_status"],
            &one["attempts"][0]["error"]
        ],
        [&json!("dead"), &json!(1), &json!(500), &json!("status")]
    );
    let report = server.get(&format!("/v1/endpoints/{endpoint}")).await.expect(200);
    assert_eq!([&report["dead_letters"], &report["lag"]["events"]], [&json!(2), &json!(1)]);
    assert!(report["failing_since"].is_string());

    assert_eq!(server.poke(&format!("/v1/deliveries/{id}/resend")).await.expect(202)["id"], json!(id));
    let recovered = server.poke(&format!("/v1/endpoints/{endpoint}/recover")).await.expect(202);
    assert_eq!(recovered, json!({ "requested": 2, "more": false }));
    let asked: Vec<_> =
        server.store.manual_sends(10).await.unwrap().into_iter().map(|send| send.what).collect();
    let event = |n: usize| ManualSendWhat::Event { shard: 0, position: events[n].position };
    assert_eq!(asked, [event(0), event(0), event(1)]);
}
