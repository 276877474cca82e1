//! The body of a POST or PUT as a canonical document.
//!
//! A body is read as if each of its attributes were set on an empty resource, so that a POST, a PUT and a PATCH
//! agree on every spelling and every type.

use serde_json::{Map, Value};

use super::{
    change::{Origin, Verb},
    expand::Expansion,
    rules::{Applied, Dialect, Rule, Rules},
};
use crate::{
    document::{Document, GroupInput, UserInput},
    error::ScimError,
    kind::ResourceKind,
    patch::{MemberOp, Operation, Working},
};

/// The body of a POST or PUT of a user, in canonical form, and the rules that it needed. Read-only attributes,
/// unknown ones and the password are dropped; `active` is true unless given.
///
/// # Errors
/// 400 `invalidValue` naming the attribute, also for a missing or blank `userName`; `invalidPath` for a key
/// with a broken filter; `noTarget` for one whose element cannot be made.
pub fn user_input(body: Map<String, Value>, rules: &Rules) -> Result<(UserInput, Applied), ScimError> {
    let mut applied = Applied::default();
    user_input_noting(body, rules, &mut applied).map(|input| (input, applied))
}

/// As [`user_input`], noting the rules that the body needed also when it is refused.
///
/// # Errors
/// As [`user_input`].
pub fn user_input_noting(
    body: Map<String, Value>,
    rules: &Rules,
    applied: &mut Applied,
) -> Result<UserInput, ScimError> {
    let kind = ResourceKind::User;
    let operations = read(kind, body, rules, applied)?;
    let mut working = Working::empty(*rules);
    for operation in &operations {
        working.apply(operation)?;
    }
    let (mut attributes, more) = working.into_parts()?;
    applied.merge(more);
    let active_given = attributes.contains_key("active");
    if !active_given {
        attributes.insert("active".to_owned(), Value::Bool(true));
    }
    require(&attributes, "userName")?;
    Ok(UserInput { document: Document::finish(attributes, kind), active_given })
}

/// The body of a POST or PUT of a group, in canonical form, and the rules that it needed.
///
/// # Errors
/// As [`user_input`], for `displayName`.
pub fn group_input(body: Map<String, Value>, rules: &Rules) -> Result<(GroupInput, Applied), ScimError> {
    let mut applied = Applied::default();
    group_input_noting(body, rules, &mut applied).map(|input| (input, applied))
}

/// As [`group_input`], noting the rules that the body needed also when it is refused.
///
/// # Errors
/// As [`group_input`].
pub fn group_input_noting(
    body: Map<String, Value>,
    rules: &Rules,
    applied: &mut Applied,
) -> Result<GroupInput, ScimError> {
    let kind = ResourceKind::Group;
    let operations = read(kind, body, rules, applied)?;
    let mut working = Working::empty(*rules);
    let mut members = None;
    for operation in operations {
        match operation {
            Operation::Members(MemberOp::Replace(given)) => members = Some(given),
            other => working.apply(&other)?,
        }
    }
    if members.is_none() && !rules.contains(Rule::PutGroupAbsentMembersKeeps) {
        members = Some(Vec::new());
    }
    let (attributes, more) = working.into_parts()?;
    applied.merge(more);
    require(&attributes, "displayName")?;
    Ok(GroupInput { document: Document::finish(attributes, kind), members })
}

fn read(
    kind: ResourceKind,
    mut body: Map<String, Value>,
    rules: &Rules,
    applied: &mut Applied,
) -> Result<Vec<Operation>, ScimError> {
    // In a body null says no more than absence, and for members and `active` absence means "as it was".
    body.retain(|_, value| !value.is_null());
    Dialect::noting(rules, applied, |dialect| {
        let mut expansion = Expansion {
            kind,
            verb: Verb::Replace,
            origin: Origin::Body,
            dialect,
            operations: Vec::with_capacity(body.len()),
        };
        expansion.object(body)?;
        Ok(expansion.operations)
    })
}

fn require(attributes: &Map<String, Value>, name: &str) -> Result<(), ScimError> {
    match attributes.get(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(()),
        _ => Err(ScimError::invalid_value(format!("\"{name}\" is required and must not be blank."))),
    }
}
