//! Tenants never mix: every route with another directory's token, and with another's ids.

use rollcall_tests::provider::{Provider, user_body};
use serde_json::json;

use crate::PROFILE;

/// Every SCIM route that touches a resource, as (method, path, body).
fn routes(user: &str, group: &str) -> Vec<(&'static str, String, Option<String>)> {
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}).to_string();
    let mut put_user = user_body("stolen");
    put_user["displayName"] = json!("stolen");
    let put = put_user.to_string();
    let patch = rollcall_tests::provider::patch_body(
        json!([{"op": "replace", "path": "displayName", "value": "stolen"}]),
    )
    .to_string();
    vec![
        ("GET", format!("/Users/{user}"), None),
        ("PUT", format!("/Users/{user}"), Some(put.clone())),
        ("PATCH", format!("/Users/{user}"), Some(patch.clone())),
        ("DELETE", format!("/Users/{user}"), None),
        ("GET", format!("/Groups/{group}"), None),
        ("PUT", format!("/Groups/{group}"), Some(put.clone())),
        ("PATCH", format!("/Groups/{group}"), Some(patch)),
        ("DELETE", format!("/Groups/{group}"), None),
        ("GET", "/Users".to_owned(), None),
        ("POST", "/Users".to_owned(), Some(put.clone())),
        ("POST", "/Users/.search".to_owned(), Some(search.clone())),
        ("GET", "/Groups".to_owned(), None),
        ("POST", "/Groups".to_owned(), Some(put)),
        ("POST", "/Groups/.search".to_owned(), Some(search)),
    ]
}

