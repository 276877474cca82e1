//! Short ways to write commands.

use rollcall_domain::{
    Command, Precondition,
    ids::{GroupId, UserId},
};
use rollcall_scim::{
    compat::{Rules, patch_request},
    document::{Document, MemberInput},
    kind::ResourceKind,
    schema::{CORE_GROUP, CORE_USER, ENTERPRISE_USER},
};
use serde_json::{Map, Value, json};

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("not an object"),
    }
}

/// A user's document: `attributes` in canonical form.
pub(crate) fn user_document(attributes: Value) -> Document {
    let mut document = Map::new();
    let attributes = map(attributes);
    let mut schemas = vec![CORE_USER];
    if attributes.contains_key(ENTERPRISE_USER) {
        schemas.push(ENTERPRISE_USER);
    }
    document.insert("schemas".into(), json!(schemas));
    document.extend(attributes);
    document.entry("active").or_insert(true.into());
    Document::from_map(document)
}

pub(crate) fn group_document(attributes: Value) -> Document {
    let mut document = Map::new();
    document.insert("schemas".into(), json!([CORE_GROUP]));
    document.extend(map(attributes));
    Document::from_map(document)
}

pub(crate) fn named(name: &str) -> Document {
    group_document(json!({"displayName": name}))
}

pub(crate) fn create_user(attributes: Value) -> Command {
    Command::CreateUser { document: user_document(attributes) }
}

pub(crate) fn replace_user(id: &UserId, attributes: Value) -> Command {
    Command::ReplaceUser {
        id: id.clone(),
        active_given: attributes.get("active").is_some(),
        document: user_document(attributes),
        precondition: Precondition::None,
    }
}

pub(crate) fn delete_user(id: &UserId) -> Command {
    Command::DeleteUser { id: id.clone(), precondition: Precondition::None }
}

pub(crate) fn patch_user(id: &UserId, operations: Value) -> Command {
    let body =
        map(json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}));
    Command::PatchUser {
        id: id.clone(),
        patch: patch_request(ResourceKind::User, body, &Rules::default()).unwrap().0,
        precondition: Precondition::None,
    }
}

pub(crate) fn members<S: AsRef<str>>(values: &[S]) -> Vec<MemberInput> {
    values
        .iter()
        .map(|value| MemberInput { value: value.as_ref().to_owned(), display: None, kind: None })
        .collect()
}

pub(crate) fn create_group<S: AsRef<str>>(name: &str, values: &[S]) -> Command {
    Command::CreateGroup { document: named(name), members: members(values) }
}

pub(crate) fn replace_group<S: AsRef<str>>(id: &GroupId, name: &str, values: Option<&[S]>) -> Command {
    Command::ReplaceGroup {
        id: id.clone(),
        document: named(name),
        members: values.map(members),
        precondition: Precondition::None,
    }
}

pub(crate) fn patch_group(id: &GroupId, operations: Value) -> Command {
    let body =
        map(json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}));
    Command::PatchGroup {
        id: id.clone(),
        patch: patch_request(ResourceKind::Group, body, &Rules::default()).unwrap().0,
        precondition: Precondition::None,
    }
}

pub(crate) fn delete_group(id: &GroupId) -> Command {
    Command::DeleteGroup { id: id.clone(), precondition: Precondition::None }
}

/// `[{"value": …}, …]`
pub(crate) fn values<S: AsRef<str>>(values: &[S]) -> Value {
    values.iter().map(|value| json!({"value": value.as_ref()})).collect()
}
