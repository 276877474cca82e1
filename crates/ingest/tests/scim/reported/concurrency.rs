//! Several requests at once, and requests that fail half-way.

use futures_util::future::join_all;
use serde_json::json;

use super::{group, members, patch, read, sorted, user, users, values};
use crate::server::Server;

#[actix_web::test]
async fn t_01_fifty_adds_at_once_are_fifty_members() {
    let server = Server::start().await;
    let ids = users(&server, 50).await;
    let path = group(&server, &[]).await;
    let adds = ids
        .iter()
        .map(|id| patch(&server, &path, json!([{"op": "add", "path": "members", "value": [{"value": id}]}])));
    for got in join_all(adds).await {
        assert_eq!(got.status, 200, "{}", got.body);
    }
    assert_eq!(members(&read(&server, &path).await), sorted(&ids));
    assert_eq!(server.new_events(), vec!["group.member_added"; 50]);
}

#[actix_web::test]
async fn t_02_an_add_beside_other_writes_removes_nobody() {
    let server = Server::start().await;
    let ids = users(&server, 12).await;
    let path = group(&server, &ids[..10]).await;
    let rename = |n: usize| json!([{"op": "replace", "path": "displayName", "value": format!("n{n}")}]);
    let add = |id: &String| json!([{"op": "Add", "path": "members", "value": [{"value": id}]}]);
    let operations = [rename(1), add(&ids[10]), rename(2), add(&ids[11]), rename(3)];
    for got in join_all(operations.into_iter().map(|one| patch(&server, &path, one))).await {
        assert_eq!(got.status, 200, "{}", got.body);
    }
    assert_eq!(members(&read(&server, &path).await), sorted(&ids));
    assert!(!server.new_events().contains(&"group.member_removed".to_owned()));
}

#[actix_web::test]
async fn t_03_joining_and_leaving_at_once_tells_each_once() {
    let server = Server::start().await;
    let ids = users(&server, 20).await;
    let path = group(&server, &ids[..10]).await;
    let changes = ids.iter().enumerate().map(|(n, id)| {
        let op = if n < 10 { "remove" } else { "add" };
        patch(&server, &path, json!([{"op": op, "path": "members", "value": [{"value": id}]}]))
    });
    for got in join_all(changes).await {
        assert_eq!(got.status, 200, "{}", got.body);
    }
    assert_eq!(members(&read(&server, &path).await), sorted(&ids[10..]));
    let events = server.new_events();
    let count = |kind: &str| events.iter().filter(|event| *event == kind).count();
    assert_eq!((count("group.member_removed"), count("group.member_added"), events.len()), (10, 10, 20));
}

#[actix_web::test]
async fn t_04_five_parallel_patches_of_one_group() {
    let server = Server::start().await;
    let ids = users(&server, 25).await;
    let path = group(&server, &[]).await;
    let adds = ids
        .chunks(5)
        .map(|five| patch(&server, &path, json!([{"op": "Add", "path": "members", "value": values(five)}])));
    for got in join_all(adds).await {
        assert_eq!(got.status, 200, "{}", got.body);
    }
    assert_eq!(members(&read(&server, &path).await), sorted(&ids));
}

#[actix_web::test]
async fn t_05_a_group_update_that_fails_leaves_no_half_state() {
    let server = Server::start().await;
    let ids = users(&server, 2).await;
    let path = group(&server, &ids[..1]).await;
    let before = read(&server, &path).await;
    let own = path.rsplit('/').next().unwrap();
    let got = patch(
        &server,
        &path,
        json!([
            {"op": "replace", "path": "displayName", "value": "New"},
            {"op": "add", "path": "members", "value": values(&ids[1..])},
            {"op": "add", "path": "members", "value": [{"value": own}]},
        ]),
    )
    .await;
    got.assert_error(400, "the group itself");
    assert_eq!(read(&server, &path).await, before);
    let body = json!({"displayName": " ", "members": values(&ids[1..])});
    server.one("PUT", &path, Some(&body)).await.assert_error(400, "a blank name");
    assert_eq!(read(&server, &path).await, before);
    assert_eq!(server.new_events(), Vec::<String>::new());
}

#[actix_web::test]
async fn t_06_what_is_read_during_a_change_is_one_state() {
    let server = Server::start().await;
    let ids = users(&server, 20).await;
    let path = group(&server, &[]).await;
    let change = async |id: &String| {
        let got =
            patch(&server, &path, json!([{"op": "add", "path": "members", "value": [{"value": id}]}])).await;
        assert_eq!(got.status, 200);
        read(&server, &path).await
    };
    for seen in join_all(ids.iter().map(change)).await {
        // Each add was one version: what stands in a representation belongs to its version.
        let version = seen["meta"]["version"].as_str().unwrap().trim_matches(|c| "W/\"".contains(c));
        assert_eq!(members(&seen).len() + 1, version.parse::<usize>().unwrap());
    }
}

#[actix_web::test]
async fn t_07_when_the_third_of_three_operations_fails_the_others_did_not_happen() {
    let server = Server::start().await;
    let path = user(&server, json!({"title": "before"})).await;
    let before = read(&server, &path).await;
    for last in [
        json!({"op": "replace", "path": "active", "value": "maybe"}),
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "replace", "path": "emails[type eq \"work\"]", "value": 7}),
        json!({"op": "sing", "path": "title"}),
    ] {
        let got = patch(
            &server,
            &path,
            json!([
                {"op": "replace", "path": "title", "value": "after"},
                {"op": "add", "path": "emails", "value": [{"value": "a@x"}]},
                last,
            ]),
        )
        .await;
        got.assert_error(400, &last.to_string());
        assert_eq!(read(&server, &path).await, before, "{last}");
    }
    assert_eq!(server.new_events(), Vec::<String>::new());
}

#[actix_web::test]
async fn t_08_the_answer_to_an_update_is_what_is_read_next() {
    let server = Server::start().await;
    let path = user(&server, json!({"title": "a"})).await;
    for title in ["b", "c"] {
        let got = patch(&server, &path, json!([{"op": "replace", "path": "title", "value": title}])).await;
        assert_eq!(got.body["title"], title);
        assert_eq!(read(&server, &path).await, got.body);
    }
    let got = server.one("PUT", &path, Some(&json!({"userName": "ann", "title": "d"}))).await;
    assert_eq!((&got.body["title"], &read(&server, &path).await), (&json!("d"), &got.body));
}
