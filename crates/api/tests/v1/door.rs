//! What every route has in common: the key, the refusals of routing, the bounds.

use actix_web::{http::Method, test::TestRequest};
use serde_json::json;

use crate::support::{KEY, Server, keyed, text};

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
        // No route has it.
        let answer = server.send(keyed(TestRequest::default().method(Method::TRACE), &uri)).await;
        let mut allowed: Vec<_> =
            answer.header("allow").unwrap().split(", ").map(str::to_lowercase).collect();
        let mut documented: Vec<_> =
            item.as_object().unwrap().keys().filter(|key| *key != "parameters").cloned().collect();
        allowed.sort_unstable();
        documented.sort_unstable();
        assert_eq!(documented, allowed, "{path}");
    }
}

#[actix_web::test]
async fn a_body_is_json_or_says_nothing() {
    let server = Server::start();
    let send = async |uri: &str, kind: &str, body: &'static str| {
        let request = keyed(TestRequest::post(), uri).insert_header(("content-type", kind)).set_payload(body);
        server.send(request).await
    };
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json", ""] {
        send("/v1/organizations", kind, r#"{"name":"Acme"}"#).await.expect(201);
    }
    for kind in ["application/x-www-form-urlencoded", "text/plain", "json", "application/jsonp", "\u{e9}"] {
        let answer = send("/v1/organizations", kind, r#"{"name":"Acme"}"#).await;
        answer.refuses(415, "unsupported_media_type", None);
    }
    let endpoint = server.endpoint("https://app.example/").await;
    let pause = format!("/v1/endpoints/{endpoint}/pause");
    // What `curl -d ''` says of nothing is no reason to refuse it.
    send(&pause, "application/x-www-form-urlencoded", "").await.expect(200);
    send(&pause, "text/plain", "{}").await.refuses(415, "unsupported_media_type", None);
}

#[actix_web::test]
async fn refusals_are_sentences_for_people() {
    let server = Server::start();
    let organization = server.organization("Acme").await;
    let path = format!("/v1/endpoints/{}", server.endpoint("https://app.example/").await);
    let tokens = format!("/v1/directories/{}/tokens", server.directory().await);
    let url = "https://app.example/";
    let table = [
        (
            "/v1/organizations",
            json!({ "name": "a", "bogus": 1 }),
            "`bogus` is not known here; known are: name, external_id.",
        ),
        (
            "/v1/directories",
            json!({ "organization_id": organization, "provider": "nosuch" }),
            "`provider` must be one of entra_id, okta, onelogin, jumpcloud, ping, google_workspace, rippling, \
             cyberark, sailpoint, keycloak, generic, not `nosuch`.",
        ),
        (
            "/v1/directories",
            json!({ "organization_id": organization, "provider": 5 }),
            "`provider` must be a string, not a number.",
        ),
        (
            "/v1/directories",
            json!({ "organization_id": organization, "provider": "okta", "mode": "test" }),
            "`mode` must be one of live, sandbox, not `test`.",
        ),
        (
            "/v1/endpoints",
            json!({ "url": "hooks" }),
            "`url` is not a complete URL, such as https://app.example.com/hooks.",
        ),
        (
            "/v1/endpoints",
            json!({ "url": url, "timeout_seconds": -1 }),
            "`timeout_seconds` must be a whole number from 1 to 30.",
        ),
        (
            "/v1/endpoints",
            json!({ "url": url, "timeout_seconds": "15" }),
            "`timeout_seconds` must be a whole number from 1 to 30, not a string.",
        ),
        (
            "/v1/endpoints",
            json!({ "url": url, "retry_schedule": [0, 604_801] }),
            "`retry_schedule[1]` must be a whole number from 0 to 604800.",
        ),
        (
            "/v1/endpoints",
            json!({ "url": url, "retry_schedule": [] }),
            "`retry_schedule` must have 1 to 24 entries.",
        ),
        (
            "/v1/endpoints",
            json!({ "url": url, "headers": ["a"] }),
            "`headers` must be an object, not a list.",
        ),
        (
            "/v1/endpoints",
            json!({ "url": url, "on_exhausted": "drop" }),
            "`on_exhausted` must be one of dead_letter, block, coalesce, not `drop`.",
        ),
        (
            "/v1/endpoints",
            json!({ "url": url, "format": "workos" }),
            "`format` must be standard, not `workos`.",
        ),
        (&format!("{path}/pause"), json!({ "for": 3 }), "`for` is not known here; known are: none."),
        (
            &format!("{path}/secrets/rotate"),
            json!({ "overlap_seconds": 2_592_001 }),
            "`overlap_seconds` must be a whole number from 0 to 2592000.",
        ),
        (&tokens, json!({ "overlap": 1 }), "`overlap` is not known here; known are: overlap_seconds."),
    ];
    for (uri, body, detail) in table {
        assert_eq!(server.post(uri, body).await.json()["detail"], json!(detail), "{uri}");
    }
    for (uri, detail) in [
        ("/v1/users?limit=0", "`limit` must be a number from 1 to 1000."),
        ("/v1/users?offset=1", "`offset` is not known here; known are: directory_id, after, limit."),
        ("/v1/users?after=x", "`after` is not a cursor that this list gave."),
        (
            "/v1/deliveries?status=lost",
            "`status` must be one of pending, delivering, delivered, retrying, parked, dead, discarded.",
        ),
    ] {
        assert_eq!(server.get(uri).await.json()["detail"], json!(detail), "{uri}");
    }
    let detail = text(&server.get("/v1/events?type=user.born").await.json()["detail"]);
    assert!(detail.starts_with("`type` must be one of user.created, "), "{detail}");
    assert!(detail.ends_with(", not `user.born`."), "{detail}");
}
