//! Why something has not arrived.

use std::sync::Arc;

use jiff::SignedDuration;
use rollcall_domain::{
    delivery::{Attempt, ErrorClass, Trigger},
    event::LoggedEvent,
    ids::{AttemptId, EndpointId},
};
use rollcall_store::{
    clock,
    ledger::{LaneRecord, ParkedRecord, ProgressBatch},
    read::EventQuery,
};
use serde_json::{Value, json};

use crate::support::{Server, named, text};

async fn log(server: &Server) -> Vec<Arc<LoggedEvent>> {
    server.store.events(EventQuery { limit: 100, ..EventQuery::default() }).await.expect("it is there").events
}

fn lane(endpoint: &str, frontier: u64, breaker: &Value) -> LaneRecord {
    LaneRecord {
        endpoint_id: EndpointId::parse(endpoint).expect("it is there"),
        shard: 0,
        frontier,
        settled_above: Vec::new(),
        breaker: breaker.to_string(),
        failing_since: None,
    }
}

fn parked(
    endpoint: &str,
    event: &LoggedEvent,
    next_in: Option<i64>,
    waits_for: Option<&str>,
) -> ParkedRecord {
    ParkedRecord {
        endpoint_id: EndpointId::parse(endpoint).expect("it is there"),
        shard: 0,
        subject_id: event.subject.id.to_string(),
        first_position: event.position,
        attempts: u32::from(waits_for.is_none()),
        next_at: next_in
            .map(|s| clock::now().checked_add(SignedDuration::from_secs(s)).expect("it is there")),
        waits_for: waits_for.map(str::to_owned),
        endpoint_scope: false,
        replaces: Vec::new(),
    }
}

fn refused(endpoint: &str, event: &LoggedEvent) -> Attempt {
    Attempt {
        id: AttemptId::from_uuid(clock::new_uuid()),
        endpoint_id: EndpointId::parse(endpoint).expect("it is there"),
        event_id: event.id.clone(),
        shard: 0,
        position: event.position,
        number: 1,
        trigger: Trigger::Schedule,
        started_at: clock::now(),
        duration_ms: 3,
        response_status: Some(422),
        error: Some(ErrorClass::Status),
        error_detail: Some("422".to_owned()),
        response_body: None,
    }
}

/// What the trace of an event says of one endpoint.
async fn at(server: &Server, event: &LoggedEvent, endpoint: &str) -> Value {
    let uri = format!("/v1/events/{}/trace?endpoint_id={endpoint}", event.id);
    let trace = server.get(&uri).await.expect(200);
    assert_eq!(trace["data"].as_array().expect("it is there").len(), 1, "{trace}");
    trace["data"][0].clone()
}

#[actix_web::test]
async fn an_event_says_what_it_waits_for() {
    let server = Server::start();
    let directory = server.directory().await;
    let endpoint = server.endpoint("https://app.example/").await;
    let ada = server.user(&directory, named("ada")).await;
    let bob = server.user(&directory, named("bob")).await;
    let group = server.group(&directory, "Staff", &[&ada, &bob]).await;
    server.delete_user(&directory, ada).await;
    let events = log(&server).await;
    // Ada's creation was refused; the group's is refused and Bob's membership waits for it.
    let [ada_created, bob_created, group_created, ada_in, bob_in, ada_out, ada_deleted] = &events[..] else {
        panic!("{events:?}")
    };
    server
        .store
        .save_progress(ProgressBatch {
            lanes: vec![lane(&endpoint, events.len() as u64, &json!({"state": "closed"}))],
            parked: vec![
                parked(&endpoint, ada_created, Some(41), None),
                parked(&endpoint, group_created, None, None),
                parked(&endpoint, bob_in, None, Some(group.as_str())),
            ],
            attempts: vec![refused(&endpoint, ada_created), refused(&endpoint, group_created)],
            ..ProgressBatch::default()
        })
        .await
        .expect("it is there");

    let head = at(&server, ada_created, &endpoint).await;
    assert_eq!(head["status"], "retrying");
    assert_eq!(head["attempts"][0]["failure_scope"], "message");
    assert_eq!(head["waiting"]["reason"], "retry");
    for behind in [ada_in, ada_out, ada_deleted] {
        let waiting = at(&server, behind, &endpoint).await["waiting"].take();
        assert_eq!(
            [&waiting["reason"], &waiting["event_id"], &waiting["rule"], &waiting["until"]],
            [
                &json!("earlier_event"),
                &json!(ada_created.id),
                &json!("same_subject"),
                &head["waiting"]["until"]
            ]
        );
        let words = text(&waiting["in_words"]);
        let expected = format!("waits for {} of the same user, next try in 4", ada_created.id);
        assert!(words.starts_with(&expected), "{words}");
    }
    let waiting = at(&server, group_created, &endpoint).await["waiting"].take();
    assert_eq!(waiting["reason"], "owner");
    let waiting = at(&server, bob_in, &endpoint).await["waiting"].take();
    assert_eq!(
        [&waiting["reason"], &waiting["event_id"], &waiting["rule"]],
        [&json!("earlier_event"), &json!(group_created.id), &json!("group_first")]
    );
    assert!(text(&waiting["in_words"]).contains("of its group, which waits for you"), "{waiting}");

    let trace = server.get(&format!("/v1/events/{}/trace", ada_deleted.id)).await.expect(200);
    assert_eq!(
        [&trace["event"]["type"], &trace["log"]["position"], &trace["cause"]["provider"]],
        [&json!("user.deleted"), &json!(ada_deleted.position), &json!("okta")]
    );
    assert!(trace["next_cursor"].is_null() && trace["event"].get("data").is_none());

    let lanes = server.get(&format!("/v1/endpoints/{endpoint}/lanes")).await.expect(200);
    let lane = &lanes["data"][0];
    assert_eq!(
        [&lane["shard"], &lane["frontier"], &lane["head"], &lane["parked_subjects"], &lane["breaker"]],
        [&json!(0), &json!(7), &json!(7), &json!(3), &json!("closed")]
    );
    assert_eq!(lane["parked"][0]["event_id"], json!(ada_created.id));
    assert_eq!(lane["parked"][0]["waiting"], at(&server, ada_created, &endpoint).await["waiting"]);
    assert!(lane.get("next").is_none(), "{lane}");
    let _ = bob_created;
}

