//! What each operation does to a group: its attributes, and the changes of its members that are handed on.

use serde_json::{Value, json};

use super::*;
use crate::{
    compat::{group_input, patch_request},
    error::ScimType,
};

fn group(operations: &Value) -> Result<GroupPatch, ScimError> {
    let body = json!({"displayName": "G", "externalId": "e"});
    let (input, _) = group_input(body.as_object().cloned().unwrap(), &Rules::default()).unwrap();
    apply_group(&input.document, &request(operations)?)
}

fn request(operations: &Value) -> Result<PatchRequest, ScimError> {
    let body = json!({"Operations": operations});
    patch_request(ResourceKind::Group, body.as_object().cloned().unwrap(), &Rules::default())
        .map(|(request, _)| request)
}

fn by_id(id: &str) -> MemberInput {
    MemberInput { value: id.to_owned(), display: None, kind: None }
}

#[test]
fn member_operations() {
    let ids = |ids: &[&str]| ids.iter().map(|id| by_id(id)).collect::<Vec<_>>();
    let values = |ids: &[&str]| {
        MemberOp::Remove(MemberSelector::Values(ids.iter().map(|id| (*id).to_owned()).collect()))
    };
    for (operations, expected) in [
        (
            json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "a"}, {"value": "b"}, {"value": "a"}]}]),
            vec![MemberOp::Add(ids(&["a", "b"]))],
        ),
        (
            json!([{"op": "add", "path": "members", "value": {"value": "a"}}]),
            vec![MemberOp::Add(ids(&["a"]))],
        ),
        (json!([{"op": "add", "path": "members", "value": ["a"]}]), vec![MemberOp::Add(ids(&["a"]))]),
        (json!([{"op": "add", "path": "members", "value": "a"}]), vec![MemberOp::Add(ids(&["a"]))]),
        (
            json!([{"op": "add", "path": "members", "value": [{"$ref": "https://x/Users/a"}]}]),
            vec![MemberOp::Add(ids(&["a"]))],
        ),
        (json!([{"op": "add", "path": "members[value eq \"a\"]"}]), vec![MemberOp::Add(ids(&["a"]))]),
        (json!([{"op": "add", "value": {"members": [{"value": "a"}]}}]), vec![MemberOp::Add(ids(&["a"]))]),
        (json!([{"op": "add", "path": "members", "value": []}]), vec![]),
        (json!([{"op": "replace", "path": "members", "value": []}]), vec![MemberOp::Replace(vec![])]),
        (json!([{"op": "replace", "path": "members", "value": null}]), vec![MemberOp::Replace(vec![])]),
        (json!([{"op": "replace", "value": {"members": []}}]), vec![MemberOp::Replace(vec![])]),
        (
            json!([{"op": "replace", "value": {"id": "g", "displayName": "G", "members": [{"value": "a"}]}}]),
            vec![MemberOp::Replace(ids(&["a"]))],
        ),
        (json!([{"op": "replace", "value": {"id": "g", "displayName": "G"}}]), vec![]),
        (json!([{"op": "remove", "path": "members"}]), vec![MemberOp::Remove(MemberSelector::All)]),
        (
            json!([{"op": "remove", "path": "members", "value": null}]),
            vec![MemberOp::Remove(MemberSelector::All)],
        ),
        (json!([{"op": "remove", "path": "members", "value": []}]), vec![]),
        (
            json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "a"}]}]),
            vec![values(&["a"])],
        ),
        (json!([{"op": "remove", "path": "members", "value": {"value": "a"}}]), vec![values(&["a"])]),
        (json!([{"op": "remove", "path": "members", "value": ["a", "b"]}]), vec![values(&["a", "b"])]),
        (json!([{"op": "remove", "path": "members", "value": "a"}]), vec![values(&["a"])]),
        (json!([{"op": "remove", "path": "members[value eq \"a\"]"}]), vec![values(&["a"])]),
        (
            json!([{"op": "remove", "path": "MEMBERS[value eq \"a\" or (value eq \"b\")]"}]),
            vec![values(&["a", "b"])],
        ),
        (json!([{"op": "replace", "path": "members[value eq \"a\"].display", "value": "x"}]), vec![]),
        (
            json!([{"op": "remove", "path": "members[value eq \"a\"]"}, {"op": "add", "path": "members", "value": [{"value": "b"}]}]),
            vec![values(&["a"]), MemberOp::Add(ids(&["b"]))],
        ),
    ] {
        let patch = group(&operations).unwrap_or_else(|error| panic!("{operations}: {error}"));
        assert_eq!(patch.members, expected, "{operations}");
        assert_eq!(patch.document.display_name(), Some("G"));
    }
    let patch =
        group(&json!([{"op": "remove", "path": "members[type eq \"User\" and value eq \"a\"]"}])).unwrap();
    let [MemberOp::Remove(MemberSelector::Matching(filter))] = patch.members.as_slice() else {
        panic!("{patch:?}")
    };
    assert!(filter.matches(json!({"value": "a", "type": "user"}).as_object().unwrap()));
    assert!(!filter.matches(json!({"value": "A", "type": "User"}).as_object().unwrap()));
    // Nobody has two ids.
    let patch =
        group(&json!([{"op": "remove", "path": "members[value eq \"a\" and value eq \"b\"]"}])).unwrap();
    assert!(matches!(patch.members.as_slice(), [MemberOp::Remove(MemberSelector::Matching(_))]));
}

