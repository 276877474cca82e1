//! One list of users and groups.

use serde_json::{Value, json};

use crate::server::{Got, Server};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

async fn search(server: &Server, body: Value) -> Got {
    let mut body = body;
    body["schemas"] = json!([SEARCH]);
    server.one("POST", "/.search", Some(&body)).await
}

/// What a list shows: the names, in their order.
fn names(got: &Got) -> Vec<&str> {
    assert_eq!(got.status, 200, "{}", got.body);
    let all = got.body["Resources"].as_array().unwrap();
    assert_eq!(got.body["itemsPerPage"], all.len());
    all.iter().map(|one| one["userName"].as_str().or(one["displayName"].as_str()).unwrap_or("?")).collect()
}

async fn server() -> Server {
    let server = Server::start().await;
    for name in ["bea", "ann", "cid"] {
        let body = json!({"userName": name, "displayName": format!("{name} of Staff")});
        assert_eq!(server.one("POST", "/Users", Some(&body)).await.status, 201);
    }
    for name in ["Staff", "Board"] {
        let got = server.one("POST", "/Groups", Some(&json!({"displayName": name}))).await;
        assert_eq!(got.status, 201);
    }
    server
}

#[actix_web::test]
async fn pages_go_from_the_users_into_the_groups() {
    let server = server().await;
    for (start, count, expected) in [
        (1, 10, &["bea", "ann", "cid", "Staff", "Board"][..]),
        (1, 2, &["bea", "ann"]),
        (3, 2, &["cid", "Staff"]),
        (4, 1, &["Staff"]),
        (5, 10, &["Board"]),
        (6, 10, &[]),
        (1, 0, &[]),
    ] {
        let got = search(&server, json!({"startIndex": start, "count": count})).await;
        assert_eq!(names(&got), expected, "{start} {count}");
        assert_eq!((&got.body["totalResults"], &got.body["startIndex"]), (&json!(5), &json!(start)));
    }
    assert_eq!(search(&server, json!({})).await.body["itemsPerPage"], 5);
}

#[actix_web::test]
async fn one_filter_one_order_and_one_selection_for_both() {
    let server = server().await;
    for (body, expected) in [
        (json!({"filter": "displayName co \"Staff\""}), &["bea", "ann", "cid", "Staff"][..]),
        (json!({"filter": "userName eq \"ann\""}), &["ann"]),
        (json!({"filter": "userName eq \"ann\" or displayName eq \"board\""}), &["ann", "Board"]),
        (json!({"filter": "not (userName eq \"ann\")", "count": 3}), &["bea", "cid", "Staff"]),
        (json!({"filter": "meta.resourceType eq \"Group\""}), &["Staff", "Board"]),
        (json!({"filter": "members pr"}), &[]),
        (json!({"sortBy": "displayName"}), &["ann", "bea", "cid", "Board", "Staff"]),
        (json!({"sortBy": "userName", "sortOrder": "descending"}), &["cid", "bea", "ann", "Staff", "Board"]),
    ] {
        assert_eq!(names(&search(&server, body.clone()).await), expected, "{body}");
    }
    let selected = search(&server, json!({"attributes": ["userName"], "startIndex": 3, "count": 2})).await;
    assert_eq!(names(&selected), ["cid", "?"]);
    assert!(
        selected.body["Resources"][1]["id"].is_string() && selected.body["Resources"][1]["meta"].is_null()
    );
    let without = search(&server, json!({"excludedAttributes": ["meta"]})).await;
    let all = without.body["Resources"].as_array().unwrap();
    assert!(all.iter().all(|one| one["meta"].is_null() && one["displayName"].is_string()));
}

#[actix_web::test]
async fn a_search_need_not_name_its_schema() {
    let server = server().await;
    for (rest, total) in [("/.search", 5), ("/Users/.search", 3), ("/Groups/.search", 2)] {
        let got = server.one("POST", rest, Some(&json!({}))).await;
        assert_eq!((got.status, &got.body["totalResults"]), (200, &json!(total)), "{rest}");
    }
}

#[actix_web::test]
async fn what_neither_kind_has_is_refused() {
    let server = server().await;
    for (body, scim_type) in [
        (json!({"filter": "nope eq \"a\""}), "invalidFilter"),
        (json!({"filter": ""}), "invalidFilter"),
        (json!({"sortBy": "nope"}), "invalidPath"),
    ] {
        let got = search(&server, body.clone()).await;
        got.assert_error(400, &body.to_string());
        assert_eq!(got.body["scimType"], scim_type, "{body}");
    }
}
