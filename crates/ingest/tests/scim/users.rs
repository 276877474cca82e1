//! Users, one after the other and in lists.

use serde_json::{Value, json};

use crate::server::{Ask, Server};

#[actix_web::test]
async fn a_user_from_birth_to_death() {
    let server = Server::start().await;
    let body = json!({"userName": "Ann@x.example", "externalId": "e1", "name": {"familyName": "A"},
        "emails": [{"value": "ann@x.example", "type": "work", "primary": true}], "password": "s3cret",
        "id": "mine", "meta": {"version": "W/\"9\""}, "groups": [{"value": "g"}]});
    let made = server.one("POST", "/Users", Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.id();
    let url = format!("https://rollcall.example{}/Users/{id}", server.one.path());
    assert_eq!(made.header("location"), Some(url.as_str()));
    assert_eq!(made.header("etag"), Some("W/\"1\""));
    assert!(id.starts_with("usr_"));
    let keys: Vec<&String> = made.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["schemas", "id", "externalId", "userName", "name", "active", "emails", "meta"]);
    assert_eq!(made.body["meta"]["location"], url);
    assert_eq!(made.body["meta"]["created"], made.body["meta"]["lastModified"]);
    assert_eq!(made.body["active"], true);
    assert_eq!(server.new_events(), ["user.created"]);

    let path = format!("/Users/{id}");
    let read = server.one("GET", &path, None).await;
    assert_eq!((read.status, &read.body), (200, &made.body));

    let replaced =
        server.one("PUT", &path, Some(&json!({"userName": "ann@x.example", "title": "Boss"}))).await;
    assert_eq!((replaced.status, &replaced.body["title"]), (200, &json!("Boss")));
    assert_eq!(replaced.body.get("emails"), None);
    assert_eq!(replaced.header("etag"), Some("W/\"2\""));
    assert_eq!(server.new_events(), ["user.updated"]);
    let again = server.one("PUT", &path, Some(&json!({"userName": "ann@x.example", "title": "Boss"}))).await;
    assert_eq!(again.body, replaced.body);
    assert_eq!(server.new_events(), Vec::<String>::new());

    assert_eq!(server.one("DELETE", &path, None).await.status, 204);
    assert_eq!(server.new_events(), ["user.deleted"]);
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let body = if method == "PATCH" {
            json!({"Operations": [{"op": "replace", "path": "title", "value": "x"}]})
        } else {
            json!({"userName": "ann"})
        };
        server.one(method, &path, Some(&body)).await.assert_error(404, method);
    }
    let reborn = server.one("POST", "/Users", Some(&json!({"userName": "ann@x.example"}))).await;
    assert_eq!(reborn.status, 201);
    assert_ne!(reborn.id(), id);
}

#[actix_web::test]
async fn every_answer_with_a_resource_says_where_it_is() {
    let server = Server::start().await;
    let patch = json!({"Operations": [{"op": "add", "path": "externalId", "value": "e"}]});
    for (kind, body) in [("Users", json!({"userName": "ann"})), ("Groups", json!({"displayName": "Staff"}))] {
        let id = server.one("POST", &format!("/{kind}"), Some(&body)).await.id();
        let path = format!("/{kind}/{id}");
        let url = format!("https://rollcall.example{}{path}", server.one.path());
        for (method, query, body) in [
            ("GET", "", None),
            ("GET", "?attributes=id", None),
            ("HEAD", "?excludedAttributes=meta", None),
            ("PUT", "", Some(&body)),
            ("PATCH", "", Some(&patch)),
        ] {
            let got = server.one(method, &format!("{path}{query}"), body).await;
            assert_eq!((got.status, got.header("location")), (200, Some(url.as_str())), "{method} {path}");
            assert!(!query.is_empty() || got.body["meta"]["location"] == url);
        }
        let list = server.one("GET", &format!("/{kind}"), None).await;
        assert_eq!((list.status, list.header("location")), (200, None));
    }
}

