//! What the operator is told of endpoints that fail, and why an event has not arrived.

use rollcall_tests::{
    event::{Event, kinds},
    receiver::Reply,
    wait::{SOON, eventually},
};
use serde_json::json;

use crate::PROFILE;

const TYPES: [&str; 4] =
    ["endpoint.failing", "endpoint.disabled", "endpoint.recovered", "delivery.exhausted"];

/// What a hook accepted of the operator's stream.
fn told(log: &[std::sync::Arc<rollcall_tests::receiver::Attempt>], hook: &str) -> Vec<Event> {
    log.iter().filter(|a| a.hook == hook && a.accepted()).map(|a| a.event()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_hears_of_an_endpoint_that_fails_and_comes_back() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let operator = world.subscribe("operator", json!({"event_types": TYPES})).await;
    let app = world
        .subscribe(
            "app",
            json!({"directory_id": dir.directory, "retry_schedule": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]}),
        )
        .await;
    world.receiver.always("app", Reply::Status(500));
    for n in 0..8 {
        dir.user(&format!("user{n}")).await;
    }
    world.receiver.wait_until("word of the failure", SOON, |log| !told(log, "operator").is_empty()).await;
    world.receiver.recover("app");
    world.receiver.wait_until("word of the recovery", SOON, |log| told(log, "operator").len() >= 2).await;
    world.drained("app", &dir).await;
    world.receiver.always("app", Reply::Status(410));
    dir.user("last").await;
    world.receiver.wait_until("word of the end", SOON, |log| told(log, "operator").len() >= 3).await;

    let told = told(&world.receiver.attempts(), "operator");
    assert_eq!(kinds(&told), ["endpoint.failing", "endpoint.recovered", "endpoint.disabled"]);
    for (event, place) in told.iter().zip(1..) {
        assert_eq!(event.0["subject"], json!({"type": "endpoint", "id": app.id, "version": place}));
        assert_eq!((&event.0["sequence"], &event.0["stream"]), (&json!(place), &json!("operator")));
        assert_eq!(event.0["data"]["directory_id"], json!(dir.directory));
    }
    assert_eq!(told[0].0["data"]["response_status"], 500);
    assert_eq!(told[2].0["data"]["state"], "disabled");
    // The list has the same bodies, and the directories' list has none of them.
    let listed = world.owner.list("/events", "?stream=operator", 100).await;
    assert_eq!(listed, told.iter().map(|event| event.0.clone()).collect::<Vec<_>>());
    let others = world.owner.list("/events", "", 100).await;
    assert!(others.iter().all(|event| !TYPES.contains(&event["type"].as_str().unwrap_or_default())));

    // The trace of one: it is not sent to the endpoint that it is about.
    let trace = world.owner.get(&format!("/events/{}/trace", told[0].id())).await.expect(200);
    let at = |id: &str| {
        let found = trace["data"].as_array().and_then(|all| all.iter().find(|at| at["endpoint_id"] == id));
        found.cloned().unwrap_or_else(|| panic!("no {id} in {trace}"))
    };
    assert_eq!(at(&app.id)["not_sent"]["reason"], "event_type");
    eventually("the delivery is saved", SOON, || async {
        let trace = world.owner.get(&format!("/events/{}/trace", told[0].id())).await.expect(200);
        let data = trace["data"].as_array().cloned().unwrap_or_default();
        data.iter().any(|at| at["endpoint_id"] == operator.id && at["status"] == "delivered").then_some(())
    })
    .await;
    let refused = world
        .owner
        .post(
            "/endpoints",
            json!({"url": world.receiver.url("x"), "directory_id": dir.directory, "event_types": TYPES}),
        )
        .await;
    refused.expect_problem(422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_endpoint_that_fails_itself_makes_no_loop() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    // Each hears of the other; both refuse everything, for good.
    for hook in ["first", "second"] {
        world.receiver.always(hook, Reply::Status(400));
        world.subscribe(hook, json!({"event_types": TYPES, "retry_schedule": [0]})).await;
    }
    world.receiver.always("app", Reply::Status(400));
    world.subscribe("app", json!({"directory_id": dir.directory, "retry_schedule": [0]})).await;
    let user = dir.user("ada").await;
    let count = |log: &[std::sync::Arc<rollcall_tests::receiver::Attempt>], hook: &str| {
        log.iter().filter(|a| a.hook == hook).count()
    };
    world
        .receiver
        .wait_until("word of the dead letter", SOON, |log| {
            ["first", "second"].iter().all(|hook| count(log, hook) == 1)
        })
        .await;
    // What exhausted itself on the way to the operators has been given up by now, and made nothing.
    for n in 0..3 {
        dir.set(&user, "title", json!(format!("title {n}"))).await.expect(200);
    }
    world.receiver.wait_until("the rest", SOON, |log| count(log, "app") == 4).await;
    let dead = eventually("dead letters", SOON, || async {
        let dead = world.owner.list("/deliveries", "?status=dead", 100).await;
        (dead.len() == 6).then_some(dead)
    })
    .await;
    let listed = world.owner.list("/events", "?stream=operator", 100).await;
    assert_eq!(listed.len(), 1, "{dead:?}");
    assert_eq!((&listed[0]["type"], &listed[0]["data"]["count"]), (&json!("delivery.exhausted"), &json!(1)));
    let attempts = world.receiver.attempts();
    assert_eq!((count(&attempts, "first"), count(&attempts, "second")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_has_not_arrived_says_what_it_waits_for() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let more = json!({"directory_id": dir.directory, "retry_schedule": [0, 600]});
    let endpoint = world.subscribe("app", more).await;
    world.receiver.always("app", Reply::Status(422));
    let user = dir.user("ada").await;
    dir.set(&user, "title", json!("Countess")).await.expect(200);
    let log = world.owner.events(&dir.directory).await;
    let (first, second) = (&log[0], &log[1]);
    let at = async |event: &Event| {
        let path = format!("/events/{}/trace?endpoint_id={}", event.id(), endpoint.id);
        world.owner.get(&path).await.expect(200)["data"][0].clone()
    };
    let parked = eventually("the refusal is saved", SOON, || async {
        let parked = at(second).await;
        // Before, the first one's turn is what it waits for, at no time that is known.
        parked["waiting"]["until"].is_string().then_some(parked)
    })
    .await;
    let words = parked["waiting"]["in_words"].as_str().unwrap_or_default();
    let expected = format!("waits for {} of the same user, next try in ", first.id());
    assert!(words.starts_with(&expected), "{parked}");
    let head = at(first).await;
    assert_eq!((&head["status"], &head["waiting"]["reason"]), (&json!("retrying"), &json!("retry")));
    assert_eq!(head["attempts"][0]["failure_scope"], "message");
    let lanes = world.owner.get(&format!("/endpoints/{}/lanes", endpoint.id)).await.expect(200);
    let lanes = lanes["data"].as_array().cloned().unwrap_or_default();
    assert_eq!(lanes.len(), 1, "a directory is in one shard");
    assert_eq!(
        (&lanes[0]["parked_subjects"], &lanes[0]["parked"][0]["event_id"]),
        (&json!(1), &first.0["id"])
    );
}
