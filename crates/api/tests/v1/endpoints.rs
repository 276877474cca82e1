//! Endpoints.

use rollcall_store::ledger::ManualSendWhat;
use serde_json::{Value, json};

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
async fn a_test_event_is_asked_for() {
    let server = Server::start();
    let id = server.endpoint(URL).await;
    let answer = server.poke(&format!("/v1/endpoints/{id}/test")).await.expect(202);
    let sends = server.store.manual_sends(10).await.unwrap();
    let [send] = &sends[..] else { panic!("one send, not {sends:?}") };
    assert_eq!(send.endpoint_id.as_str(), id);
    let ManualSendWhat::Test { event_id, body } = &send.what else { panic!("a test, not {send:?}") };
    assert_eq!(json!(event_id), answer["event_id"]);
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["id"], answer["event_id"]);
}
