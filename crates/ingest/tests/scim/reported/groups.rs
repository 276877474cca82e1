//! Members that got lost, and members that should not have come.

use serde_json::{Value, json};

use super::{group, members, patched, read, sorted, users, values};
use crate::server::Server;

#[actix_web::test]
async fn t_38_a_replace_that_does_not_name_the_members_leaves_them() {
    let server = Server::start().await;
    let ids = users(&server, 2).await;
    let path = group(&server, &ids).await;
    for operation in [
        json!({"op": "replace", "value": {"displayName": "A"}}),
        json!({"op": "replace", "path": "displayName", "value": "B"}),
        json!({"op": "replace", "value": {"externalId": "e"}}),
        json!({"op": "remove", "path": "externalId"}),
    ] {
        assert_eq!(members(&patched(&server, &path, json!([operation])).await), sorted(&ids), "{operation}");
    }
    let put = server.one("PUT", &path, Some(&json!({"displayName": "C"}))).await;
    assert_eq!(members(&put.body), sorted(&ids));
    assert!(!server.new_events().contains(&"group.member_removed".to_owned()));
}

#[actix_web::test]
async fn t_39_a_put_stores_the_members_that_it_names() {
    let server = Server::start().await;
    let ids = users(&server, 3).await;
    let path = group(&server, &ids[..1]).await;
    let put =
        server.one("PUT", &path, Some(&json!({"displayName": "Staff", "members": values(&ids[1..])}))).await;
    assert_eq!((put.status, members(&put.body)), (200, sorted(&ids[1..])));
    assert_eq!(members(&read(&server, &path).await), sorted(&ids[1..]));
    assert_eq!(server.new_events().len(), 3);
}

#[actix_web::test]
async fn t_40_a_member_whom_nobody_knows_wipes_nobody() {
    let server = Server::start().await;
    let ids = users(&server, 2).await;
    let path = group(&server, &ids).await;
    let unknown = "usr_00000000000000000000000000000009".to_owned();
    for op in ["add", "replace"] {
        let all = [ids.clone(), vec![unknown.clone()]].concat();
        let seen =
            patched(&server, &path, json!([{"op": op, "path": "members", "value": values(&all)}])).await;
        assert_eq!(members(&seen), sorted(&all), "{op}");
    }
    assert_eq!(server.new_events(), Vec::<String>::new());
}

#[actix_web::test]
async fn t_41_who_is_removed_and_added_again_is_there_once() {
    let server = Server::start().await;
    let ids = users(&server, 2).await;
    let path = group(&server, &ids).await;
    let value = values(&ids[..1]);
    let (remove, add) = (
        json!({"op": "remove", "path": "members", "value": value}),
        json!({"op": "add", "path": "members", "value": value}),
    );
    assert_eq!(members(&patched(&server, &path, json!([remove])).await), ids[1..]);
    assert_eq!(members(&patched(&server, &path, json!([add, add])).await), sorted(&ids));
    assert_eq!(server.new_events(), ["group.member_removed", "group.member_added"]);
    // In one request nobody left.
    assert_eq!(members(&patched(&server, &path, json!([remove, add])).await), sorted(&ids));
    assert_eq!(server.new_events(), Vec::<String>::new());
}

#[actix_web::test]
async fn t_42_members_are_returned_or_not_as_asked() {
    let server = Server::start().await;
    let ids = users(&server, 1).await;
    let path = group(&server, &ids).await;
    let one = |body: &Value| body.get("Resources").map_or(body.clone(), |all| all[0].clone());
    for place in [path.as_str(), "/Groups"] {
        for (query, with) in [
            ("", true),
            ("?excludedAttributes=members", false),
            ("?excludedAttributes=MEMBERS,displayName", false),
            ("?attributes=displayName", false),
            ("?attributes=members", true),
            ("?attributes=members.value", true),
        ] {
            let got = server.one("GET", &format!("{place}{query}"), None).await;
            assert_eq!(one(&got.body).get("members").is_some(), with, "{place}{query}");
        }
    }
    let body = json!({"displayName": "New", "members": values(&ids)});
    let made = server.one("POST", "/Groups?excludedAttributes=members", Some(&body)).await;
    assert_eq!((made.status, made.body.get("members")), (201, None));
}
