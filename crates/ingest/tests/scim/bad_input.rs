//! Whatever is sent, it is refused as SCIM, and nothing changes.

use rollcall_ingest::Settings;
use serde_json::{Value, json};

use crate::server::{Ask, Server};

/// Every body that is no acceptable message at all.
fn broken_bodies() -> Vec<(&'static str, Vec<u8>, u16)> {
    let nested =
        |levels: usize| format!(r#"{{"userName":"x","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    vec![
        ("empty", Vec::new(), 400),
        ("not JSON", b"userName=ann".to_vec(), 400),
        ("cut off", br#"{"userName":"ann""#.to_vec(), 400),
        ("two values", br#"{"userName":"ann"}{}"#.to_vec(), 400),
        ("an array", br#"[{"userName":"ann"}]"#.to_vec(), 400),
        ("null", b"null".to_vec(), 400),
        ("not UTF-8", b"{\"userName\":\"\xff\xfe\"}".to_vec(), 400),
        ("a lone surrogate", br#"{"userName":"\ud800"}"#.to_vec(), 400),
        ("the same key twice", br#"{"userName":"a","userName":"b"}"#.to_vec(), 400),
        ("the same key in another case", br#"{"userName":"a","USERNAME":"b"}"#.to_vec(), 400),
        ("a number without end", br#"{"userName":"a","x":1e999}"#.to_vec(), 400),
        ("65 levels", nested(64).into_bytes(), 400),
        ("100,000 levels", nested(100_000).into_bytes(), 400),
        ("2 MiB", format!(r#"{{"userName":"{}"}}"#, "x".repeat(2 << 20)).into_bytes(), 413),
    ]
}

#[actix_web::test]
async fn broken_bodies_change_nothing() {
    let server = Server::with(Settings { group_body_bytes: 1 << 20, ..Settings::default() }).await;
    let user = server.user("ann").await;
    let group = server.one("POST", "/Groups", Some(&json!({"displayName": "Staff"}))).await.id();
    let before = server.one("GET", &format!("/Users/{user}"), None).await.body;
    server.new_events();
    for (what, body, status) in broken_bodies() {
        for (method, rest) in [
            ("POST", "/Users".to_owned()),
            ("PUT", format!("/Users/{user}")),
            ("PATCH", format!("/Users/{user}")),
            ("POST", "/Groups".to_owned()),
            ("PUT", format!("/Groups/{group}")),
            ("PATCH", format!("/Groups/{group}")),
            ("POST", "/Users/.search".to_owned()),
        ] {
            let got = server.send(Ask::new(&server.one, method, &rest).bytes(body.clone())).await;
            got.assert_error(status, &format!("{method} {rest}: {what}"));
            let announced = Ask::new(&server.one, method, &rest)
                .header("content-length", &body.len().to_string())
                .bytes(body.clone());
            server.send(announced).await.assert_error(status, what);
        }
    }
    assert_eq!(server.one("GET", &format!("/Users/{user}"), None).await.body, before);
    assert_eq!(server.one("GET", "/Users", None).await.body["totalResults"], 1);
    assert_eq!(server.new_events(), Vec::<String>::new());
}

#[actix_web::test]
async fn sixty_four_levels_are_enough_for_anybody() {
    let server = Server::start().await;
    let body = format!(r#"{{"userName":"x","x":{}{}}}"#, "[".repeat(63), "]".repeat(63));
    let got = server.send(Ask::new(&server.one, "POST", "/Users").bytes(body)).await;
    assert_eq!(got.status, 201, "{}", got.body);
}

#[actix_web::test]
async fn wrong_types_are_named_and_change_nothing() {
    let server = Server::start().await;
    let user = server.user("ann").await;
    server.new_events();
    for (name, wrong) in [
        ("userName", json!({"a": 1})),
        ("userName", json!("")),
        ("userName", json!("  ")),
        ("userName", json!(null)),
        ("externalId", json!({"a": 1})),
        ("name", json!("Ann")),
        ("name", json!({"givenName": {"a": 1}})),
        ("displayName", json!({"a": 1})),
        ("nickName", json!([1, 2])),
        ("profileUrl", json!({})),
        ("title", json!(["a", "b"])),
        ("active", json!("perhaps")),
        ("active", json!({"a": true})),
        ("emails", json!(7)),
        ("emails", json!([[1]])),
        ("emails", json!([{"value": {"a": 1}}])),
        ("emails", json!([{"value": "a@x", "primary": "perhaps"}])),
        ("phoneNumbers", json!(true)),
        ("addresses", json!([{"locality": [1, 2]}])),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", json!("text")),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            json!({"manager": {"value": {"a": 1}}}),
        ),
    ] {
        // An empty object means "no value", here as everywhere.
        let unassigned = wrong == json!({});
        let mut body = json!({"userName": "bob"});
        body[name] = wrong.clone();
        for (method, rest) in [("POST", "/Users".to_owned()), ("PUT", format!("/Users/{user}"))] {
            if unassigned {
                continue;
            }
            let got = server.one(method, &rest, Some(&body)).await;
            got.assert_error(400, &format!("{method} {name}={wrong}"));
            assert_eq!(got.body["scimType"], "invalidValue", "{name}={wrong}: {}", got.body);
        }
    }
    assert_eq!(server.one("GET", "/Users", None).await.body["totalResults"], 1);
    assert_eq!(server.new_events(), Vec::<String>::new());
}

#[actix_web::test]
async fn patches_that_cannot_be_applied() {
    let server = Server::start().await;
    let user = server.user("ann").await;
    server.new_events();
    let good = json!({"op": "replace", "path": "title", "value": "Boss"});
    for (bad, scim_type) in [
        (json!({"op": "frobnicate", "path": "title", "value": "x"}), "invalidSyntax"),
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "replace", "path": "emails[", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "id", "value": "x"}), "mutability"),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (json!({"op": "replace", "path": "active", "value": "perhaps"}), "invalidValue"),
        (json!({"op": "add", "path": "title"}), "invalidValue"),
    ] {
        let got = server
            .one(
                "PATCH",
                &format!("/Users/{user}"),
                Some(&json!({"Operations": [good.clone(), bad.clone()]})),
            )
            .await;
        got.assert_error(400, &bad.to_string());
        assert_eq!(got.body["scimType"], scim_type, "{bad}: {}", got.body);
    }
    for body in [json!({}), json!({"Operations": []}), json!({"Operations": "x"}), json!({"Operations": [1]})]
    {
        server
            .one("PATCH", &format!("/Users/{user}"), Some(&body))
            .await
            .assert_error(400, &body.to_string());
    }
    let after = server.one("GET", &format!("/Users/{user}"), None).await.body;
    assert_eq!((&after["title"], &after["meta"]["version"]), (&Value::Null, &json!("W/\"1\"")));
    assert_eq!(server.new_events(), Vec::<String>::new());
}

#[actix_web::test]
async fn odd_ids_are_nobody() {
    let server = Server::start().await;
    let long = "x".repeat(10_000);
    let cut = "usr_0000000000000000000000000000000";
    let other_kind = "grp_00000000000000000000000000000001";
    for id in [
        "%00",
        "%ff%fe",
        "..",
        "%2e%2e%2f%2e%2e",
        "a%2Fb",
        "bulkId:1",
        "*",
        "0",
        "'%20or%201=1",
        &long,
        cut,
        other_kind,
    ] {
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let got = server.one(method, &format!("/Users/{id}"), Some(&json!({"userName": "a"}))).await;
            got.assert_error(404, &format!("{method} {}", &id[..id.len().min(40)]));
        }
    }
}

#[actix_web::test]
async fn media_types() {
    let server = Server::start().await;
    let ask = |name: &str, value: &str| {
        Ask::new(&server.one, "POST", "/Users").header(name, value).json(&json!({"userName": value}))
    };
    for value in ["application/scim+json", "application/json", "Application/SCIM+JSON; charset=utf-8"] {
        assert_eq!(server.send(ask("content-type", value)).await.status, 201, "{value}");
    }
    for value in ["text/xml", "application/x-www-form-urlencoded", "text/plain", "nonsense"] {
        server.send(ask("content-type", value)).await.assert_error(415, value);
    }
    server.send(ask("content-encoding", "gzip")).await.assert_error(415, "gzip");
    let picky = ask("accept", "text/html");
    let got = server.send(picky).await;
    assert_eq!((got.status, got.header("content-type")), (201, Some("application/scim+json")));
}

#[actix_web::test]
async fn filters_that_are_none() {
    let server = Server::start().await;
    server.user("ann").await;
    for filter in [
        "",
        "userName",
        "userName%20eq",
        "userName%20xx%20%22a%22",
        "active%20gt%20true",
        "(userName%20pr",
        "userName%20eq%20%22a%22%20garbage",
    ] {
        let got = server.one("GET", &format!("/Users?filter={filter}"), None).await;
        got.assert_error(400, filter);
        assert_eq!(got.body["scimType"], "invalidFilter", "{filter}");
    }
    for query in ["startIndex=x", "count=x", "attributes=a&excludedAttributes=b"] {
        let got = server.one("GET", &format!("/Users?{query}"), None).await;
        got.assert_error(400, query);
        assert_eq!(got.body["scimType"], "invalidValue", "{query}");
    }
}

#[actix_web::test]
async fn a_filter_without_end() {
    let server = Server::start().await;
    let endless = "not (".repeat(20_000);
    // Whatever fits a URL there; a request line beyond the framework's 128 KiB never gets so far.
    let in_url = format!("/Users?filter={}", endless[..30_000].replace(' ', "+"));
    let search =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": endless});
    for got in
        [server.one("GET", &in_url, None).await, server.one("POST", "/Users/.search", Some(&search)).await]
    {
        got.assert_error(400, "endless");
        assert_eq!(got.body["scimType"], "invalidFilter");
    }
}

#[actix_web::test]
async fn a_query_that_is_not_utf_8() {
    let server = Server::start().await;
    let id = server.user("ann").await;
    for rest in ["/Users?filter=userName%20eq%20%22%ff%22", "/Groups?%c3=1", "/Schemas?a=%80"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("/Users/{id}?attributes=%ff")])
    {
        let got = server.one("GET", &rest, None).await;
        got.assert_error(400, &rest);
        assert_eq!(got.body["scimType"], "invalidValue", "{rest}");
    }
    let far = server.one("GET", "/Users?startIndex=99999999999999999999", None).await;
    assert_eq!((far.status, &far.body["startIndex"]), (200, &json!(9_007_199_254_740_991_u64)));
}
