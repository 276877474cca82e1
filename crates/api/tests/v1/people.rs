//! Users, groups and members.

use serde_json::{Value, json};

use crate::support::{Server, all_pages, column, named};

#[actix_web::test]
async fn users_are_the_projections_with_where_they_belong() {
    let server = Server::start();
    let directory = server.directory().await;
    let organization =
        server.get(&format!("/v1/directories/{directory}")).await.expect(200)["organization_id"].clone();
    let boss = server.user(&directory, named("boss")).await;
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let mut attributes = named("ada");
    attributes[enterprise] = json!({ "department": "Legal", "manager": { "value": boss } });
    let ada = server.user(&directory, attributes).await;
    let staff = server.group(&directory, "Staff", &[&ada]).await;

    let user = server.get(&format!("/v1/users/{ada}")).await.expect(200);
    assert_eq!(
        [
            &user["id"],
            &user["user_name"],
            &user["department"],
            &user["manager"]["id"],
            &user["groups"][0]["id"]
        ],
        [&json!(ada), &json!("ada"), &json!("Legal"), &json!(boss), &json!(staff)]
    );
    assert_eq!([&user["directory_id"], &user["organization_id"]], [&json!(directory), &organization]);

    let listed = server.get(&format!("/v1/users?directory_id={directory}")).await.expect(200);
    assert_eq!(column(&listed, "id"), [json!(boss), json!(ada)]);
    assert_eq!(listed["data"][1], user);
}

#[actix_web::test]
async fn lists_of_people_come_in_pages_by_directory_or_of_all() {
    let server = Server::start();
    let (first, second) = (server.directory().await, server.directory().await);
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(server.user(&first, named(&format!("user{n}"))).await);
    }
    let other = server.user(&second, named("user0")).await;
    let rows = all_pages(&server, &format!("/v1/users?directory_id={first}"), 2).await;
    assert_eq!(
        rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>(),
        ids.iter().map(|id| json!(id)).collect::<Vec<_>>()
    );
    let rows = all_pages(&server, "/v1/users", 4).await;
    assert_eq!(rows.len(), 6);
    assert_eq!([&rows[5]["id"], &rows[5]["directory_id"]], [&json!(other), &json!(second)]);
    let nobody = server.get(&format!("/v1/users?directory_id=dir_{}", "0".repeat(32))).await.expect(200);
    assert_eq!(nobody["data"], json!([]));
}

#[actix_web::test]
async fn groups_and_their_members() {
    let server = Server::start();
    let directory = server.directory().await;
    let mut users = Vec::new();
    for n in 0..3 {
        users.push(server.user(&directory, named(&format!("user{n}"))).await);
    }
    let staff = server.group(&directory, "Staff", &users.iter().collect::<Vec<_>>()).await;
    let empty = server.group(&directory, "Empty", &[]).await;

    let group = server.get(&format!("/v1/groups/{staff}")).await.expect(200);
    assert_eq!(
        [
            &group["id"],
            &group["display_name"],
            &group["member_count"],
            &group["directory_id"],
            &group["members"]
        ],
        [&json!(staff), &json!("Staff"), &json!(3), &json!(directory), &Value::Null]
    );
    assert_eq!(all_pages(&server, "/v1/groups", 1).await.len(), 2);
    let members = all_pages(&server, &format!("/v1/groups/{staff}/members"), 2).await;
    let mut ids: Vec<_> = members.iter().map(|row| row["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, users.iter().map(|id| id.as_str()).collect::<Vec<_>>());
    assert!(members.iter().all(|row| row["type"] == json!("user")));
    assert_eq!(all_pages(&server, &format!("/v1/groups/{empty}/members"), 2).await, [Value::Null; 0]);
}

#[actix_web::test]
async fn who_was_deleted_is_not_found() {
    let server = Server::start();
    let directory = server.directory().await;
    let ada = server.user(&directory, named("ada")).await;
    server.delete_user(&directory, ada.clone()).await;
    server.get(&format!("/v1/users/{ada}")).await.refuses(404, "not_found", None);
    assert_eq!(server.get("/v1/users").await.expect(200)["data"], json!([]));
}
