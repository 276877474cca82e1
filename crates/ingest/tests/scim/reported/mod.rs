//! Faults that SCIM servers really had, as they stand in public issue trackers: `t_NN` is the NN-th of sixty. Each test
//! does what was done there and asks for what should have come of it.

mod concurrency;
mod entra;
mod filters;
mod groups;
mod http;
mod okta;
mod patching;
mod scale;
mod security;

use serde_json::{Value, json};

use crate::server::{Got, Server};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn values(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}

/// The ids of the members, sorted.
fn members(body: &Value) -> Vec<String> {
    let list = body["members"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> =
        list.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}

async fn users(server: &Server, count: usize) -> Vec<String> {
    let mut ids = Vec::with_capacity(count);
    for n in 0..count {
        ids.push(server.user(&format!("u{n}")).await);
    }
    ids
}

/// A user of this body, created; its path.
async fn user(server: &Server, body: Value) -> String {
    let mut body = body;
    if body.get("userName").is_none() {
        body["userName"] = "ann".into();
    }
    let got = server.one("POST", "/Users", Some(&body)).await;
    assert_eq!(got.status, 201, "{}", got.body);
    server.new_events();
    format!("/Users/{}", got.id())
}

/// A group with these members, created; its path.
async fn group(server: &Server, ids: &[String]) -> String {
    let body = json!({"displayName": "Staff", "members": values(ids)});
    let got = server.one("POST", "/Groups", Some(&body)).await;
    assert_eq!(got.status, 201, "{}", got.body);
    server.new_events();
    format!("/Groups/{}", got.id())
}

async fn patch(server: &Server, path: &str, operations: Value) -> Got {
    let body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    server.one("PATCH", path, Some(&body)).await
}

async fn patched(server: &Server, path: &str, operations: Value) -> Value {
    let got = patch(server, path, operations.clone()).await;
    assert!(matches!(got.status, 200 | 204), "{operations}: {} {}", got.status, got.body);
    read(server, path).await
}

async fn read(server: &Server, path: &str) -> Value {
    let got = server.one("GET", path, None).await;
    assert_eq!(got.status, 200, "{path}: {}", got.body);
    got.body
}

/// What a filter finds, by name.
async fn found(server: &Server, collection: &str, filter: &str) -> Vec<String> {
    let encoded: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let got = server.one("GET", &format!("/{collection}?filter={encoded}"), None).await;
    assert_eq!(got.status, 200, "{filter}: {}", got.body);
    let name = |one: &Value| one["userName"].as_str().or(one["displayName"].as_str()).unwrap().to_owned();
    got.body["Resources"].as_array().unwrap().iter().map(name).collect()
}