#[actix_web::test]
async fn an_event_of_the_window_waits_for_its_predecessors_or_the_endpoint() {
    let server = Server::start();
    let directory = server.directory().await;
    let endpoint = server.endpoint("https://app.example/").await;
    let ada = server.user(&directory, named("ada")).await;
    let _group = server.group(&directory, "Staff", &[&ada]).await;
    server.delete_user(&directory, ada).await;
    let events = log(&server).await;
    // Nothing is saved yet: the first one's turn has come, the others wait for it or for the group.
    let [created, group_created, added, ..] = &events[..] else { panic!("{events:?}") };
    let reason = async |event: &LoggedEvent| at(&server, event, &endpoint).await["waiting"]["reason"].take();
    assert_eq!(reason(created).await, "turn");
    assert_eq!(reason(group_created).await, "turn");
    let waiting = at(&server, added, &endpoint).await["waiting"].take();
    assert_eq!([&waiting["event_id"], &waiting["rule"]], [&json!(created.id), &json!("same_subject")]);
    let settled = |frontier, breaker: &Value| ProgressBatch {
        lanes: vec![lane(&endpoint, frontier, breaker)],
        ..ProgressBatch::default()
    };
    server.store.save_progress(settled(1, &json!({"state": "closed"}))).await.expect("it is there");
    let waiting = at(&server, added, &endpoint).await["waiting"].take();
    assert_eq!([&waiting["event_id"], &waiting["rule"]], [&json!(group_created.id), &json!("group_first")]);
    let lanes = server.get(&format!("/v1/endpoints/{endpoint}/lanes")).await.expect(200);
    assert_eq!(lanes["data"][0]["next"]["event_id"], json!(group_created.id));

    let until = clock::now().checked_add(SignedDuration::from_secs(60)).expect("it is there");
    let open = json!({"state": "open", "until": until, "index": 1});
    server.store.save_progress(settled(1, &open)).await.expect("it is there");
    assert_eq!(reason(group_created).await, "probe");
    let lanes = server.get(&format!("/v1/endpoints/{endpoint}/lanes")).await.expect(200);
    assert_eq!(lanes["data"][0]["breaker"], "open");
    server.poke(&format!("/v1/endpoints/{endpoint}/pause")).await.expect(200);
    assert_eq!(reason(added).await, "endpoint_paused");
}

#[actix_web::test]
async fn an_endpoint_that_does_not_get_it_says_why() {
    let server = Server::start();
    let (directory, other) = (server.directory().await, server.directory().await);
    let organization = server.organization("Other").await;
    let sandbox = server
        .post(
            "/v1/directories",
            json!({"organization_id": organization, "provider": "okta", "mode": "sandbox"}),
        )
        .await
        .expect(201);
    let sandbox = text(&sandbox["id"]);
    let make = async |more: Value| {
        let mut body = json!({"url": "https://app.example/"});
        body.as_object_mut().expect("it is there").extend(more.as_object().expect("it is there").clone());
        text(&server.post("/v1/endpoints", body).await.expect(201)["id"])
    };
    let all = make(json!({})).await;
    let deletions = make(json!({"event_types": ["user.deleted"]})).await;
    let elsewhere = make(json!({"directory_id": other})).await;
    let organizations = make(json!({"organization_id": organization})).await;
    server.user(&directory, named("ada")).await;
    server.user(&sandbox, named("bob")).await;
    let late = make(json!({})).await;
    let events = log(&server).await;
    for (event, endpoint, reason) in [
        (0, &deletions, "event_type"),
        (0, &elsewhere, "other_directory"),
        (0, &organizations, "other_organization"),
        (0, &late, "endpoint_created_later"),
        (1, &all, "sandbox"),
        (1, &organizations, "sandbox"),
    ] {
        let at = at(&server, &events[event], endpoint).await;
        assert_eq!(at["not_sent"]["reason"], reason, "{at}");
        assert!(text(&at["not_sent"]["in_words"]).starts_with("not sent: "));
        assert!(at.get("status").is_none() && at.get("attempts").is_none());
    }
    assert_eq!(at(&server, &events[0], &all).await["status"], "pending");

    // Page by page every endpoint is there once.
    let uri = format!("/v1/events/{}/trace", events[0].id);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{uri}?limit=2{after}")).await.expect(200);
        seen.extend(page["data"].as_array().expect("it is there").iter().map(|at| text(&at["endpoint_id"])));
        let Some(next) = page["next_cursor"].as_str() else { break };
        after = format!("&after={next}");
    }
    let mut expected = vec![all, deletions, elsewhere, organizations, late];
    expected.sort_unstable();
    assert_eq!(seen, expected);
    let unknown = "evt_00000000000000000000000000000000";
    server.get(&format!("/v1/events/{unknown}/trace")).await.refuses(404, "not_found", None);
    let unknown = "ep_00000000000000000000000000000000";
    server.get(&format!("/v1/endpoints/{unknown}/lanes")).await.refuses(404, "not_found", None);
}
