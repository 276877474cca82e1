//! Groups and their members.

use rollcall_ingest::Settings;
use rollcall_scim::{Rule, RuleSwitches};
use serde_json::{Value, json};

use crate::server::{Ask, Server};

fn values(ids: &[&str]) -> Value {
    json!(ids.iter().map(|id| json!({"value": id})).collect::<Vec<_>>())
}

fn members(body: &Value) -> Vec<&str> {
    let list = body["members"].as_array().map_or(&[][..], Vec::as_slice);
    let mut ids: Vec<_> = list.iter().map(|member| member["value"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[actix_web::test]
async fn a_group_and_its_members() {
    let server = Server::start().await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    server.new_events();
    let body = json!({"displayName": "Staff", "members": values(&[&ann])});
    let made = server.one("POST", "/Groups", Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.id();
    let base = format!("https://rollcall.example{}", server.one.path());
    assert_eq!(made.header("location"), Some(format!("{base}/Groups/{id}").as_str()));
    assert_eq!(made.body["members"][0]["$ref"], format!("{base}/Users/{ann}"));
    assert_eq!(made.body["members"][0]["type"], "User");
    assert_eq!(server.new_events(), ["group.created", "group.member_added"]);

    let user = server.one("GET", &format!("/Users/{ann}"), None).await.body;
    assert_eq!(
        user["groups"],
        json!([{"value": id, "$ref": format!("{base}/Groups/{id}"), "display": "Staff", "type": "direct"}])
    );

    let path = format!("/Groups/{id}");
    let add = json!({"Operations": [{"op": "Add", "path": "members", "value": values(&[&bob])}]});
    let added = server.one("PATCH", &path, Some(&add)).await;
    assert_eq!(added.status, 200, "{}", added.body);
    assert_eq!(members(&added.body).len(), 2);
    assert_eq!(server.new_events(), ["group.member_added"]);
    let again = server.one("PATCH", &path, Some(&add)).await;
    assert_eq!(again.body, added.body);
    assert_eq!(server.new_events(), Vec::<String>::new());

    let remove = json!({"Operations": [{"op": "Remove", "path": "members", "value": values(&[&ann])}]});
    assert_eq!(members(&server.one("PATCH", &path, Some(&remove)).await.body), [bob.as_str()]);
    assert_eq!(server.new_events(), ["group.member_removed"]);

    let keep = server.one("PUT", &path, Some(&json!({"displayName": "Crew"}))).await;
    assert_eq!((keep.status, members(&keep.body)), (200, vec![bob.as_str()]));
    assert_eq!(server.new_events(), ["group.updated"]);
    let clear = server.one("PUT", &path, Some(&json!({"displayName": "Crew", "members": []}))).await;
    assert_eq!((clear.status, clear.body.get("members")), (200, None));
    assert_eq!(server.new_events(), ["group.member_removed"]);

    assert_eq!(server.one("DELETE", &path, None).await.status, 204);
    assert_eq!(server.new_events(), ["group.deleted"]);
    server.one("GET", &path, None).await.assert_error(404, "deleted");
}

#[actix_web::test]
async fn a_large_group_answers_204_unless_a_selection_is_asked_for() {
    let server = Server::with(Settings { members_in_answer: 2, ..Settings::default() }).await;
    let ids = [server.user("a").await, server.user("b").await, server.user("c").await];
    let body = json!({"displayName": "All", "members": values(&[&ids[0], &ids[1]])});
    let id = server.one("POST", "/Groups", Some(&body)).await.id();
    let path = format!("/Groups/{id}");
    let rename =
        |name: &str| json!({"Operations": [{"op": "replace", "path": "displayName", "value": name}]});

    let small = server.one("PATCH", &path, Some(&rename("One"))).await;
    assert_eq!((small.status, members(&small.body).len()), (200, 2));

    let add = json!({"Operations": [{"op": "add", "path": "members", "value": values(&[&ids[2]])}]});
    let large = server.one("PATCH", &path, Some(&add)).await;
    assert_eq!((large.status, large.header("etag").is_some()), (204, true));

    let selected = server.one("PATCH", &format!("{path}?attributes=displayName"), Some(&rename("Two"))).await;
    assert_eq!((selected.status, &selected.body["displayName"]), (200, &json!("Two")));
    let without =
        server.one("PATCH", &format!("{path}?excludedAttributes=members"), Some(&rename("Three"))).await;
    assert_eq!((without.status, without.body.get("members")), (200, None));
    let with = server.one("PATCH", &format!("{path}?attributes=members"), Some(&rename("Four"))).await;
    assert_eq!((with.status, members(&with.body).len()), (200, 3));

    let put = server.one("PUT", &path, Some(&json!({"displayName": "Five"}))).await;
    assert_eq!((put.status, members(&put.body).len()), (200, 3));
    let full = json!({"displayName": "Six", "members": values(&[&ids[0], &ids[1], &ids[2]])});
    let post = server.one("POST", "/Groups", Some(&full)).await;
    assert_eq!((post.status, members(&post.body).len()), (201, 3));
    let got = server.one("GET", &path, None).await;
    assert_eq!((got.status, members(&got.body).len()), (200, 3));
}

#[actix_web::test]
async fn without_its_rule_a_patch_of_a_large_group_answers_with_the_group() {
    let server = Server::with(Settings { members_in_answer: 1, ..Settings::default() }).await;
    let body = json!({"displayName": "All", "members": values(&["a", "b"])});
    let path = format!("/Groups/{}", server.one("POST", "/Groups", Some(&body)).await.id());
    let rename = |name| json!({"Operations": [{"op": "replace", "path": "displayName", "value": name}]});
    assert_eq!(server.one("PATCH", &path, Some(&rename("One"))).await.status, 204);
    server.switch(RuleSwitches { except: [Rule::GroupPatch204].into(), ..RuleSwitches::default() }).await;
    let got = server.one("PATCH", &path, Some(&rename("Two"))).await;
    assert_eq!((got.status, members(&got.body)), (200, vec!["a", "b"]));
}

#[actix_web::test]
async fn lists_with_and_without_members() {
    let server = Server::start().await;
    let ann = server.user("ann").await;
    let body = json!({"displayName": "Staff", "members": values(&[&ann])});
    let id = server.one("POST", "/Groups", Some(&body)).await.id();
    for (query, with) in [
        ("filter=displayName%20eq%20%22staff%22", true),
        ("excludedAttributes=members&filter=displayName%20eq%20%22Staff%22", false),
        ("attributes=displayName", false),
        ("attributes=members", true),
    ] {
        let got = server.one("GET", &format!("/Groups?{query}"), None).await;
        assert_eq!(got.body["Resources"][0]["id"], id, "{query}: {}", got.body);
        assert_eq!(!members(&got.body["Resources"][0]).is_empty(), with, "{query}");
    }
    let by_member = format!("/Groups?filter=members.value%20eq%20%22{ann}%22&attributes=id");
    assert_eq!(server.one("GET", &by_member, None).await.body["totalResults"], 1);
}

#[actix_web::test]
async fn a_member_of_another_directory_is_as_unknown_as_any_other() {
    let server = Server::start().await;
    let foreign =
        server.send(Ask::new(&server.other, "POST", "/Users").json(&json!({"userName": "eve"}))).await.id();
    let mut seen = Vec::new();
    for value in [foreign.as_str(), "usr_00000000000000000000000000000000"] {
        let body = json!({"displayName": "Staff", "members": values(&[value])});
        let got = server.one("POST", "/Groups", Some(&body)).await;
        assert_eq!(got.status, 201, "{}", got.body);
        let mut member = got.body["members"][0].clone();
        assert_eq!(member["value"], value);
        member["value"] = Value::Null;
        seen.push(member);
    }
    assert_eq!(seen[0], seen[1]);
    let eve = server.send(Ask::new(&server.other, "GET", &format!("/Users/{foreign}"))).await;
    assert_eq!(eve.body.get("groups"), None);
}

#[actix_web::test]
async fn a_group_is_no_member_of_itself() {
    let server = Server::start().await;
    let id = server.one("POST", "/Groups", Some(&json!({"displayName": "Staff"}))).await.id();
    let add = json!({"Operations": [{"op": "add", "path": "members", "value": values(&[&id])}]});
    let got = server.one("PATCH", &format!("/Groups/{id}"), Some(&add)).await;
    got.assert_error(400, "itself");
    assert_eq!(got.body["scimType"], "invalidValue");
}
