//! Many operations in one request.

use rollcall_ingest::Settings;
use serde_json::{Value, json};

use crate::server::{Ask, Got, Server};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

async fn bulk(server: &Server, operations: Value, fail_on_errors: Option<u64>) -> Got {
    let mut body = json!({"schemas": [REQUEST], "Operations": operations});
    if let Some(count) = fail_on_errors {
        body["failOnErrors"] = count.into();
    }
    server.one("POST", "/Bulk", Some(&body)).await
}

fn post(path: &str, bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": path, "bulkId": bulk_id, "data": data})
}

fn answers(got: &Got) -> &Vec<Value> {
    assert_eq!(got.status, 200, "{}", got.body);
    assert_eq!(got.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
    got.body["Operations"].as_array().unwrap()
}

fn statuses(got: &Got) -> Vec<&str> {
    answers(got).iter().map(|one| one["status"].as_str().unwrap()).collect()
}

fn id(answer: &Value) -> String {
    answer["location"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

#[actix_web::test]
async fn each_operation_is_a_write_with_its_own_answer() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let bob = server.user("bob").await;
    server.new_events();
    let got = bulk(&server, json!([
        post("/Users", "c", json!({"userName": "cid"})),
        {"method": "PATCH", "path": format!("/Users/{ann}"), "version": "W/\"1\"",
         "data": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                  "Operations": [{"op": "replace", "path": "title", "value": "T"}]}},
        {"method": "PUT", "path": format!("/Users/{bob}"), "bulkId": "mine", "data": {"userName": "bob", "title": "U"}},
        {"method": "PATCH", "path": format!("/Users/{ann}"), "version": "W/\"1\"",
         "data": {"Operations": [{"op": "replace", "path": "title", "value": "V"}]}},
        {"method": "DELETE", "path": format!("/Users/{bob}")},
        {"method": "DELETE", "path": format!("/Users/{bob}")},
        post("/Users", "d", json!({"userName": "ANN"})),
    ]), None)
    .await;
    assert_eq!(statuses(&got), ["201", "200", "200", "412", "204", "404", "409"]);
    let base = format!("https://rollcall.example{}", server.one.path());
    let all = answers(&got);
    let cid = id(&all[0]);
    assert_eq!(
        all[0],
        json!({"location": format!("{base}/Users/{cid}"), "method": "POST", "bulkId": "c", "version": "W/\"1\"",
               "status": "201"})
    );
    assert_eq!((&all[1]["version"], &all[2]["bulkId"]), (&json!("W/\"2\""), &json!("mine")));
    assert_eq!(
        all[4],
        json!({"location": format!("{base}/Users/{bob}"), "method": "DELETE", "status": "204"})
    );
    assert_eq!(all[5]["location"], format!("{base}/Users/{bob}"));
    assert_eq!(all[5]["response"]["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(all[6].get("location"), None);
    assert_eq!(all[6]["response"]["scimType"], "uniqueness");
    assert_eq!(server.one("GET", &format!("/Users/{ann}"), None).await.body["title"], "T");
    let events = server.new_event_bodies();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event["type"].as_str().unwrap(), event["cause"]["method"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("user.created", "POST"),
            ("user.updated", "PATCH"),
            ("user.updated", "PUT"),
            ("user.deleted", "DELETE")
        ]
    );
    assert!(events.iter().all(|event| event["cause"]["request_id"] == got.header("x-request-id").unwrap()));
}

#[actix_web::test]
async fn what_is_created_later_can_be_named_before() {
    let server = Server::start().await;
    let got = bulk(
        &server,
        json!([
            post("/Groups", "g", json!({"displayName": "Staff", "members": [{"value": "bulkId:u"}]})),
            post("/Users", "u", json!({"userName": "ann", "manager": {"value": "bulkId:m"}})),
            post("/Users", "m", json!({"userName": "bob"})),
            {"method": "PATCH", "path": "/Groups/bulkId:g",
             "data": {"Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:m"}]},
                                     {"op": "remove", "path": "members[value eq \"bulkId:u\"]"}]}},
            {"method": "PUT", "path": "/Users/bulkId:m", "data": {"userName": "bob", "title": "Boss"}},
        ]),
        None,
    )
    .await;
    assert_eq!(statuses(&got), ["201", "201", "201", "200", "200"]);
    let all = answers(&got);
    let (group, ann, bob) = (id(&all[0]), id(&all[1]), id(&all[2]));
    assert_eq!((id(&all[3]), id(&all[4])), (group.clone(), bob.clone()));
    let group = server.one("GET", &format!("/Groups/{group}"), None).await.body;
    assert_eq!((group["members"].as_array().unwrap().len(), &group["members"][0]["value"]), (1, &json!(bob)));
    let ann = server.one("GET", &format!("/Users/{ann}"), None).await.body;
    assert_eq!(ann["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"]["value"], bob);
    assert_eq!(server.one("GET", &format!("/Users/{bob}"), None).await.body["title"], "Boss");
}

