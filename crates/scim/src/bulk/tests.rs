use serde_json::{Map, Value, json};

use super::*;
use crate::{
    ScimError, ScimType,
    compat::{Applied, Rules},
    schema::BULK_REQUEST,
};

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn request(operations: Value) -> Result<BulkRequest, ScimError> {
    let body = map(json!({"schemas": [BULK_REQUEST], "Operations": operations}));
    BulkRequest::parse(body, &Rules::strict(), 10, &mut Applied::default())
}

/// Carries the plan out; what creates a resource gives it the id `id-<bulkId>`, unless its userName or displayName
/// is `fail`.
fn carried_out(operations: Value) -> Vec<String> {
    let operations = request(operations).unwrap().operations;
    let ids: Vec<Option<String>> =
        operations.iter().map(|one| one.bulk_id.as_ref().map(|id| format!("id-{id}"))).collect();
    let mut plan = BulkPlan::new(operations);
    let mut log = Vec::new();
    while let Some(step) = plan.next_step() {
        let (index, created, line) = match step {
            BulkStep::Run { index, change } => {
                let fails = change.data.values().any(|value| value == "fail");
                let created = ids[index].clone().filter(|_| !fails && change.method == BulkMethod::Post);
                (index, created, format!("run {index} {:?} {}", change.target, Value::Object(change.data)))
            }
            BulkStep::Shell { index, change } => {
                (index, ids[index].clone(), format!("shell {index} {}", Value::Object(change.data)))
            }
            BulkStep::Link { index, id, data, .. } => {
                let data = data.map(|mut data| data.remove("Operations").unwrap()[0]["value"].to_string());
                (index, None, format!("link {index} {id} {:?}", data.map_err(|error| error.status)))
            }
            BulkStep::Fail { index, error } => (index, None, format!("fail {index} {}", error.status)),
        };
        plan.settle(index, created.as_deref());
        log.push(line);
    }
    assert_eq!(plan.shells(), []);
    log
}

fn post(path: &str, bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": path, "bulkId": bulk_id, "data": data})
}

#[test]
fn references_forward_and_backward_are_resolved() {
    insta::assert_snapshot!(carried_out(json!([
        post("/Groups", "g", json!({"displayName": "G", "members": [{"value": "bulkId:u"}, {"value": "x"}]})),
        post("/Users", "u", json!({"userName": "u"})),
        {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"Operations": [
            {"op": "remove", "path": "members[value eq \"bulkId:u\" or value eq \"y\"]"},
            {"op": "add", "path": "displayName", "value": "bulkId"},
        ]}},
        {"method": "DELETE", "path": "Users/7"},
    ])).join("\n"), @r#"
    run 1 None {"userName":"u"}
    run 0 None {"displayName":"G","members":[{"value":"id-u"},{"value":"x"}]}
    run 2 Some(Id("id-g")) {"Operations":[{"op":"remove","path":"members[value eq \"id-u\" or value eq \"y\"]"},{"op":"add","path":"displayName","value":"bulkId"}]}
    run 3 Some(Id("7")) {}
    "#);
}

