//! Endpoints.

use std::time::Duration;

use rollcall_domain::{
    delivery::{Attempt, ErrorClass, Trigger},
    ids::{AttemptId, EndpointId, EventId},
};
use rollcall_store::{
    clock,
    ledger::{LaneRecord, ManualSend, ManualSendWhat, ProgressBatch},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Server, column, text};

const URL: &str = "https://app.example/hooks";

#[actix_web::test]
async fn an_endpoint_has_defaults_and_a_secret_that_is_shown_once() {
    let server = Server::start();
    let made = server.post("/v1/endpoints", json!({ "url": URL })).await.expect(201);
    assert!(text(&made["secret"]).starts_with("whsec_"));
    assert_eq!(
        [
            &made["state"],
            &made["format"],
            &made["event_types"],
            &made["timeout_seconds"],
            &made["on_exhausted"]
        ],
        [&json!("active"), &json!("standard"), &json!([]), &json!(15), &json!("dead_letter")]
    );
    let got = server.get(&format!("/v1/endpoints/{}", text(&made["id"]))).await.expect(200);
    assert_eq!(got["secret"], Value::Null);
    assert_eq!(got["lag"], json!({ "events": 0, "oldest_age_seconds": 0 }));
    assert_eq!(
        [&got["failing_since"], &got["parked_subjects"], &got["dead_letters"]],
        [&Value::Null, &json!(0), &json!(0)]
    );
    let listed = server.get("/v1/endpoints").await.expect(200);
    assert_eq!(
        (column(&listed, "id"), column(&listed, "secret")),
        (vec![made["id"].clone()], vec![Value::Null])
    );
}

#[actix_web::test]
async fn everything_that_is_set_is_kept() {
    let server = Server::start();
    let directory = server.directory().await;
    let set = json!({
        "url": URL, "description": "d", "directory_id": directory, "event_types": ["user.created", "group.deleted"],
        "format": "standard", "retry_schedule": [0, 5, 300], "timeout_seconds": 30, "on_exhausted": "block",
        "headers": { "X-Team": "identity" },
    });
    let made = server.post("/v1/endpoints", set.clone()).await.expect(201);
    let got = server.get(&format!("/v1/endpoints/{}", text(&made["id"]))).await.expect(200);
    for (field, value) in set.as_object().unwrap() {
        assert_eq!(&got[field], value, "{field}");
    }
}

#[actix_web::test]
async fn refusals_name_the_field() {
    let server = Server::start();
    let directory = server.directory().await;
    let organization = server.organization("Other").await;
    let with = |field: &str, value: Value| json!({ "url": URL, field: value });
    let table = [
        (json!({}), 422, "missing_field", "url"),
        (json!({ "url": "hooks" }), 422, "invalid_field", "url"),
        (json!({ "url": "ftp://app.example/" }), 422, "invalid_field", "url"),
        (json!({ "url": "https://me:pw@app.example/" }), 422, "invalid_field", "url"),
        (json!({ "url": format!("{URL}?{}", "x".repeat(2_048)) }), 422, "invalid_field", "url"),
        (json!({ "url": "https://internal.example/" }), 422, "endpoint_url_refused", "url"),
        (with("event_types", json!(["user.born"])), 422, "invalid_field", "event_types[0]"),
        (with("event_types", json!(["user.created", "user.created"])), 422, "invalid_field", "event_types"),
        (with("format", json!("workos")), 422, "unsupported_format", "format"),
        (with("retry_schedule", json!([])), 422, "invalid_field", "retry_schedule"),
        (with("retry_schedule", json!(vec![1; 25])), 422, "invalid_field", "retry_schedule"),
        (with("retry_schedule", json!([0, -1])), 422, "invalid_field", "retry_schedule[1]"),
        (with("retry_schedule", json!([604_801])), 422, "invalid_field", "retry_schedule[0]"),
        (with("timeout_seconds", json!(0)), 422, "invalid_field", "timeout_seconds"),
        (with("timeout_seconds", json!(31)), 422, "invalid_field", "timeout_seconds"),
        (with("on_exhausted", json!("drop")), 422, "invalid_field", "on_exhausted"),
        (with("headers", json!({ "Host": "x" })), 422, "invalid_field", "headers.Host"),
        (with("headers", json!({ "x": 1 })), 422, "invalid_field", "headers.x"),
        (with("eventTypes", json!([])), 422, "unknown_field", "eventTypes"),
        (with("directory_id", json!("dir_x")), 404, "not_found", "directory_id"),
        (with("organization_id", json!("org_x")), 404, "not_found", "organization_id"),
        (
            json!({ "url": URL, "directory_id": directory, "organization_id": organization }),
            422,
            "invalid_field",
            "directory_id",
        ),
    ];
    for (body, status, code, field) in table {
        server.post("/v1/endpoints", body).await.refuses(status, code, Some(field));
    }
    assert_eq!(column(&server.get("/v1/endpoints").await.expect(200), "id"), [Value::Null; 0]);
}