#[test]
fn a_member_keeps_what_was_sent_with_it() {
    let patch = group(&json!([{"op": "add", "path": "members",
        "value": [{"value": "a", "display": "A", "type": "Group"}, {"value": "b", "display": ""}]}]));
    let expected =
        MemberInput { value: "a".to_owned(), display: Some("A".to_owned()), kind: Some("Group".to_owned()) };
    assert_eq!(patch.unwrap().members, [MemberOp::Add(vec![expected, by_id("b")])]);
}

#[test]
fn many_members_in_one_operation() {
    let value: Vec<Value> = (0..20_000).map(|n| json!({"value": format!("usr_{n}")})).collect();
    let patch = group(&json!([{"op": "add", "path": "members", "value": value}])).unwrap();
    assert!(matches!(patch.members.as_slice(), [MemberOp::Add(members)] if members.len() == 20_000));
}

#[test]
fn group_attributes() {
    let patch = group(
        &json!([{"op": "replace", "value": {"displayName": "N"}}, {"op": "remove", "path": "externalId"}]),
    );
    let document = patch.unwrap().document;
    assert_eq!((document.display_name(), document.external_id()), (Some("N"), None));
    use ScimType::{InvalidPath, InvalidValue, Mutability};
    for (operations, scim_type) in [
        (json!([{"op": "remove", "path": "displayName"}]), Mutability),
        (json!([{"op": "replace", "path": "displayName", "value": ""}]), InvalidValue),
        (json!([{"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}]), Mutability),
        (json!([{"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "b"}}]), Mutability),
        (json!([{"op": "add", "path": "members"}]), InvalidValue),
        (json!([{"op": "add", "path": "members", "value": [{"display": "x"}]}]), InvalidValue),
        (json!([{"op": "add", "path": "members", "value": [{"value": " "}]}]), InvalidValue),
        (json!([{"op": "add", "path": "members", "value": [{"value": 7}]}]), InvalidValue),
        (json!([{"op": "add", "path": "members", "value": 7}]), InvalidValue),
        (json!([{"op": "replace", "path": "userName", "value": "x"}]), InvalidPath),
        (json!([{"op": "replace", "path": "department", "value": "x"}]), InvalidPath),
    ] {
        let error = group(&operations).map_err(|error| error.scim_type);
        assert_eq!(error, Err(Some(scim_type)), "{operations}");
    }
}
