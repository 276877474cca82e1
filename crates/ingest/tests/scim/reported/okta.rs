//! What Okta sends.

use serde_json::json;

use super::{found, group, members, patch, patched, read, user, users};
use crate::server::Server;

#[actix_web::test]
async fn t_30_an_empty_list_of_members_empties_the_group() {
    let server = Server::start().await;
    let ids = users(&server, 2).await;
    for operation in [
        json!({"op": "replace", "path": "members", "value": []}),
        json!({"op": "replace", "value": {"members": []}}),
        json!({"op": "replace", "path": "members", "value": null}),
    ] {
        let path = group(&server, &ids).await;
        let seen = patched(&server, &path, json!([operation])).await;
        assert_eq!((members(&seen).len(), server.new_events().len()), (0, 2), "{operation}");
    }
    let path = group(&server, &ids).await;
    let put = server.one("PUT", &path, Some(&json!({"displayName": "Staff", "members": []}))).await;
    assert_eq!((put.status, members(&put.body).len()), (200, 0));
}

#[actix_web::test]
async fn t_31_a_push_renames_a_group_without_a_path() {
    let server = Server::start().await;
    let ids = users(&server, 1).await;
    let path = group(&server, &ids).await;
    let id = path.rsplit('/').next().unwrap();
    let push = json!([{"op": "replace", "value": {"id": id, "displayName": "Pushed"}}]);
    let seen = patched(&server, &path, push.clone()).await;
    assert_eq!((&seen["displayName"], members(&seen)), (&json!("Pushed"), ids));
    assert_eq!(server.new_events(), ["group.updated"]);
    patched(&server, &path, push).await;
    assert_eq!(server.new_events(), Vec::<String>::new());
}

#[actix_web::test]
async fn t_32_a_member_needs_no_type() {
    let server = Server::start().await;
    let ids = users(&server, 1).await;
    let path = group(&server, &[]).await;
    let value = json!([{"value": ids[0], "display": "somebody@x"}]);
    let seen = patched(&server, &path, json!([{"op": "add", "path": "members", "value": value}])).await;
    assert_eq!((&seen["members"][0]["value"], &seen["members"][0]["type"]), (&json!(ids[0]), &json!("User")));
}

#[actix_web::test]
async fn t_33_a_deactivation_leaves_the_name_and_a_rename_takes() {
    let server = Server::start().await;
    let path = user(&server, json!({"userName": "old@x", "title": "T"})).await;
    let seen = patched(&server, &path, json!([{"op": "replace", "value": {"active": false}}])).await;
    assert_eq!(
        (&seen["userName"], &seen["title"], &seen["active"]),
        (&json!("old@x"), &json!("T"), &json!(false))
    );
    let seen = patched(&server, &path, json!([{"op": "replace", "value": {"userName": "new@x"}}])).await;
    assert_eq!((&seen["userName"], &seen["active"]), (&json!("new@x"), &json!(false)));
    assert_eq!(found(&server, "Users", "userName eq \"old@x\"").await, [""; 0]);
    assert_eq!(server.one("POST", "/Users", Some(&json!({"userName": "old@x"}))).await.status, 201);
}

#[actix_web::test]
async fn t_34_who_was_deactivated_is_found_and_comes_back_as_the_same() {
    let server = Server::start().await;
    let path = user(&server, json!({"userName": "a@x"})).await;
    patched(&server, &path, json!([{"op": "replace", "value": {"active": false}}])).await;
    assert_eq!(found(&server, "Users", "userName eq \"A@X\"").await, ["a@x"]);
    server.one("POST", "/Users", Some(&json!({"userName": "a@x"}))).await.assert_error(409, "still there");
    let mut body = read(&server, &path).await;
    body["active"] = json!(true);
    let put = server.one("PUT", &path, Some(&body)).await;
    assert_eq!((put.status, &put.body["id"], &put.body["active"]), (200, &body["id"], &json!(true)));
    assert_eq!(server.new_events(), ["user.deactivated", "user.reactivated"]);
    assert_eq!(server.one("GET", "/Users", None).await.body["totalResults"], 1);
}

#[actix_web::test]
async fn t_35_a_patch_of_active_changes_it() {
    let server = Server::start().await;
    let path = user(&server, json!({})).await;
    for active in [false, true] {
        let got = patch(&server, &path, json!([{"op": "replace", "path": "active", "value": active}])).await;
        assert_eq!(got.body["active"], active);
        assert_eq!(read(&server, &path).await["active"], active);
    }
}

#[actix_web::test]
async fn t_36_a_staged_user_is_deactivated_before_it_ever_was_active() {
    let server = Server::start().await;
    let path = user(&server, json!({"active": false})).await;
    let got = patch(&server, &path, json!([{"op": "replace", "value": {"active": false}}])).await;
    assert_eq!((got.status, &got.body["active"]), (200, &json!(false)));
    assert_eq!(server.new_events(), Vec::<String>::new());
    assert_eq!(server.one("DELETE", &path, None).await.status, 204);
    assert_eq!(server.new_events(), ["user.deleted"]);
}

#[actix_web::test]
async fn t_37_inactive_can_be_said_by_post_by_put_and_by_patch() {
    let server = Server::start().await;
    let posted = user(&server, json!({"userName": "a", "active": false})).await;
    let put = user(&server, json!({"userName": "b"})).await;
    let patched_one = user(&server, json!({"userName": "c"})).await;
    let got = server.one("PUT", &put, Some(&json!({"userName": "b", "active": false}))).await;
    assert_eq!(got.status, 200);
    patched(&server, &patched_one, json!([{"op": "replace", "path": "active", "value": false}])).await;
    assert_eq!(server.new_events(), vec!["user.deactivated"; 2]);
    for path in [posted, put, patched_one] {
        assert_eq!(read(&server, &path).await["active"], false, "{path}");
    }
    assert_eq!(found(&server, "Users", "active eq false").await.len(), 3);
}
