//! Accounts that could be taken over, and walls that were none.

use serde_json::json;

use super::{found, group, members, patched, read, user};
use crate::server::{Ask, Server};

#[actix_web::test]
async fn t_56_an_external_id_is_never_an_id() {
    let server = Server::start().await;
    let admin = server.user("admin").await;
    let path = user(&server, json!({"externalId": "1"})).await;
    let impostor = user(&server, json!({"userName": "eve", "externalId": admin})).await;
    server.one("GET", "/Users/1", None).await.assert_error(404, "1");
    assert_eq!(read(&server, &format!("/Users/{admin}")).await["userName"], "admin");
    assert_ne!(impostor, format!("/Users/{admin}"));
    let staff = group(&server, &["1".to_owned(), admin.clone()]).await;
    assert_eq!(read(&server, &path).await.get("groups"), None);
    assert_eq!(read(&server, &impostor).await.get("groups"), None);
    assert_eq!(members(&read(&server, &staff).await), ["1".to_owned(), admin]);
    assert_eq!(
        server.one("POST", "/Users", Some(&json!({"userName": "n", "externalId": 1}))).await.status,
        400
    );
}

#[actix_web::test]
async fn t_57_a_password_is_accepted_and_thrown_away() {
    let server = Server::start().await;
    let path = user(&server, json!({"password": "hunter2"})).await;
    let put = server.one("PUT", &path, Some(&json!({"userName": "ann", "password": "hunter2"}))).await;
    assert_eq!(put.status, 200);
    for operation in [
        json!({"op": "replace", "path": "password", "value": "hunter2"}),
        json!({"op": "add", "value": {"password": "hunter2", "title": "T"}}),
    ] {
        patched(&server, &path, json!([operation])).await;
    }
    let seen = read(&server, &format!("{path}?attributes=password,userName")).await;
    assert!(!seen.to_string().contains("hunter2") && seen.get("password").is_none(), "{seen}");
    let events = server.new_event_bodies();
    assert!(events.len() == 1 && !json!(events).to_string().contains("hunter2"));
}

#[actix_web::test]
async fn t_58_an_id_in_a_body_takes_over_nobody_and_directories_are_apart() {
    let server = Server::start().await;
    let victim = server.user("victim").await;
    let path = user(&server, json!({"id": victim, "meta": {"location": "x"}})).await;
    assert_ne!(path, format!("/Users/{victim}"));
    let put = server.one("PUT", &path, Some(&json!({"id": victim, "userName": "eve"}))).await;
    assert_eq!((put.status, put.id() == victim), (200, false));
    assert_eq!(read(&server, &format!("/Users/{victim}")).await["userName"], "victim");
    server.new_events();
    let victims = format!("/Users/{victim}");
    for (method, body) in [
        ("GET", json!(null)),
        ("PUT", json!({"userName": "eve"})),
        ("PATCH", json!({"Operations": [{"op": "replace", "path": "active", "value": false}]})),
        ("DELETE", json!(null)),
    ] {
        let foreign = Ask::new(&server.other, method, &victims).json(&body);
        server.send(foreign).await.assert_error(404, method);
        let mixed = Ask::at(method, &format!("{}{victims}", server.one.path()))
            .header("authorization", &format!("Bearer {}", server.other.token))
            .json(&body);
        server.send(mixed).await.assert_error(401, method);
        let operation = json!({"method": method, "path": victims, "data": body});
        let bulk = Ask::new(&server.other, "POST", "/Bulk").json(&json!({"Operations": [operation]}));
        let answer = server.send(bulk).await.body;
        assert!(answer["Operations"][0]["status"].as_str().unwrap().starts_with('4'), "{answer}");
    }
    assert_eq!(server.new_events(), Vec::<String>::new());
    // Who is deprovisioned is so for everybody who listens.
    let staff = group(&server, std::slice::from_ref(&victim)).await;
    assert_eq!(server.one("DELETE", &victims, None).await.status, 204);
    assert_eq!(server.new_events(), ["group.member_removed", "user.deleted"]);
    assert_eq!(members(&read(&server, &staff).await), [""; 0]);
}

#[actix_web::test]
async fn t_59_unknown_attributes_are_neither_kept_nor_in_the_way() {
    let server = Server::start().await;
    let unknown = json!({"isAdmin": true, "urn:example:2.0:User": {"admin": true}, "title": "T"});
    let path = user(&server, unknown).await;
    let seen = patched(
        &server,
        &path,
        json!([
            {"op": "add", "path": "isAdmin", "value": true},
            {"op": "add", "value": {"isAdmin": true}},
            {"op": "replace", "path": "active", "value": false},
        ]),
    )
    .await;
    assert_eq!((&seen["title"], &seen["active"]), (&json!("T"), &json!(false)));
    assert!(!seen.to_string().to_lowercase().contains("admin"), "{seen}");
}

#[actix_web::test]
async fn t_60_the_last_administrator_can_go_and_everybody_hears_of_it() {
    let server = Server::start().await;
    let mut paths = Vec::new();
    for name in ["a", "b"] {
        paths.push(user(&server, json!({"userName": name, "roles": [{"value": "admin"}]})).await);
    }
    for path in &paths {
        patched(&server, path, json!([{"op": "replace", "path": "active", "value": false}])).await;
    }
    assert_eq!(server.new_events(), vec!["user.deactivated"; 2]);
    assert_eq!(found(&server, "Users", "roles.value eq \"admin\" and active eq true").await, [""; 0]);
}