#[actix_web::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let server = Server::start();
    let path = format!("/v1/endpoints/{}", server.endpoint(URL).await);
    let before = server.get(&path).await.expect(200);
    let changes = [
        ("url", json!("https://new.example/")),
        ("description", json!("d")),
        ("event_types", json!(["user.created"])),
        ("retry_schedule", json!([0])),
        ("timeout_seconds", json!(3)),
        ("on_exhausted", json!("block")),
        ("headers", json!({ "a": "b" })),
    ];
    let mut expected = before.clone();
    for (field, value) in changes {
        let after = server.patch(&path, json!({ field: value })).await.expect(200);
        expected[field] = value;
        for (name, value) in expected.as_object().unwrap() {
            if after.get(name).is_some() && name != "updated_at" {
                assert_eq!(&after[name], value, "{name} after {field}");
            }
        }
    }
    assert_eq!(
        server.patch(&path, json!({ "description": null })).await.expect(200)["description"],
        Value::Null
    );
    let table = [
        (json!({ "url": "https://internal.example/" }), "endpoint_url_refused", "url"),
        (json!({ "directory_id": "dir_x" }), "unknown_field", "directory_id"),
        (json!({ "state": "paused" }), "unknown_field", "state"),
        (json!({ "url": null }), "invalid_field", "url"),
        (json!({ "timeout_seconds": 99 }), "invalid_field", "timeout_seconds"),
        (json!({ "format": "scalekit" }), "unsupported_format", "format"),
    ];
    for (body, code, field) in table {
        server.patch(&path, body).await.refuses(422, code, Some(field));
    }
    assert_eq!(server.get(&path).await.expect(200)["url"], json!("https://new.example/"));
}

#[actix_web::test]
async fn pause_resume_delete() {
    let server = Server::start();
    let path = format!("/v1/endpoints/{}", server.endpoint(URL).await);
    for (action, state) in [("pause", "paused"), ("pause", "paused"), ("resume", "active")] {
        assert_eq!(server.poke(&format!("{path}/{action}")).await.expect(200)["state"], json!(state));
        assert_eq!(server.get(&path).await.expect(200)["state"], json!(state));
    }
    server.post(&format!("{path}/pause"), json!({ "for": 3 })).await.refuses(
        422,
        "unknown_field",
        Some("for"),
    );
    assert_eq!(server.delete(&path).await.status, 204);
    server.get(&path).await.refuses(404, "not_found", None);
}

#[actix_web::test]
async fn a_secret_rotates_with_an_overlap() {
    let server = Server::start();
    let path = format!("/v1/endpoints/{}/secrets/rotate", server.endpoint(URL).await);
    let first = server.poke(&path).await.expect(200);
    let second = server.post(&path, json!({ "overlap_seconds": 60 })).await.expect(200);
    assert!(text(&first["secret"]).starts_with("whsec_") && first["secret"] != second["secret"]);
    let time = |answer: &Value| text(&answer["previous_expires_at"]).parse::<jiff::Timestamp>().unwrap();
    assert!(time(&second) < time(&first));
    server.post(&path, json!({ "overlap_seconds": "1h" })).await.refuses(
        422,
        "invalid_field",
        Some("overlap_seconds"),
    );
}