#[actix_web::test]
async fn a_password_goes_nowhere() {
    let server = Server::start().await;
    let made = server.one("POST", "/Users", Some(&json!({"userName": "ann", "password": "hunter2"}))).await;
    let patch = json!({"Operations": [{"op": "replace", "value": {"password": "hunter2"}}]});
    let patched = server.one("PATCH", &format!("/Users/{}", made.id()), Some(&patch)).await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    let events = server.new_event_bodies();
    assert_eq!(events.len(), 1);
    for text in [made.body.to_string(), patched.body.to_string(), json!(events).to_string()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[actix_web::test]
async fn a_name_is_taken_in_any_case() {
    let server = Server::start().await;
    server.user("Ann").await;
    let bob = server.user("bob").await;
    server.new_events();
    let taken = json!({"userName": "ANN", "displayName": "X"});
    let patch = json!({"Operations": [{"op": "replace", "value": taken}]});
    for (method, rest, body) in [
        ("POST", "/Users".to_owned(), &taken),
        ("PUT", format!("/Users/{bob}"), &taken),
        ("PATCH", format!("/Users/{bob}"), &patch),
    ] {
        let got = server.one(method, &rest, Some(body)).await;
        got.assert_error(409, method);
        assert_eq!(got.body["scimType"], "uniqueness");
    }
    assert_eq!(server.one("GET", &format!("/Users/{bob}"), None).await.body.get("displayName"), None);
    assert_eq!(server.new_events(), Vec::<String>::new());
}

#[actix_web::test]
async fn of_many_at_once_one_is_first() {
    let server = Server::start().await;
    let body = json!({"userName": "ann"});
    let sent = (0..20).map(|_| server.one("POST", "/Users", Some(&body)));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(sent).await.iter().map(|got| got.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[19]), (201, 409, 409));
    assert_eq!(server.new_events(), ["user.created"]);
}

#[actix_web::test]
async fn versions() {
    let server = Server::start().await;
    let id = server.user("ann").await;
    let path = format!("/Users/{id}");
    let patch = |title: &str| json!({"Operations": [{"op": "replace", "path": "title", "value": title}]});
    for (header, status) in [
        ("W/\"2\"", 412),
        ("\"abc\"", 412),
        ("W/\"1\"", 200),
        ("W/\"1\"", 412),
        ("W/\"9\", \"2\"", 200),
        ("*", 200),
        ("nonsense", 200),
    ] {
        let ask = Ask::new(&server.one, "PATCH", &path).header("if-match", header);
        let got = server.send(ask.json(&patch(&format!("{header}{status}")))).await;
        assert_eq!(got.status, status, "{header}: {}", got.body);
        if status == 412 {
            got.assert_error(412, header);
        }
    }
    let version = server.one("GET", &path, None).await.header("etag").unwrap().to_owned();
    for (header, status) in [(version.as_str(), 304), ("*", 304), ("W/\"1\"", 200), ("nonsense", 200)] {
        let got = server.send(Ask::new(&server.one, "GET", &path).header("if-none-match", header)).await;
        assert_eq!((got.status, got.header("etag")), (status, Some(version.as_str())), "{header}");
    }
    for method in ["PUT", "DELETE"] {
        let ask = Ask::new(&server.one, method, &path).header("if-match", "W/\"1\"");
        server.send(ask.json(&json!({"userName": "ann"}))).await.assert_error(412, method);
    }
}

#[actix_web::test]
async fn pages() {
    let server = Server::with(rollcall_ingest::Settings {
        default_page_size: 2,
        max_results: 3,
        ..rollcall_ingest::Settings::default()
    })
    .await;
    for name in ["u1", "u2", "u3", "u4", "u5"] {
        server.user(name).await;
    }
    for (query, names) in [
        ("", &["u1", "u2"][..]),
        ("startIndex=3", &["u3", "u4"]),
        ("startIndex=0&count=1", &["u1"]),
        ("startIndex=-5&count=1", &["u1"]),
        ("count=0", &[]),
        ("count=-1", &[]),
        ("count=1000", &["u1", "u2", "u3"]),
        ("startIndex=5&count=3", &["u5"]),
        ("startIndex=6", &[]),
        ("startIndex=18446744073709551615", &[]),
    ] {
        let got = server.one("GET", &format!("/Users?{query}"), None).await;
        assert_eq!(got.status, 200, "{query}");
        assert_eq!(got.body["totalResults"], 5, "{query}");
        assert_eq!(got.body["itemsPerPage"], names.len(), "{query}");
        let seen = got.body["Resources"].as_array().unwrap().iter();
        assert_eq!(seen.map(|user| user["userName"].as_str().unwrap()).collect::<Vec<_>>(), names, "{query}");
    }
}

#[actix_web::test]
async fn searching_is_listing() {
    let server = Server::start().await;
    server.user("ann").await;
    server.user("bob").await;
    let query = "/Users?filter=userName%20eq%20%22BOB%22&attributes=userName";
    let listed = server.one("GET", query, None).await;
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "userName eq \"BOB\"", "attributes": ["userName"]});
    let searched = server.one("POST", "/Users/.search", Some(&search)).await;
    assert_eq!((searched.status, &searched.body), (200, &listed.body));
    let keys: Vec<&String> = listed.body["Resources"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["schemas", "id", "userName"]);
}