#[test]
fn a_circle_is_made_of_shells_and_links() {
    insta::assert_snapshot!(carried_out(json!([
        post("/Users", "after", json!({"userName": "c", "manager": {"value": "bulkId:a"}})),
        post("/Groups", "a", json!({"displayName": "A", "members": [{"value": "bulkId:b"}, {"value": "m"}]})),
        post("/Groups", "b", json!({"displayName": "B", "members": ["bulkId:a"]})),
        post("/Users", "self", json!({"userName": "boss", "urn:x": {"manager": {"value": "bulkId:self"}, "k": 1}})),
    ])).join("\n"), @r#"
    shell 1 {"displayName":"A","members":[{"value":"m"}]}
    run 0 None {"userName":"c","manager":{"value":"id-a"}}
    run 2 None {"displayName":"B","members":["id-a"]}
    link 1 id-a Ok("{\"members\":[{\"value\":\"id-b\"}]}")
    shell 3 {"userName":"boss","urn:x":{"manager":{},"k":1}}
    link 3 id-self Ok("{\"urn:x\":{\"manager\":{\"value\":\"id-self\"}}}")
    "#);
}

#[test]
fn what_needs_something_that_failed_fails_too() {
    insta::assert_snapshot!(carried_out(json!([
        post("/Users", "u", json!({"userName": "fail"})),
        {"method": "PUT", "path": "/Users/bulkId:u", "data": {"userName": "v"}},
        post("/Groups", "g", json!({"displayName": "G", "members": [{"value": "bulkId:u"}]})),
        post("/Groups", "h", json!({"displayName": "H", "members": [{"value": "bulkId:g"}]})),
        post("/Groups", "i", json!({"displayName": "I", "members": [{"value": "bulkId:nobody"}]})),
        post("/Groups", "j", json!({"displayName": "J", "members": [{"value": "bulkId:j"}]})),
        post("/Groups", "k", json!({"displayName": "K", "members": [{"value": "bulkId:l"}]})),
        post("/Groups", "l", json!({"displayName": "fail", "members": [{"value": "bulkId:k"}]})),
    ])).join("\n"), @r#"
    run 0 None {"userName":"fail"}
    fail 1 409
    fail 2 409
    fail 3 409
    fail 4 409
    fail 5 409
    shell 6 {"displayName":"K","members":[]}
    run 7 None {"displayName":"fail","members":[{"value":"id-k"}]}
    link 6 id-k Err(409)
    "#);
}

#[test]
fn a_plan_that_is_given_up_names_its_shells() {
    let operations = request(json!([
        post("/Groups", "a", json!({"displayName": "A", "members": [{"value": "bulkId:b"}]})),
        post("/Groups", "b", json!({"displayName": "B", "members": [{"value": "bulkId:a"}]})),
    ]));
    let mut plan = BulkPlan::new(operations.unwrap().operations);
    assert!(matches!(plan.next_step(), Some(BulkStep::Shell { index: 0, .. })));
    plan.settle(0, Some("grp_1"));
    assert_eq!(plan.shells(), [(0, crate::ResourceKind::Group, "grp_1".to_owned())]);
}

#[test]
fn one_wrong_operation_is_its_own_answer() {
    for (operation, status) in [
        (json!(7), 400),
        (json!({}), 400),
        (json!({"method": "GET", "path": "/Users/1"}), 400),
        (json!({"method": "post", "path": "/Users", "bulkId": "a", "data": {}}), 400),
        (json!({"method": "POST", "path": "/Users", "data": {}}), 400),
        (json!({"method": "POST", "path": "/Users", "bulkId": "", "data": {}}), 400),
        (json!({"method": "POST", "path": "/Users", "bulkId": "a"}), 400),
        (json!({"method": "POST", "path": "/Users", "bulkId": "a", "data": []}), 400),
        (json!({"method": "POST", "path": "/Users/1", "bulkId": "a", "data": {}}), 405),
        (json!({"method": "PUT", "path": "/Users", "data": {}}), 405),
        (json!({"method": "DELETE", "path": "/Users"}), 405),
        (json!({"method": "POST", "path": "/Bulk", "bulkId": "a", "data": {}}), 404),
        (json!({"method": "POST", "path": "/Printers", "bulkId": "a", "data": {}}), 404),
        (json!({"method": "PUT", "path": "/Users/1/2", "data": {}}), 404),
        (json!({"method": "PATCH", "path": "/Users/1", "data": [{"op": "remove", "path": "title"}]}), 400),
    ] {
        let read = request(json!([operation])).unwrap();
        let change = &read.operations[0].change;
        assert_eq!(change.as_ref().map_err(|error| error.status), Err(status), "{operation}");
    }
}

#[test]
fn liberties_are_rules() {
    let body = map(json!({"operations": [
        {"method": "patch", "path": "/Users/1", "data": [{"op": "remove", "path": "title"}]},
    ]}));
    let mut applied = Applied::default();
    let read = BulkRequest::parse(body, &Rules::default(), 10, &mut applied).unwrap();
    let change = read.operations[0].change.as_ref().unwrap();
    assert_eq!(change.data["Operations"], json!([{"op": "remove", "path": "title"}]));
    assert_eq!(read.operations[0].method, "PATCH");
    assert_eq!(
        applied.iter().collect::<Vec<_>>(),
        ["op_case_insensitive", "tolerate_missing_patch_schemas", "lowercase_operations"]
    );
}

#[test]
fn what_makes_the_whole_unreadable_is_refused() {
    let delete = json!({"method": "DELETE", "path": "/Users/1"});
    let twice = json!([post("/Users", "a", json!({})), post("/Users", "a", json!({}))]);
    assert_eq!(request(twice).unwrap_err().scim_type, Some(ScimType::InvalidValue));
    assert_eq!(request(json!([])).unwrap_err().scim_type, Some(ScimType::InvalidSyntax));
    assert_eq!(request(json!({})).unwrap_err().scim_type, Some(ScimType::InvalidSyntax));
    let error = request(vec![delete.clone(); 11].into()).unwrap_err();
    assert_eq!((error.status, error.detail.contains("11") && error.detail.contains("10")), (413, true));
    assert!(request(vec![delete.clone(); 10].into()).is_ok());
    for (count, ok) in [(json!(1), true), (json!(null), true), (json!(0), false), (json!("1"), false)] {
        let body = map(json!({"schemas": [BULK_REQUEST], "failOnErrors": count, "Operations": [delete]}));
        assert_eq!(
            BulkRequest::parse(body, &Rules::strict(), 10, &mut Applied::default()).is_ok(),
            ok,
            "{count}"
        );
    }
}

/// The work of a plan is bounded by its references, however they are tangled.
#[test]
fn a_long_chain_and_a_large_circle() {
    for closed in [false, true] {
        const COUNT: usize = 1_000;
        let operations: Vec<Value> = (0..COUNT)
            .map(|n| {
                let next = if n + 1 < COUNT { n + 1 } else { 0 };
                let members = if n + 1 < COUNT || closed {
                    json!([{"value": format!("bulkId:{next}")}])
                } else {
                    json!([])
                };
                post("/Groups", &n.to_string(), json!({"displayName": "G", "members": members}))
            })
            .collect();
        let body = map(json!({"schemas": [BULK_REQUEST], "Operations": operations}));
        let read = BulkRequest::parse(body, &Rules::strict(), COUNT, &mut Applied::default()).unwrap();
        let mut plan = BulkPlan::new(read.operations);
        let (mut steps, mut shells) = (0, 0);
        while let Some(step) = plan.next_step() {
            steps += 1;
            let index = match step {
                BulkStep::Shell { index, .. } => {
                    shells += 1;
                    index
                }
                BulkStep::Run { index, .. } | BulkStep::Link { index, .. } => index,
                BulkStep::Fail { error, .. } => panic!("{error}"),
            };
            plan.settle(index, Some("id"));
        }
        assert_eq!((steps, shells), if closed { (COUNT + 1, 1) } else { (COUNT, 0) });
    }
}
