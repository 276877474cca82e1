//! Media types, statuses and the form of errors.

use serde_json::json;

use super::{found, user};
use crate::server::{Ask, Server};

#[actix_web::test]
async fn t_52_both_media_types_in_and_one_out() {
    let server = Server::start().await;
    let types = [
        Some("application/scim+json"),
        Some("application/json"),
        Some("application/scim+json; charset=utf-8"),
        Some("application/json;charset=UTF-8"),
        None,
    ];
    for (n, sent) in types.into_iter().enumerate() {
        for accept in [
            "application/scim+json",
            "application/json",
            "*/*",
            "application/xml",
            "text/html, */*;q=0.1",
            "",
        ] {
            let name = format!("u{n}{}", accept.len());
            let mut ask = Ask::new(&server.one, "POST", "/Users")
                .json(&json!({"userName": name}))
                .header("accept", accept);
            if let Some(sent) = sent {
                ask = ask.header("content-type", sent);
            }
            let got = server.send(ask).await;
            assert_eq!(
                (got.status, got.header("content-type")),
                (201, Some("application/scim+json")),
                "{sent:?} {accept}"
            );
        }
    }
    for sent in ["text/xml", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let ask = Ask::new(&server.one, "POST", "/Users")
            .json(&json!({"userName": "x"}))
            .header("content-type", sent);
        server.send(ask).await.assert_error(415, sent);
    }
}

#[actix_web::test]
async fn t_53_what_a_client_does_wrong_is_no_fault_of_the_server() {
    let server = Server::start().await;
    let path = user(&server, json!({})).await;
    for (method, rest, body) in [
        ("POST", "/Users", "{"),
        ("POST", "/Users", "[]"),
        ("POST", "/Users", "null"),
        ("POST", "/Users", "\u{0}"),
        ("POST", "/Users", "{\"userName\":{}}"),
        ("POST", "/Groups", "{\"displayName\":[]}"),
        ("PUT", path.as_str(), "{\"userName\":null}"),
        ("PATCH", path.as_str(), "{\"Operations\":7}"),
        ("PATCH", path.as_str(), "{\"Operations\":[{\"op\":\"add\",\"path\":7}]}"),
        ("PATCH", path.as_str(), "{\"Operations\":[{\"op\":\"add\",\"path\":\"emails[\",\"value\":1}]}"),
        ("POST", "/Bulk", "{\"Operations\":7}"),
        ("POST", "/.search", "{\"count\":{}}"),
        ("GET", "/Users?startIndex=one", ""),
        ("GET", "/Users?sortBy=nope", ""),
        ("GET", "/Users?attributes=id&excludedAttributes=name", ""),
        ("GET", "/Users/%00", ""),
        ("GET", "/Users/..%2F..", ""),
        ("GET", "/Nothing", ""),
        ("TRACE", "/Users", ""),
    ] {
        let got = server.send(Ask::new(&server.one, method, rest).bytes(body)).await;
        assert!((400..500).contains(&got.status), "{method} {rest} {body}: {}", got.status);
        got.assert_error(got.status, rest);
    }
    let stranger = server.send(Ask::at("GET", &format!("{}/Users", server.one.path()))).await;
    stranger.assert_error(401, "no token");
    assert!(stranger.header("www-authenticate").is_some());
}

#[actix_web::test]
async fn t_54_nobody_found_is_an_empty_list() {
    let server = Server::start().await;
    for filter in
        ["userName eq \"nobody\"", "userName eq \"\\\"quoted\\\"\"", "userName eq \"it's\"", "id eq \"x\""]
    {
        assert_eq!(found(&server, "Users", filter).await, [""; 0], "{filter}");
    }
    assert_eq!(found(&server, "Groups", "displayName eq \"nothing\"").await, [""; 0]);
}

#[actix_web::test]
async fn t_55_a_put_is_404_only_where_nobody_is() {
    let server = Server::start().await;
    let path = user(&server, json!({"active": false})).await;
    for active in [json!(false), json!(true)] {
        let body = json!({"userName": "ann", "active": active});
        assert_eq!(server.one("PUT", &path, Some(&body)).await.status, 200, "{active}");
    }
    let body = json!({"userName": "ann"});
    let nobody = server.one("PUT", "/Users/usr_00000000000000000000000000000001", Some(&body)).await;
    nobody.assert_error(404, "nobody");
    assert_eq!(server.one("GET", "/Users", None).await.body["totalResults"], 1);
}
