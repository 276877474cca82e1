//! Who gets in, and what the others are told.

use serde_json::json;

use crate::server::{Ask, Server};

#[actix_web::test]
async fn every_wrong_token_gets_the_same_answer() {
    let server = Server::start().await;
    let nobody = "dir_00000000000000000000000000000000";
    let mut answers = Vec::new();
    for (path, authorization) in [
        (server.one.path(), None),
        (server.one.path(), Some("non-token".to_owned())),
        (server.one.path(), Some("Bearer".to_owned())),
        (server.one.path(), Some("Bearer rcd_nope".to_owned())),
        (server.one.path(), Some(format!("Bearer {}", server.other.token))),
        (server.one.path(), Some(format!("Basic {}", server.one.token))),
        (format!("/scim/v2/{nobody}"), Some(format!("Bearer {}", server.one.token))),
        ("/scim/v2/dir_%00".to_owned(), Some(format!("Bearer {}", server.one.token))),
    ] {
        for (method, rest) in
            [("GET", "/Users"), ("POST", "/Users"), ("DELETE", "/Groups/x"), ("GET", "/Nope")]
        {
            let mut ask = Ask::at(method, &format!("{path}{rest}")).bytes(b"{ not json".to_vec());
            if let Some(value) = &authorization {
                ask = ask.header("authorization", value);
            }
            // Without a directory, an unknown path is just that.
            if (rest, path.as_str()) == ("/Nope", "/scim/v2/dir_%00") {
                continue;
            }
            let got = server.send(ask).await;
            got.assert_error(401, &format!("{method} {path}{rest} {authorization:?}"));
            assert_eq!(got.header("www-authenticate"), Some("Bearer realm=\"rollcall\""));
            answers.push(got.body);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[actix_web::test]
async fn a_revoked_token_stops_and_a_new_one_works() {
    let server = Server::start().await;
    let (token, secret) = server.store.create_token(&server.one.id, None).await.unwrap();
    let with = |secret: &str| {
        Ask::at("GET", &format!("{}/Users", server.one.path()))
            .header("authorization", &format!("Bearer {secret}"))
    };
    let secret = secrecy::ExposeSecret::expose_secret(&secret).to_owned();
    assert_eq!(server.send(with(&secret)).await.status, 200);
    assert_eq!(server.send(with(&server.one.token)).await.status, 200);
    server.store.delete_token(&server.one.id, &token.id).await.unwrap();
    server.send(with(&secret)).await.assert_error(401, "revoked");
    assert_eq!(server.send(with(&server.one.token)).await.status, 200);
}

#[actix_web::test]
async fn a_disabled_directory_says_so_and_a_deleted_one_is_gone() {
    use rollcall_domain::{Command, ids::RequestId};
    use rollcall_store::{WriteRequest, clock};

    let server = Server::start().await;
    let command = |command| WriteRequest {
        directory_id: server.one.id.clone(),
        command,
        request_id: RequestId::from_uuid(clock::new_uuid()),
        method: "POST",
        members_up_to: 0,
    };
    server.store.write(command(Command::DeactivateDirectory)).await.unwrap();
    let got = server.one("GET", "/Users", None).await;
    got.assert_error(403, "disabled");
    assert!(got.body["detail"].as_str().unwrap().contains("disabled"));
    server.store.write(command(Command::ActivateDirectory)).await.unwrap();
    assert_eq!(server.one("GET", "/Users", None).await.status, 200);
    server.store.write(command(Command::DeleteDirectory)).await.unwrap();
    server.one("GET", "/Users", None).await.assert_error(401, "deleted");
}

#[actix_web::test]
async fn ids_of_another_directory_do_not_exist() {
    let server = Server::start().await;
    let user = server.user("ann").await;
    let group = server.one("POST", "/Groups", Some(&json!({"displayName": "Staff"}))).await.id();
    server.new_events();
    let patch = json!({"Operations": [{"op": "replace", "path": "displayName", "value": "X"}]});
    for (rest, body) in [
        (format!("/Users/{user}"), json!({"userName": "ann"})),
        (format!("/Groups/{group}"), json!({"displayName": "Staff"})),
    ] {
        for (method, body) in [("GET", &json!({})), ("PUT", &body), ("PATCH", &patch), ("DELETE", &json!({}))]
        {
            let got = server.send(Ask::new(&server.other, method, &rest).json(body)).await;
            got.assert_error(404, &format!("{method} {rest}"));
        }
    }
    let filter = format!("/Users?filter=id%20eq%20%22{user}%22");
    assert_eq!(server.send(Ask::new(&server.other, "GET", &filter)).await.body["totalResults"], 0);
    assert_eq!(server.send(Ask::new(&server.other, "GET", "/Groups")).await.body["totalResults"], 0);
    assert_eq!(server.new_events(), Vec::<String>::new());
    assert_eq!(server.one("GET", &format!("/Users/{user}"), None).await.status, 200);
    // The same name is free there.
    let again = Ask::new(&server.other, "POST", "/Users").json(&json!({"userName": "ann"}));
    assert_eq!(server.send(again).await.status, 201);
}

#[actix_web::test]
async fn endpoints_and_methods_that_are_not_there() {
    let server = Server::start().await;
    for (method, rest, status, allow) in [
        ("GET", "/Printers", 404, None),
        ("POST", "/Printers", 404, None),
        ("GET", "/Users/x/y", 404, None),
        ("POST", "/Users/x", 405, Some("GET, HEAD, PUT, PATCH, DELETE, OPTIONS")),
        ("DELETE", "/Users", 405, Some("GET, HEAD, POST, OPTIONS")),
        ("TRACE", "/Groups", 405, Some("GET, HEAD, POST, OPTIONS")),
        ("GET", "/Users/.search", 405, Some("POST, OPTIONS")),
        ("OPTIONS", "/Users", 204, Some("GET, HEAD, POST, OPTIONS")),
        ("GET", "/Me", 501, None),
        ("PATCH", "/Me", 501, None),
        ("PUT", "/Bulk", 405, Some("POST, OPTIONS")),
        ("GET", "", 200, None),
        ("POST", "", 405, Some("GET, HEAD, OPTIONS")),
        ("GET", "/.search", 405, Some("POST, OPTIONS")),
        ("PATCH", "/.search", 405, Some("POST, OPTIONS")),
        ("DELETE", "/Groups/.search", 405, Some("POST, OPTIONS")),
        ("OPTIONS", "/.search", 204, Some("POST, OPTIONS")),
    ] {
        let got = server.one(method, rest, None).await;
        assert_eq!((got.status, got.header("allow")), (status, allow), "{method} {rest}");
        if status >= 400 {
            got.assert_error(status, rest);
        }
    }
    server.send(Ask::at("GET", "/scim")).await.assert_error(404, "/scim");
    server.send(Ask::at("GET", "/scim/v2")).await.assert_error(404, "/scim/v2");
    let other_version = server.send(Ask::at("GET", "/scim/v1/dir_x/Users")).await;
    other_version.assert_error(400, "v1");
    assert_eq!(other_version.body["scimType"], "invalidVers");
}
