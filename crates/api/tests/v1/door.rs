//! What every route has in common: the key, the refusals of routing, the bounds.

use actix_web::test::TestRequest;
use serde_json::json;

use crate::support::{KEY, Server, keyed};

#[actix_web::test]
async fn nothing_below_v1_opens_without_a_key() {
    let server = Server::start();
    for uri in ["/v1", "/v1/organizations", "/v1/events/stream", "/v1/no/such/route"] {
        let answer = server.send(TestRequest::get().uri(uri)).await;
        answer.refuses(401, "unauthorized", None);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"rollcall\""));
        assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
    }
    for value in
        ["Bearer ", "Bearer wrong", "Basic cmNrXw==", KEY, &format!("Bearer {KEY}x"), "Bearer \u{e9}"]
    {
        let request = TestRequest::get().uri("/v1/organizations").insert_header(("authorization", value));
        server.send(request).await.refuses(401, "unauthorized", None);
    }
    let request =
        TestRequest::get().uri("/v1/organizations").insert_header(("authorization", format!("bearer {KEY}")));
    server.send(request).await.expect(200);
}

#[actix_web::test]
async fn a_key_in_the_store_opens_too() {
    use sha2::{Digest, Sha256};
    let server = Server::start();
    let request =
        || TestRequest::get().uri("/v1/endpoints").insert_header(("authorization", "Bearer rck_other"));
    server.send(request()).await.refuses(401, "unauthorized", None);
    server
        .store
        .add_api_key(Sha256::digest(b"rck_other").into(), "ther".to_owned())
        .await
        .expect("it is kept");
    server.send(request()).await.expect(200);
}

#[actix_web::test]
async fn routing_refuses_in_json() {
    let server = Server::start();
    for uri in ["/v1", "/v1/", "/v1/nothing", "/v1/organizations/", "/v1/users/x/y"] {
        server.get(uri).await.refuses(404, "not_found", None);
    }
    let table = [
        ("/v1/organizations", "GET, POST"),
        ("/v1/endpoints/ep_x", "GET, PATCH, DELETE"),
        ("/v1/events/stream", "GET"),
        ("/v1/endpoints/ep_x/pause", "POST"),
    ];
    for (uri, allow) in table {
        let answer = server.send(keyed(TestRequest::put(), uri)).await;
        answer.refuses(405, "method_not_allowed", None);
        assert_eq!(answer.header("allow"), Some(allow), "{uri}");
    }
}

#[actix_web::test]
async fn ids_that_name_nothing_are_not_found() {
    let server = Server::start();
    let hex = "018f00000000700080000000000000ff";
    for (path, prefix) in [
        ("organizations", "org_"),
        ("directories", "dir_"),
        ("endpoints", "ep_"),
        ("events", "evt_"),
        ("users", "usr_"),
        ("groups", "grp_"),
        ("deliveries", "dlv_"),
    ] {
        for id in
            [format!("{prefix}{hex}"), "x".to_owned(), "%00".to_owned(), "%ff".to_owned(), "..%2f".to_owned()]
        {
            server.get(&format!("/v1/{path}/{id}")).await.refuses(404, "not_found", None);
        }
    }
    server.get(&format!("/v1/deliveries/dlv_{hex}00000000000000000001")).await.refuses(
        404,
        "not_found",
        None,
    );
    server.get(&format!("/v1/groups/grp_{hex}/members")).await.refuses(404, "not_found", None);
    for action in ["pause", "resume", "test", "recover", "secrets/rotate"] {
        server.poke(&format!("/v1/endpoints/ep_{hex}/{action}")).await.refuses(404, "not_found", None);
    }
    for action in ["enable", "disable", "tokens"] {
        server.poke(&format!("/v1/directories/dir_{hex}/{action}")).await.refuses(404, "not_found", None);
    }
    server.poke(&format!("/v1/deliveries/dlv_{hex}00000000000000000001/resend")).await.refuses(
        404,
        "not_found",
        None,
    );
    server.delete(&format!("/v1/endpoints/ep_{hex}")).await.refuses(404, "not_found", None);
    server.delete(&format!("/v1/directories/dir_{hex}")).await.refuses(404, "not_found", None);
    server.delete(&format!("/v1/directories/dir_{hex}/tokens/tok_{hex}")).await.refuses(
        404,
        "not_found",
        None,
    );
    server.patch(&format!("/v1/endpoints/ep_{hex}"), json!({})).await.refuses(404, "not_found", None);
}

#[actix_web::test]
async fn bodies_and_queries_are_bounded_and_closed() {
    let server = Server::start();
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(256 * 1024));
    let request = keyed(TestRequest::post(), "/v1/organizations").set_payload(big);
    server.send(request).await.refuses(413, "body_too_large", None);
    let request = keyed(TestRequest::post(), "/v1/organizations").set_payload("{\"name\":");
    server.send(request).await.refuses(400, "invalid_json", None);
    server.post("/v1/organizations", json!([1])).await.refuses(422, "invalid_field", None);

    for uri in
        ["/v1/organizations", "/v1/directories", "/v1/endpoints", "/v1/users", "/v1/groups", "/v1/deliveries"]
    {
        server.get(&format!("{uri}?offset=3")).await.refuses(400, "unknown_parameter", Some("offset"));
        server.get(&format!("{uri}?limit=1001")).await.refuses(400, "invalid_parameter", Some("limit"));
        server.get(&format!("{uri}?after=nonsense")).await.refuses(400, "invalid_cursor", Some("after"));
        let page = server.get(&format!("{uri}?limit=1000")).await.expect(200);
        assert_eq!(page, json!({ "data": [], "next_cursor": null }), "{uri}");
    }
    server.get("/v1/users?directory_id=x").await.refuses(400, "invalid_parameter", Some("directory_id"));
    server.get("/v1/deliveries?status=lost").await.refuses(400, "invalid_parameter", Some("status"));
}

#[actix_web::test]
async fn the_document_names_the_methods_that_are_there() {
    let server = Server::start();
    let document = server.get("/v1/openapi.json").await.expect(200);
    for (path, item) in document["paths"].as_object().unwrap() {
        let uri = path.replace("{id}", "x").replace("{token_id}", "y");
        let answer = server.send(keyed(TestRequest::put(), &uri)).await;
        let mut allowed: Vec<_> =
            answer.header("allow").unwrap().split(", ").map(str::to_lowercase).collect();
        let mut documented: Vec<_> =
            item.as_object().unwrap().keys().filter(|key| *key != "parameters").cloned().collect();
        allowed.sort_unstable();
        documented.sort_unstable();
        assert_eq!(documented, allowed, "{path}");
    }
}