/// The RFC's own example of a circle (§3.7.1).
#[actix_web::test]
async fn two_groups_that_contain_each_other() {
    let server = Server::start().await;
    let member = |of: &str| json!([{"type": "Group", "value": format!("bulkId:{of}")}]);
    let got = bulk(
        &server,
        json!([
            post("/Groups", "qwerty", json!({"displayName": "A", "members": member("ytrewq")})),
            post("/Groups", "ytrewq", json!({"displayName": "B", "members": member("qwerty")})),
        ]),
        None,
    )
    .await;
    assert_eq!(statuses(&got), ["201", "201"]);
    let (a, b) = (id(&answers(&got)[0]), id(&answers(&got)[1]));
    for (group, other) in [(&a, &b), (&b, &a)] {
        let group = server.one("GET", &format!("/Groups/{group}"), None).await.body;
        assert_eq!(group["members"][0]["value"], *other);
        assert_eq!(group["members"][0]["type"], "Group");
    }
    let shown = server.one("GET", &format!("/Groups/{a}"), None).await;
    assert_eq!(answers(&got)[0]["version"], shown.body["meta"]["version"]);
    let mut events = server.new_events();
    events.sort_unstable();
    assert_eq!(events, ["group.created", "group.created", "group.member_added", "group.member_added"]);
}

#[actix_web::test]
async fn what_needs_something_that_failed_is_a_conflict_and_leaves_nothing() {
    let server = Server::start().await;
    server.user("ann").await;
    let got = bulk(
        &server,
        json!([
            post("/Users", "u", json!({"userName": "ann"})),
            post("/Groups", "g", json!({"displayName": "G", "members": [{"value": "bulkId:u"}]})),
            {"method": "DELETE", "path": "/Users/bulkId:u"},
            post("/Groups", "h", json!({"displayName": "H", "members": [{"value": "bulkId:nobody"}]})),
            post("/Groups", "i", json!({"displayName": "I", "members": [{"value": "bulkId:j"}]})),
            post("/Groups", "j", json!({"displayName": " ", "members": [{"value": "bulkId:i"}]})),
            post("/Groups", "k", json!({"displayName": "K", "members": [{"value": "bulkId:k"}]})),
            {"method": "GET", "path": "/Users"},
            {"method": "POST", "path": "/Bulk", "bulkId": "b", "data": {"Operations": []}},
        ]),
        None,
    )
    .await;
    assert_eq!(statuses(&got), ["409", "409", "409", "409", "409", "400", "409", "400", "404"]);
    assert_eq!(server.one("GET", "/Groups", None).await.body["totalResults"], 0);
    assert_eq!(server.one("GET", "/Users", None).await.body["totalResults"], 1);
}

#[actix_web::test]
async fn it_ends_at_so_many_errors() {
    let server = Server::start().await;
    server.user("dup").await;
    let operations = json!([
        post("/Users", "a", json!({"userName": "dup"})),
        post("/Users", "b", json!({"userName": "new"})),
        post("/Users", "c", json!({})),
        post("/Users", "d", json!({"userName": "never"})),
    ]);
    let got = bulk(&server, operations.clone(), Some(1)).await;
    assert_eq!(statuses(&got), ["409"]);
    assert_eq!(server.one("GET", "/Users", None).await.body["totalResults"], 1);
    let got = bulk(&server, operations, Some(2)).await;
    assert_eq!(statuses(&got), ["409", "201", "400"]);
    // A circle that was begun is taken back.
    let got = bulk(
        &server,
        json!([
            post("/Groups", "g", json!({"displayName": "G", "members": [{"value": "bulkId:h"}]})),
            {"method": "DELETE", "path": "/Groups/nobody"},
            post("/Groups", "h", json!({"displayName": "H", "members": [{"value": "bulkId:g"}]})),
        ]),
        Some(1),
    )
    .await;
    // Whatever waits for nothing goes first.
    assert_eq!(statuses(&got), ["404"]);
    let got = bulk(
        &server,
        json!([
            post("/Groups", "g", json!({"displayName": "G", "members": [{"value": "bulkId:h"}]})),
            post("/Groups", "h", json!({"displayName": "H", "members": [{"value": "bulkId:g"}, 7]})),
        ]),
        Some(1),
    )
    .await;
    assert_eq!(statuses(&got), ["409", "400"]);
    assert_eq!(server.one("GET", "/Groups", None).await.body["totalResults"], 0);
}

#[actix_web::test]
async fn the_limits_are_those_that_are_advertised() {
    let settings =
        Settings { bulk_operations: 2, bulk_body_bytes: 2_000, user_body_bytes: 500, ..Settings::default() };
    let server = Server::with(settings).await;
    let config = server.one("GET", "/ServiceProviderConfig", None).await.body;
    assert_eq!(config["bulk"], json!({"supported": true, "maxOperations": 2, "maxPayloadSize": 2_000}));
    let user = |name: &str| post("/Users", name, json!({"userName": name}));
    let got = bulk(&server, json!([user("a"), user("b"), user("c")]), None).await;
    got.assert_error(413, "operations");
    assert!(got.body["detail"].as_str().unwrap().contains("2 (maxOperations)"), "{}", got.body);
    let large = post("/Users", "a", json!({"userName": "a", "title": "x".repeat(2_000)}));
    let got = bulk(&server, json!([large]), None).await;
    got.assert_error(413, "payload");
    assert!(got.body["detail"].as_str().unwrap().contains("2000"), "{}", got.body);
    assert_eq!(server.one("GET", "/Users", None).await.body["totalResults"], 0);
    let large = post("/Users", "a", json!({"userName": "a", "title": "x".repeat(500)}));
    assert_eq!(statuses(&bulk(&server, json!([large, user("b")]), None).await), ["413", "201"]);
    for body in [json!({}), json!({"schemas": [REQUEST]}), json!({"schemas": [REQUEST], "Operations": []})] {
        server.one("POST", "/Bulk", Some(&body)).await.assert_error(400, "body");
    }
    server.one("GET", "/Bulk", None).await.assert_error(405, "GET");
    let stranger = Ask::at("POST", &format!("{}/Bulk", server.one.path())).json(&json!({}));
    server.send(stranger).await.assert_error(401, "no token");
}
