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
    let events = server.store.events(EventQuery { limit: 10, ..EventQuery::default() }).await.unwrap().events;
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
    assert_eq!(recovered, json!({ "requested": 1, "more": false }), "without what was asked for before");
    let again = server.poke(&format!("/v1/endpoints/{endpoint}/recover")).await.expect(202);
    assert_eq!(again["requested"], json!(0));
    let asked: Vec<_> =
        server.store.manual_sends(0, 10).await.unwrap().into_iter().map(|send| send.what).collect();
    let event = |n: usize| ManualSendWhat::Event { shard: 0, position: events[n].position };
    assert_eq!(asked, [event(0), event(1)]);
}

/// Every string in `value` that is a moment.
fn moments(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => {
            found.push(text.clone())
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| moments(value, found)),
        serde_json::Value::Object(object) => object.values().for_each(|value| moments(value, found)),
        _ => {}
    }
}

#[actix_web::test]
async fn every_moment_has_milliseconds() {
    let server = Server::start();
    let directory = server.directory().await;
    let made = server.post("/v1/endpoints", json!({ "url": "https://app.example/" })).await.expect(201);
    let endpoint = text(&made["id"]);
    let ada = server.user(&directory, named("ada")).await;
    server.group(&directory, "Staff", &[&ada]).await;
    let events = server.store.events(EventQuery { limit: 10, ..EventQuery::default() }).await.unwrap().events;
    give_up(&server, &endpoint, &events[0]).await;
    let deliveries = server.get(&format!("/v1/deliveries?endpoint_id={endpoint}")).await.expect(200);
    let dead = text(&deliveries["data"].as_array().unwrap().last().unwrap()["id"]);

    let mut answers = vec![
        (made, 2),
        (deliveries, 4),
        (server.poke(&format!("/v1/endpoints/{endpoint}/secrets/rotate")).await.expect(200), 1),
        (
            server
                .post(&format!("/v1/directories/{directory}/tokens"), json!({ "overlap_seconds": 9 }))
                .await
                .expect(201),
            1,
        ),
        (
            server
                .patch(&format!("/v1/endpoints/{endpoint}"), json!({ "description": "d" }))
                .await
                .expect(200),
            2,
        ),
    ];
    for (uri, least) in [
        ("/v1/organizations".to_owned(), 1),
        ("/v1/directories".to_owned(), 1),
        (format!("/v1/directories/{directory}"), 4),
        (format!("/v1/directories/{directory}/tokens"), 3),
        ("/v1/endpoints".to_owned(), 2),
        // With `failing_since` and `oldest_at`.
        (format!("/v1/endpoints/{endpoint}"), 4),
        (format!("/v1/deliveries/{dead}"), 3),
        ("/v1/users".to_owned(), 2),
        ("/v1/groups".to_owned(), 2),
        ("/v1/events".to_owned(), 3),
    ] {
        answers.push((server.get(&uri).await.expect(200), least));
    }
    for (answer, least) in answers {
        let mut found = Vec::new();
        moments(&answer, &mut found);
        assert!(found.len() >= least, "{found:?} in {answer}");
        for moment in found {
            assert!(
                moment.len() == "2026-11-24T09:00:00.123Z".len() && moment.ends_with('Z'),
                "{moment} in {answer}"
            );
        }
    }
}