async fn send(
    dir: &Provider,
    (method, path, body): &(&str, String, Option<String>),
) -> rollcall_tests::http::Answer {
    let headers = [("content-type", "application/scim+json")];
    dir.client.send(method, path, &headers, body.clone().map(Into::into)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_directorys_token_opens_nothing() {
    let world = PROFILE.world().await;
    let (mine, theirs) = (world.directory("okta").await, world.directory("okta").await);
    let user = mine.user("mine").await;
    let group = mine.group("Mine", &[&user]).await;
    let thief = Provider { client: mine.client.with_token(Some(&theirs.token)), ..mine.clone() };
    let nobody = Provider { client: mine.client.with_token(None), ..mine.clone() };
    let owner =
        Provider { client: mine.client.with_token(Some(rollcall_tests::server::API_KEY)), ..mine.clone() };
    let before = world.owner.events(&mine.directory).await;
    for route in routes(&user, &group) {
        for stranger in [&thief, &nobody, &owner] {
            let answer = send(stranger, &route).await.expect_scim_error(401);
            assert!(!answer.header("www-authenticate").is_empty(), "{answer}");
        }
    }
    // A directory's token is no owner's key.
    world.owner.client.with_token(Some(&mine.token)).get("/events").await.expect_problem(401);
    // A directory that does not exist is told apart from nothing.
    let last = if mine.directory.ends_with('0') { '1' } else { '0' };
    let absent = format!("{}{last}", &mine.directory[..mine.directory.len() - 1]);
    let address = world.server.public.clone();
    for directory in [absent.as_str(), "dir_x", "%00"] {
        Provider::new(address.clone(), directory, "", &mine.token).get("/Users").await.expect_scim_error(401);
    }
    assert_eq!(world.owner.events(&mine.directory).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_directorys_ids_are_not_there() {
    let world = PROFILE.world().await;
    let (mine, theirs) = (world.directory("okta").await, world.directory("okta").await);
    let (user, own) = (mine.user("same").await, theirs.user("same").await);
    let group = mine.group("Mine", &[&user]).await;
    let before = world.owner.events(&mine.directory).await;
    let ids = [&user, &group];
    for route in routes(&user, &group).iter().filter(|(_, path, _)| ids.iter().any(|id| path.contains(*id))) {
        send(&theirs, route).await.expect_scim_error(404);
    }
    // A member of another directory is nobody: exactly as an id that never was, and nothing is learned.
    let unknown = format!("usr_{}", "0".repeat(32));
    let foreign = theirs.group("Theirs", &[&user, &unknown, &own]).await;
    assert_eq!(theirs.members(&foreign).await.iter().filter(|m| **m == own).count(), 1);
    let shown = world.owner.list(&format!("/groups/{foreign}/members"), "", 100).await;
    let as_shown = |id: &str| {
        let row = shown.iter().find(|m| m["id"] == id).map(ToString::to_string);
        row.map(|text| text.replace(id, "ID"))
    };
    assert_eq!(as_shown(&user), as_shown(&unknown), "{shown:?}");
    let scim = theirs.get(&format!("/Groups/{foreign}")).await.expect(200);
    let as_stored = |id: &str| {
        let row = scim["members"].as_array().into_iter().flatten().find(|m| m["value"] == id);
        row.map(|m| m.to_string().replace(id, "ID"))
    };
    assert_eq!(as_stored(&user), as_stored(&unknown), "{scim}");
    let added = world.owner.events(&theirs.directory).await;
    assert!(!added.iter().any(|e| e.0.to_string().contains(&user)), "no event speaks of another's user");
    // Nor is it found by any filter.
    for filter in [format!("id eq \"{user}\""), "userName eq \"same\"".to_owned(), "userName pr".to_owned()] {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": filter,
        });
        let found = theirs.post("/Users/.search", &body).await.expect(200);
        assert!(!found.json().to_string().contains(&user), "{found}");
    }
    assert_eq!(world.owner.events(&mine.directory).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scopes_keep_events_apart() {
    let world = PROFILE.world().await;
    let globex = world.owner.organization("globex").await;
    let mine = world.directory("okta").await;
    let second = world.directory("entra_id").await;
    let theirs = world.owner.directory(&globex, "okta").await;
    world.subscribe_to("directory", &mine).await;
    world.subscribe("organization", json!({"organization_id": world.organization})).await;
    world.subscribe("everything", json!({})).await;
    for dir in [&mine, &second, &theirs] {
        dir.user("ada").await;
    }
    let all = world.accepted("everything", 3).await;
    assert_eq!(all.len(), 3);
    let organization = world.accepted("organization", 2).await;
    assert!(organization.iter().all(|e| e.0["organization_id"] == world.organization));
    world.accepted("directory", 1).await;
    for (hook, count) in [("directory", 1), ("organization", 2), ("everything", 3)] {
        let users =
            world.receiver.attempts_at(hook).iter().filter(|a| a.event().kind() == "user.created").count();
        assert_eq!(users, count, "{hook}");
    }
    // The pull API by the same scopes.
    for (query, count) in [
        (format!("directory_id={}", mine.directory), 1),
        (format!("organization_id={globex}"), 1),
        (format!("organization_id={}", world.organization), 2),
        ("type=user.created".to_owned(), 3),
    ] {
        let found = world.owner.list("/events", &format!("?{query}&type=user.created"), 100).await;
        assert_eq!(found.len(), count, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_can_be_replaced_and_revoked() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let path = format!("/directories/{}/tokens", dir.directory);
    let made = world.owner.post(&path, json!({})).await.expect(201);
    let token = made.text("token");
    let renewed = Provider { client: dir.client.with_token(Some(&token)), ..dir.clone() };
    renewed.user("by.the.new.token").await;
    dir.user("by.the.old.token").await;
    world.owner.delete(&format!("{path}/{}", made.text("id"))).await.expect(204);
    renewed.get("/Users").await.expect_scim_error(401);
    dir.get("/Users").await.expect(200);
    // A replacement without an overlap ends the old one at once.
    let made = world.owner.post(&path, json!({"overlap_seconds": 0})).await.expect(201);
    dir.get("/Users").await.expect_scim_error(401);
    let last = Provider { client: dir.client.with_token(Some(&made.text("token"))), ..dir.clone() };
    assert_eq!(last.total("/Users").await, 2);
}