#[actix_web::test]
async fn what_the_egress_policy_says_is_handed_on() {
    let server = Server::start();
    let path = format!("/v1/endpoints/{}", server.endpoint(URL).await);
    let url = json!({ "url": "https://app.example:25/hooks" });
    for answer in [server.post("/v1/endpoints", url.clone()).await, server.patch(&path, url).await] {
        answer.refuses(422, "endpoint_url_refused", Some("url"));
        assert_eq!(answer.json()["detail"], json!("`url` is not allowed: port 25 is not allowed."));
    }
    assert_eq!(column(&server.get("/v1/endpoints").await.expect(200), "url"), [json!(URL)]);
}

#[actix_web::test]
async fn a_change_that_changes_nothing_is_none() {
    let server = Server::start();
    let set = json!({
        "url": URL, "description": "d", "event_types": ["user.created"], "retry_schedule": [0, 5],
        "timeout_seconds": 3, "on_exhausted": "block", "headers": { "a": "b" },
    });
    let path =
        format!("/v1/endpoints/{}", text(&server.post("/v1/endpoints", set.clone()).await.expect(201)["id"]));
    let updated_at = async || text(&server.get(&path).await.expect(200)["updated_at"]);
    let revision = server.store.catalog_changes();
    let made = *revision.borrow();

    for patch in [json!({}), set.clone(), json!({ "format": "standard" })] {
        assert_eq!(server.patch(&path, patch).await.expect(200)["url"], json!(URL));
    }
    // The catalog has a new revision with each change: there was none.
    assert_eq!(*revision.borrow(), made);

    assert_eq!(server.poke(&format!("{path}/pause")).await.expect(200)["state"], json!("paused"));
    let (paused, paused_at) = (*revision.borrow(), updated_at().await);
    assert_ne!(paused, made);
    assert_eq!(server.poke(&format!("{path}/pause")).await.expect(200)["state"], json!("paused"));
    assert_eq!((*revision.borrow(), updated_at().await), (paused, paused_at));

    // A resume is told to the dispatcher, which may be waiting before it tries the endpoint again.
    // To the microsecond, as it sees it.
    let stored_at = || {
        let catalog = server.store.catalog();
        catalog.endpoints.values().next().map(|entry| entry.endpoint.updated_at).expect("it is there")
    };
    for _ in 0..2 {
        let before = (*revision.borrow(), stored_at());
        assert_eq!(server.poke(&format!("{path}/resume")).await.expect(200)["state"], json!("active"));
        assert_ne!(*revision.borrow(), before.0);
        assert!(stored_at() > before.1);
    }

    for (field, value) in [
        ("description", json!(null)),
        ("event_types", json!([])),
        ("retry_schedule", json!([0])),
        ("timeout_seconds", json!(4)),
        ("on_exhausted", json!("dead_letter")),
        ("headers", json!({})),
        ("url", json!("https://new.example/")),
    ] {
        let before = *revision.borrow();
        server.patch(&path, json!({ field: value })).await.expect(200);
        assert_ne!(*revision.borrow(), before, "{field}");
    }
}

/// The one test that is asked for, and its event.
async fn asked_for(server: &Server) -> (ManualSend, EventId, String) {
    let mut asked = server.store.manual_changes();
    loop {
        asked.borrow_and_update();
        if let Some(send) = server.store.manual_sends(0, 10).await.expect("they can be read").pop() {
            let ManualSendWhat::Test { event_id, body } = send.what.clone() else {
                panic!("a test, not {send:?}")
            };
            return (send, event_id, body);
        }
        asked.changed().await.expect("the store is there");
    }
}

