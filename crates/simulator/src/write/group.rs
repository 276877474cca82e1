//! A group and the changes of one, in a product's dialect.

use serde_json::{Map, Value, json};

use super::patch::message;
use crate::style::{Deltas, Entry, GroupField, GroupStyle, Removal, Words};

/// A member: the server's id, and the name for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) user_name: String,
}

fn entry(style: Entry, member: &Member) -> Value {
    match style {
        Entry::Value => json!({"value": member.id}),
        Entry::NullRef => json!({"$ref": null, "value": member.id}),
        Entry::Display => json!({"value": member.id, "display": member.user_name}),
    }
}

fn entries(style: Entry, members: &[Member]) -> Vec<Value> {
    members.iter().map(|member| entry(style, member)).collect()
}

/// A new group.
pub(crate) fn create(style: &GroupStyle, number: usize, name: &str) -> Value {
    let mut group = Map::new();
    group.insert("schemas".to_owned(), json!(style.schemas));
    for field in style.fields {
        let (name, value) = match field {
            GroupField::ExternalId => ("externalId", json!(format!("8aa1a0c0-c4c3-4bc0-b4a5-{number:012x}"))),
            GroupField::DisplayName => ("displayName", json!(name)),
            GroupField::NoMembers => ("members", json!([])),
            GroupField::Meta => ("meta", json!({"resourceType": "Group"})),
        };
        group.insert(name.to_owned(), value);
    }
    Value::Object(group)
}

/// The group whole, for a PUT.
pub(crate) fn whole(style: &GroupStyle, name: &str, style_of: Entry, members: &[Member]) -> Value {
    json!({"schemas": style.schemas, "displayName": name, "members": entries(style_of, members)})
}

/// The whole list in a PATCH.
pub(crate) fn replace_members(style: Entry, members: &[Member]) -> Value {
    message(vec![json!({"op": "replace", "path": "members", "value": entries(style, members)})])
}

/// Another name, with its path.
pub(crate) fn rename(words: Words, name: &str) -> Value {
    message(vec![json!({"op": words.replace(), "path": "displayName", "value": name})])
}

/// The name without a path, and the id beside it.
pub(crate) fn push(id: &str, name: &str) -> Value {
    json!({"op": "replace", "value": {"id": id, "displayName": name}})
}

/// Who comes. `push` goes before, if there is one.
pub(crate) fn add_members(style: Deltas, push: Option<Value>, members: &[Member]) -> Value {
    let add = json!({"op": style.words.add(), "path": "members", "value": entries(style.entry, members)});
    message(push.into_iter().chain([add]).collect())
}

/// Who goes.
pub(crate) fn remove_members(style: Deltas, push: Option<Value>, members: &[Member]) -> Value {
    let op = style.words.remove();
    let mut operations: Vec<Value> = push.into_iter().collect();
    match style.removal {
        Removal::ValueArray => {
            operations.push(json!({"op": op, "path": "members", "value": entries(style.entry, members)}));
        }
        Removal::ValuePath => operations.extend(
            members
                .iter()
                .map(|member| json!({"op": op, "path": format!("members[value eq \"{}\"]", member.id)})),
        ),
    }
    message(operations)
}

/// Nobody is left.
pub(crate) fn clear_members(words: Words, push: Option<Value>) -> Value {
    let clear = json!({"op": words.replace(), "path": "members", "value": []});
    message(push.into_iter().chain([clear]).collect())
}
