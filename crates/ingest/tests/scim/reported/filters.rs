//! Filters that found too much, too little, or took too long.

use serde_json::json;

use super::{found, user};
use crate::server::Server;

#[actix_web::test]
async fn t_47_names_and_operators_in_any_case() {
    let server = Server::start().await;
    user(&server, json!({"userName": "Ann@X.example", "displayName": "Ann"})).await;
    for filter in [
        "userName eq \"ann@x.EXAMPLE\"",
        "USERNAME EQ \"Ann@X.example\"",
        "username Sw \"ANN\" And DisplayName eQ \"ann\"",
        "urn:ietf:params:scim:schemas:core:2.0:user:USERNAME eq \"ann@x.example\"",
        "NOT (userName NE \"ANN@x.example\")",
    ] {
        assert_eq!(found(&server, "Users", filter).await, ["Ann@X.example"], "{filter}");
    }
}

#[actix_web::test]
async fn t_48_a_value_is_a_value_whatever_stands_in_it() {
    let server = Server::start().await;
    server.user("ann").await;
    server.user("o'b\" or userName pr").await;
    for (filter, expected) in [
        (r#"userName eq "x\" or userName pr or userName eq \"""#, &[][..]),
        (r#"userName eq "o'b\" or userName pr""#, &["o'b\" or userName pr"]),
        ("userName eq \"' OR '1'='1\"", &[]),
        ("userName eq \"ann'; DROP TABLE users; --\"", &[]),
        ("userName sw \"%\"", &[]),
        ("userName co \"_\"", &[]),
        ("userName eq \"a\" or userName eq \"ann\"", &["ann"]),
        ("userName eq \"x and y\" or userName eq \"(ann)\"", &[]),
    ] {
        assert_eq!(found(&server, "Users", filter).await, expected, "{filter}");
    }
    assert_eq!(server.one("GET", "/Users", None).await.body["totalResults"], 2);
}

#[actix_web::test]
async fn t_49_special_characters_in_a_filter() {
    let server = Server::start().await;
    for name in ["a+b@x", "c d@x", "é%&=#@x", "日本", "back\\slash"] {
        server.user(name).await;
    }
    for (query, expected) in [
        ("userName%20eq%20%22a%2Bb%40x%22", &["a+b@x"][..]),
        // A plus that is not encoded is a space: it cannot be told from one.
        ("userName+eq+%22a+b%40x%22", &[]),
        ("userName+eq+%22c+d@x%22", &["c d@x"]),
        ("userName%20eq%20%22%C3%A9%25%26%3D%23%40x%22", &["é%&=#@x"]),
        ("userName%20eq%20%22%E6%97%A5%E6%9C%AC%22", &["日本"]),
        ("userName%20eq%20%22%5Cu65e5%5Cu672c%22", &["日本"]),
        ("userName%20eq%20%22back%5C%5Cslash%22", &["back\\slash"]),
    ] {
        let got = server.one("GET", &format!("/Users?filter={query}"), None).await;
        let all = got.body["Resources"].as_array().unwrap();
        let names: Vec<&str> = all.iter().map(|one| one["userName"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{query}");
    }
}

#[actix_web::test]
async fn t_50_a_filter_that_is_not_understood_is_never_an_empty_list() {
    let server = Server::start().await;
    for filter in [
        "",
        "userName",
        "userName eq",
        "userName like \"a\"",
        "userName eq ann",
        "nope eq \"a\"",
        "emails[type eq \"work\"",
        "userName eq \"a\" xor title pr",
        "userName eq \"a\" title pr",
        "password eq \"a\"",
        "active gt true",
        "not userName eq \"a\"",
    ] {
        let encoded: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let got = server.one("GET", &format!("/Users?filter={encoded}"), None).await;
        got.assert_error(400, filter);
        assert_eq!(got.body["scimType"], "invalidFilter", "{filter}");
        let search = server.one("POST", "/Users/.search", Some(&json!({"filter": filter}))).await;
        assert_eq!(search.body["scimType"], "invalidFilter", "{filter}");
    }
}

/// That this takes no time is a matter of counted work: see the filter's own tests.
#[actix_web::test]
async fn t_51_a_filter_that_never_ends_is_refused() {
    let server = Server::start().await;
    for filter in [
        "not (".repeat(20_000),
        "(".repeat(100_000),
        format!("userName eq \"{}", "\\".repeat(100_000)),
        "a and ".repeat(20_000),
        format!("{}userName pr", "emails[".repeat(1_000)),
        vec!["userName eq \"a\""; 101].join(" or "),
    ] {
        let got = server.one("POST", "/Users/.search", Some(&json!({"filter": filter}))).await;
        got.assert_error(400, &filter[..20]);
        assert_eq!(got.body["scimType"], "invalidFilter");
    }
}