#[actix_web::test]
async fn selections() {
    let server = Server::start().await;
    let id = server.user("ann").await;
    let path = format!("/Users/{id}");
    let patch = json!({"Operations": [{"op": "replace", "path": "title", "value": "Boss"}]});
    let keys = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (method, rest, body, expected) in [
        ("GET", format!("{path}?attributes=USERNAME"), None, &["schemas", "id", "userName"][..]),
        ("GET", format!("{path}?attributes=id"), None, &["schemas", "id"]),
        ("GET", format!("{path}?excludedAttributes=meta,id"), None, &["schemas", "id", "userName", "active"]),
        ("PATCH", format!("{path}?attributes=title"), Some(&patch), &["schemas", "id", "title"]),
    ] {
        let got = server.one(method, &rest, body).await;
        assert_eq!(got.status, 200, "{rest}");
        assert_eq!(keys(&got.body), expected, "{rest}");
    }
}

#[actix_web::test]
async fn the_spellings_of_a_base_url() {
    let server = Server::start().await;
    let id = server.user("ann").await;
    for rest in [
        "/Users/",
        "/Users?",
        "/Users?&",
        "//Users",
        "/Users.scim",
        "/Users?aadOptscim062020&",
        "?aadOptscim062020/Users",
        "?aadOptscim062020/Users?filter=userName+eq+%22ann%22&",
        "/Users?unknown=1&&x",
    ] {
        let got = server.one("GET", rest, None).await;
        assert_eq!((got.status, &got.body["Resources"][0]["id"]), (200, &json!(id)), "{rest}");
    }
    let got = server.one("GET", &format!("?aadOptscim062020/Users/{id}?attributes=id"), None).await;
    assert_eq!((got.status, got.body.get("userName")), (200, None));
    let host = Ask::new(&server.one, "GET", &format!("/Users/{id}")).header("host", "evil.example");
    let location = server.send(host).await.body["meta"]["location"].as_str().unwrap().to_owned();
    assert!(location.starts_with("https://rollcall.example/scim/v2/"), "{location}");
}

/// Removing `active` removes it, and lets nobody in.
#[actix_web::test]
async fn an_inactive_user_whose_active_is_removed_stays_out() {
    let server = Server::start().await;
    let made = server.one("POST", "/Users", Some(&json!({"userName": "ann", "active": false}))).await;
    let path = format!("/Users/{}", made.id());
    server.new_events();
    let remove = json!({"Operations": [{"op": "remove", "path": "active"}]});
    let gone = server.one("PATCH", &path, Some(&remove)).await;
    assert_eq!((gone.status, gone.body.get("active")), (200, None));
    let events = server.new_event_bodies();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((&events[0]["type"], &events[0]["data"]["active"]), (&json!("user.updated"), &json!(false)));
    assert_eq!(events[0]["changes"], json!([{"path": "raw.active", "from": false}]));
    assert_eq!(events[0]["data"]["raw"].get("active"), None);
    let again = server.one("PATCH", &path, Some(&remove)).await;
    assert_eq!((&again.body, server.new_events().len()), (&gone.body, 0));
    let title = json!({"Operations": [{"op": "add", "path": "title", "value": "T"}]});
    assert_eq!(server.one("PATCH", &path, Some(&title)).await.body.get("active"), None);
    assert_eq!(server.one("GET", &path, None).await.body.get("active"), None);
    for filter in ["active%20eq%20true", "active%20eq%20false", "active%20pr"] {
        let found = server.one("GET", &format!("/Users?filter={filter}"), None).await.body;
        assert_eq!(found["totalResults"], 0, "{filter}");
    }
    let put = server.one("PUT", &path, Some(&json!({"userName": "ann"}))).await;
    assert_eq!((put.status, &put.body["active"]), (200, &json!(false)));
    assert_eq!(server.new_events(), vec!["user.updated"; 2]);
    let enable = json!({"Operations": [{"op": "add", "path": "active", "value": true}]});
    assert_eq!(server.one("PATCH", &path, Some(&enable)).await.body["active"], true);
    assert_eq!(server.new_events(), ["user.reactivated"]);
}
