//! Directories and their tokens.

use rollcall_domain::ids::TokenId;
use serde_json::{Value, json};

use crate::support::{Server, column, text};

#[actix_web::test]
async fn a_directory_comes_with_its_address_and_a_token_that_is_shown_once() {
    let server = Server::start();
    let organization = server.organization("Acme").await;
    let body = json!({ "organization_id": organization, "name": "Entra", "provider": "entra_id" });
    let made = server.post("/v1/directories", body).await.expect(201);
    let id = text(&made["id"]);
    assert_eq!(made["scim_base_url"], json!(format!("https://rollcall.example/scim/v2/{id}")));
    assert!(text(&made["token"]).starts_with("rcd_"));
    assert_eq!(
        [&made["name"], &made["provider"], &made["state"], &made["mode"], &made["organization_id"]],
        [&json!("Entra"), &json!("entra_id"), &json!("active"), &json!("live"), &json!(organization)]
    );
    let got = server.get(&format!("/v1/directories/{id}")).await.expect(200);
    assert_eq!(got["token"], Value::Null);
    assert_eq!(got["tokens"][0]["id"], made["token_id"]);
    let last = text(&got["tokens"][0]["last_characters"]);
    assert!(!last.is_empty() && text(&made["token"]).ends_with(&last));

    let other = server.directory().await;
    let listed = server.get("/v1/directories").await.expect(200);
    assert_eq!(column(&listed, "id"), [json!(id), json!(other)]);
    let listed = server.get(&format!("/v1/directories?organization_id={organization}")).await.expect(200);
    assert_eq!(column(&listed, "id"), [json!(id)]);
}

#[actix_web::test]
async fn refusals_name_the_field() {
    let server = Server::start();
    let organization = server.organization("Acme").await;
    let nobody = format!("org_{}", "0".repeat(32));
    let table = [
        (json!({ "provider": "okta" }), 422, "missing_field", "organization_id"),
        (json!({ "organization_id": organization }), 422, "missing_field", "provider"),
        (json!({ "organization_id": organization, "provider": "aol" }), 422, "invalid_field", "provider"),
        (
            json!({ "organization_id": organization, "provider": "okta", "mode": "dry" }),
            422,
            "invalid_field",
            "mode",
        ),
        (
            json!({ "organization_id": organization, "provider": "okta", "name": " " }),
            422,
            "invalid_field",
            "name",
        ),
        (json!({ "organization_id": nobody, "provider": "okta" }), 404, "not_found", "organization_id"),
        (json!({ "organization_id": "acme", "provider": "okta" }), 404, "not_found", "organization_id"),
    ];
    for (body, status, code, field) in table {
        server.post("/v1/directories", body).await.refuses(status, code, Some(field));
    }
}

#[actix_web::test]
async fn a_directory_is_changed_by_what_is_named() {
    let server = Server::start();
    let path = format!("/v1/directories/{}", server.directory().await);
    let before = server.get(&path).await.expect(200);
    assert_eq!(before["compatibility"], json!({"mode": "compatible", "except": []}));
    let strict = json!({"mode": "strict", "except": ["json_content_type", "group_patch_204"]});
    let changed = server.patch(&path, json!({"compatibility": strict, "provider": "okta"})).await.expect(200);
    let sorted = json!({"mode": "strict", "except": ["json_content_type", "group_patch_204"]});
    assert_eq!((&changed["compatibility"], &changed["provider"]), (&sorted, &json!("okta")));
    assert_eq!(changed["name"], before["name"]);
    // What is not named stays.
    let changed = server.patch(&path, json!({"name": "Okta"})).await.expect(200);
    assert_eq!((&changed["compatibility"], &changed["name"]), (&sorted, &json!("Okta")));
    assert_eq!(server.get(&path).await.expect(200)["compatibility"], sorted);
    let changed = server.patch(&path, json!({"compatibility": {}})).await.expect(200);
    assert_eq!(changed["compatibility"], before["compatibility"]);
    for (body, code, field) in [
        (json!({"compatibility": {"mode": "lax"}}), "invalid_field", "compatibility.mode"),
        (json!({"compatibility": {"except": ["nope"]}}), "invalid_field", "compatibility.except[0]"),
        (json!({"compatibility": {"rules": []}}), "unknown_field", "compatibility.rules"),
        (json!({"compatibility": null}), "invalid_field", "compatibility"),
        (json!({"mode": "sandbox"}), "unknown_field", "mode"),
        (json!({"name": ""}), "invalid_field", "name"),
        (json!({"provider": "aol"}), "invalid_field", "provider"),
    ] {
        server.patch(&path, body.clone()).await.refuses(422, code, Some(field));
    }
    let nobody = format!("/v1/directories/dir_{}", "0".repeat(32));
    server.patch(&nobody, json!({"name": "x"})).await.refuses(404, "not_found", None);
}