/// Saves what a dispatcher would after it sent a test.
async fn answer_test(server: &Server, error: Option<ErrorClass>) -> EventId {
    let (send, event_id, _) = asked_for(server).await;
    let attempt = Attempt {
        id: AttemptId::from_uuid(clock::new_uuid()),
        endpoint_id: send.endpoint_id,
        event_id: event_id.clone(),
        shard: 0,
        position: 0,
        number: 1,
        trigger: Trigger::Test,
        started_at: clock::now(),
        duration_ms: 12,
        response_status: Some(if error.is_some() { 500 } else { 204 }),
        error,
        error_detail: None,
        response_body: None,
    };
    let batch =
        ProgressBatch { attempts: vec![attempt], manual_done: vec![send.id], ..ProgressBatch::default() };
    server.store.save_progress(batch).await.expect("it is saved");
    event_id
}

#[actix_web::test]
async fn a_test_answers_with_what_came_of_it() {
    let server = Server::start();
    let path = format!("/v1/endpoints/{}/test", server.endpoint(URL).await);
    for (error, status) in [(None, 204), (Some(ErrorClass::Status), 500)] {
        let (answer, event_id) = tokio::join!(server.poke(&path), answer_test(&server, error));
        let answer = answer.expect(200);
        assert_eq!(
            [&answer["event_id"], &answer["attempt"]["event_id"], &answer["attempt"]["trigger"]],
            [&json!(event_id), &json!(event_id), &json!("test")]
        );
        assert_eq!(
            [&answer["delivered"], &answer["attempt"]["response_status"]],
            [&json!(error.is_none()), &json!(status)]
        );
    }
}

#[actix_web::test]
async fn a_test_sends_what_it_answers() {
    let server = Server::start();
    let id = server.endpoint(URL).await;
    let path = format!("/v1/endpoints/{id}/test");
    let (answer, (send, event_id, body)) = tokio::join!(server.poke(&path), async {
        let asked = asked_for(&server).await;
        // Nobody makes the attempt, and the server shuts down.
        server.shutdown.send(true).unwrap();
        asked
    });
    assert_eq!(answer.expect(202), json!({ "event_id": event_id }));
    assert_eq!(send.endpoint_id.as_str(), id);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["id"], json!(event_id));
}

#[actix_web::test]
async fn a_test_waits_no_longer_than_it_says() {
    let server = Server::start();
    let made = server.post("/v1/endpoints", json!({ "url": URL, "timeout_seconds": 7 })).await.expect(201);
    let path = format!("/v1/endpoints/{}/test", text(&made["id"]));
    let (answer, began) = tokio::join!(server.poke(&path), async {
        asked_for(&server).await;
        // From here on time passes whenever nothing else is left to do.
        tokio::time::pause();
        Instant::now()
    });
    answer.expect(202);
    let waited = began.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(11)).contains(&waited), "{waited:?}");
}

#[actix_web::test]
async fn a_breaker_is_shown() {
    let server = Server::start();
    let endpoint = server.endpoint(URL).await;
    let path = format!("/v1/endpoints/{endpoint}");
    let endpoint_id = EndpointId::parse(&endpoint).expect("it is an id");
    let shown = async || {
        let report = server.get(&path).await.expect(200);
        (report["breaker"].clone(), report.get("next_probe_at").cloned())
    };
    assert_eq!(shown().await, (json!("closed"), None));
    let until = "2200-01-01T00:00:00.250Z";
    for (breaker, expected) in [
        (json!({ "state": "open", "until": until, "index": 1 }), (json!("open"), Some(json!(until)))),
        (json!({ "state": "half_open", "index": 1 }), (json!("half_open"), None)),
        (json!({ "state": "closed" }), (json!("closed"), None)),
    ] {
        let lane = LaneRecord {
            endpoint_id: endpoint_id.clone(),
            shard: 0,
            frontier: 0,
            settled_above: Vec::new(),
            breaker: breaker.to_string(),
            failing_since: None,
        };
        let batch = ProgressBatch { lanes: vec![lane], ..ProgressBatch::default() };
        server.store.save_progress(batch).await.expect("it is saved");
        assert_eq!(shown().await, expected);
    }
}
