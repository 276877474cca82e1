//! Organizations.

use serde_json::json;

use crate::support::{Server, all_pages, column};

#[actix_web::test]
async fn an_organization_is_made_once_and_found_again() {
    let server = Server::start();
    let made =
        server.post("/v1/organizations", json!({ "name": "Acme", "external_id": "acme" })).await.expect(201);
    assert_eq!((&made["name"], &made["external_id"]), (&json!("Acme"), &json!("acme")));
    assert!(made["created_at"].is_string());
    let id = made["id"].as_str().expect("it has an id");
    assert!(id.starts_with("org_"));
    assert_eq!(server.get(&format!("/v1/organizations/{id}")).await.expect(200), made);
    server.post("/v1/organizations", json!({ "name": "Other", "external_id": "acme" })).await.refuses(
        409,
        "conflict",
        Some("external_id"),
    );
    server.organization("No external id").await;
    server.organization("No external id").await;
    let found = server.get("/v1/organizations?external_id=acme").await.expect(200);
    assert_eq!(column(&found, "id"), [json!(id)]);
}

#[actix_web::test]
async fn a_list_comes_in_pages_with_the_oldest_first() {
    let server = Server::start();
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        server.organization(name).await;
    }
    for limit in [1, 2, 5, 6] {
        let rows = all_pages(&server, "/v1/organizations", limit).await;
        let listed: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(listed, names, "in pages of {limit}");
    }
}

#[actix_web::test]
async fn refusals_name_the_field() {
    let server = Server::start();
    let table = [
        (json!({}), "missing_field", "name"),
        (json!({ "name": "" }), "invalid_field", "name"),
        (json!({ "name": "x".repeat(201) }), "invalid_field", "name"),
        (json!({ "name": 1 }), "invalid_field", "name"),
        (json!({ "name": "a", "externalId": "b" }), "unknown_field", "externalId"),
        (json!({ "name": "a", "external_id": "" }), "invalid_field", "external_id"),
    ];
    for (body, code, field) in table {
        server.post("/v1/organizations", body).await.refuses(422, code, Some(field));
    }
}