#[actix_web::test]
async fn the_rules_are_listed_with_what_they_do() {
    let server = Server::start();
    let listed = server.get("/v1/compatibility-rules").await.expect(200);
    let names = column(&listed, "name");
    assert!(names.len() >= 20 && names.contains(&json!("op_case_insensitive")), "{names:?}");
    assert!(
        column(&listed, "description").iter().all(|text| text.as_str().is_some_and(|text| text.len() > 20))
    );
    // Each of them is a switch.
    let path = format!("/v1/directories/{}", server.directory().await);
    server.patch(&path, json!({"compatibility": {"mode": "strict", "except": names}})).await.expect(200);
}

#[actix_web::test]
async fn a_token_tells_when_it_was_used() {
    let server = Server::start();
    let path = format!("/v1/directories/{}", server.directory().await);
    let token = server.get(&path).await.expect(200)["tokens"][0].clone();
    assert_eq!(token["last_used_at"], Value::Null);
    server.store.note_token_use(&TokenId::parse(&text(&token["id"])).expect("it is an id"));
    assert!(server.get(&path).await.expect(200)["tokens"][0]["last_used_at"].is_string());
    let listed = server.get(&format!("{path}/tokens")).await.expect(200);
    assert!(listed["data"][0]["last_used_at"].is_string());
}

#[actix_web::test]
async fn tokens_rotate() {
    let server = Server::start();
    let path = format!("/v1/directories/{}/tokens", server.directory().await);
    let second = server.poke(&path).await.expect(201);
    assert!(text(&second["token"]).starts_with("rcd_"));
    let listed = server.get(&path).await.expect(200);
    assert_eq!(column(&listed, "expires_at"), [Value::Null, Value::Null]);
    assert_eq!(column(&listed, "token"), [Value::Null, Value::Null]);

    let third = server.post(&path, json!({ "overlap_seconds": 3600 })).await.expect(201);
    let listed = server.get(&path).await.expect(200);
    let ends: Vec<_> = column(&listed, "expires_at").iter().map(Value::is_string).collect();
    assert_eq!(ends, [true, true, false]);
    assert_eq!(column(&listed, "id")[2], third["id"]);

    let one = format!("{path}/{}", text(&second["id"]));
    assert_eq!(server.delete(&one).await.status, 204);
    server.delete(&one).await.refuses(404, "not_found", None);
    assert_eq!(column(&server.get(&path).await.expect(200), "id").len(), 2);
    server.post(&path, json!({ "overlap_seconds": 2_592_001 })).await.refuses(
        422,
        "invalid_field",
        Some("overlap_seconds"),
    );
}

#[actix_web::test]
async fn a_directory_is_disabled_enabled_and_deleted_with_an_event_each() {
    let server = Server::start();
    let directory = server.directory().await;
    let path = format!("/v1/directories/{directory}");
    assert_eq!(server.poke(&format!("{path}/disable")).await.expect(200)["state"], json!("disabled"));
    assert_eq!(server.poke(&format!("{path}/disable")).await.expect(200)["state"], json!("disabled"));
    assert_eq!(server.get(&path).await.expect(200)["state"], json!("disabled"));
    assert_eq!(server.poke(&format!("{path}/enable")).await.expect(200)["state"], json!("active"));
    assert_eq!(server.delete(&path).await.status, 204);
    server.get(&path).await.refuses(404, "not_found", None);
    server.delete(&path).await.refuses(404, "not_found", None);
    assert_eq!(column(&server.get("/v1/directories").await.expect(200), "id"), [Value::Null; 0]);
    let events = server.get(&format!("/v1/events?directory_id={directory}")).await.expect(200);
    assert_eq!(
        column(&events, "type"),
        ["directory.deactivated", "directory.activated", "directory.deleted"]
    );
}
