//! Many events in little time: a group's members join and leave, a thousand at a time.

use rollcall_tests::provider::{Provider, user_body};
use serde_json::{Value, json};

/// Members that join or leave with one request.
const AT_ONCE: usize = 1_000;
/// Users that one bulk request makes.
const BULK: usize = 100;

/// Makes so many events in a directory, or a few more.
pub(crate) async fn events(dir: &Provider, count: usize) {
    let mut users: Vec<String> = Vec::new();
    while users.len() < AT_ONCE {
        let operations: Vec<Value> = (users.len()..users.len() + BULK)
            .map(|n| {
                json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(),
                       "data": user_body(&format!("member{n}"))})
            })
            .collect();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations
        });
        let answer = dir.post("/Bulk", &body).await.expect(200);
        let made = answer["Operations"].as_array().cloned().unwrap_or_default();
        let id = |one: &Value| one["location"].as_str()?.rsplit('/').next().map(str::to_owned);
        users.extend(made.iter().filter_map(id));
        assert_eq!(users.len() % BULK, 0, "{answer}");
    }
    let group = dir.group("Everybody", &[]).await;
    let members: Vec<Value> = users.iter().map(|user| json!({"value": user})).collect();
    let join = json!([{"op": "add", "path": "members", "value": members}]);
    let leave = json!([{"op": "replace", "path": "members", "value": []}]);
    let mut made = users.len() + 1;
    while made < count {
        for operations in [&join, &leave] {
            let answer = dir.patch(&format!("/Groups/{group}"), operations.clone()).await;
            assert!([200, 204].contains(&answer.status), "{answer}");
            made += AT_ONCE;
        }
    }
}
