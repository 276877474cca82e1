//! One change of one attribute: an operation, a path and a raw value in, a checked [`Operation`] out.

use serde_json::Value;

use super::{
    members::{members, selector},
    rules::{Dialect, Rule},
    take,
    values::{element, elements, single},
};
use crate::{
    document::MemberInput,
    error::ScimError,
    patch::{MemberOp, MemberSelector, Operation},
    path::PatchPath,
    schema::{Mutability, Returned},
};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Replace,
    Remove,
}

/// Where the attribute was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the body of a POST or PUT.
    Body,
    /// In the value of a PATCH operation without path.
    Value,
    /// In the path of a PATCH operation.
    Path,
}

/// The operation, or `None` if there is nothing to do.
pub(super) fn change(
    verb: Verb,
    path: PatchPath,
    value: Option<Value>,
    origin: Origin,
    dialect: &mut Dialect,
) -> Result<Option<Operation>, ScimError> {
    let root = path.attr.root();
    if root.returned == Returned::Never {
        return Ok(None);
    }
    if root.name == "schemas" && verb != Verb::Remove {
        return Ok(None);
    }
    let leaf = path.attr.leaf();
    if root.name == "schemas" || [root, leaf].iter().any(|part| part.mutability == Mutability::ReadOnly) {
        return match origin {
            Origin::Body => Ok(None),
            Origin::Value if dialect.bend(Rule::IgnoreReadonlyInValue) => Ok(None),
            _ => Err(read_only(&path)),
        };
    }
    if root.name == "members" {
        return member_change(verb, path, value, dialect);
    }
    if leaf.name == "$ref" {
        // It follows from the value beside it.
        return Ok(None);
    }
    let value = match value {
        Some(value) => Some(without_read_only(&path, value, origin, dialect)?),
        None => None,
    };
    match (verb, value) {
        (Verb::Remove, value) => remove(path, value, dialect),
        (_, None) => Err(ScimError::invalid_value(format!("The operation on \"{path}\" needs a value."))),
        (Verb::Add, Some(Value::Null)) => Ok(None),
        // A null beside other values says "not known", which must not switch an inactive user on; who means to
        // unassign `active` names it in the path.
        (Verb::Replace, Some(Value::Null)) if root.name == "active" && origin != Origin::Path => Ok(None),
        (Verb::Replace, Some(Value::Null)) => unassign(path).map(Some),
        (_, Some(value)) => assign(verb, path, value, origin, dialect).map(Some),
    }
}

/// A complex value without the parts that are the server's to say, such as a manager's name.
fn without_read_only(
    path: &PatchPath,
    mut value: Value,
    origin: Origin,
    dialect: &mut Dialect,
) -> Result<Value, ScimError> {
    let parts = match &mut value {
        Value::Object(parts) => parts,
        Value::Array(items) if items.len() == 1 => match items.first_mut() {
            Some(Value::Object(parts)) => parts,
            _ => return Ok(value),
        },
        _ => return Ok(value),
    };
    for part in path.attr.leaf().sub_attributes.iter().filter(|part| part.mutability == Mutability::ReadOnly)
    {
        let given = take(parts, part.name).is_some();
        if given && origin != Origin::Body && !dialect.bend(Rule::IgnoreReadonlyInValue) {
            return Err(ScimError::mutability(format!("\"{path}.{}\" is read-only.", part.name)));
        }
    }
    Ok(value)
}

fn read_only(path: &PatchPath) -> ScimError {
    ScimError::mutability(format!("\"{path}\" is read-only."))
}

fn remove(
    path: PatchPath,
    value: Option<Value>,
    dialect: &mut Dialect,
) -> Result<Option<Operation>, ScimError> {
    if path.attr.root().required {
        return Err(ScimError::mutability(format!("\"{path}\" cannot be removed.")));
    }
    let root = path.attr.root();
    match value {
        Some(value)
            if !value.is_null() && root.multi_valued && path.filter.is_none() && path.attr.sub.is_none() =>
        {
            if !dialect.bend(Rule::RemoveWithValueArray) {
                return Err(ScimError::invalid_value(format!(
                    "Removing \"{path}\" takes no value; name the elements in the path."
                )));
            }
            let elements = elements(root, root.name, value, true, dialect)?;
            Ok((!elements.is_empty()).then_some(Operation::RemoveElements { path, elements }))
        }
        _ => Ok(Some(Operation::Unset { path })),
    }
}

/// A replace by null, or by an empty string where that means the same.
fn unassign(path: PatchPath) -> Result<Operation, ScimError> {
    if path.attr.root().required {
        return Err(ScimError::invalid_value(format!("\"{path}\" must have a value.")));
    }
    Ok(Operation::Unset { path })
}

fn assign(
    verb: Verb,
    path: PatchPath,
    value: Value,
    origin: Origin,
    dialect: &mut Dialect,
) -> Result<Operation, ScimError> {
    let root = path.attr.root();
    let leaf = path.attr.leaf();
    let whole = path.attr.sub.is_none();
    if root.multi_valued && whole && path.filter.is_none() {
        let elements = elements(root, root.name, value, origin != Origin::Body, dialect)?;
        return Ok(match verb {
            Verb::Add => Operation::AddElements { path, elements },
            _ if elements.is_empty() => Operation::Unset { path },
            _ => Operation::ReplaceElements { path, elements },
        });
    }
    let name = path.attr.to_string();
    let value = if root.multi_valued && whole {
        let only = match value {
            Value::Array(mut items) if items.len() == 1 && dialect.bend(Rule::UnwrapSingletonArray) => {
                items.swap_remove(0)
            }
            other => other,
        };
        element(root, &name, only, dialect)?.map(Value::Object)
    } else {
        single(leaf, &name, value, dialect)?
    };
    match value {
        None => unassign(path),
        Some(Value::String(text)) if root.required && text.trim().is_empty() => unassign(path),
        Some(value) => Ok(Operation::Set { path, value }),
    }
}

fn member_change(
    verb: Verb,
    path: PatchPath,
    value: Option<Value>,
    dialect: &mut Dialect,
) -> Result<Option<Operation>, ScimError> {
    if path.attr.sub.is_some() {
        // A member's name is the member's own; whoever changes it here changes nothing.
        return match path.attr.sub {
            Some("display") => Ok(None),
            _ => Err(ScimError::mutability(format!("\"{path}\" is immutable."))),
        };
    }
    let op = match (verb, path.filter, value) {
        (Verb::Remove, Some(filter), _) => MemberOp::Remove(selector(filter)),
        (Verb::Remove, None, None | Some(Value::Null)) => MemberOp::Remove(MemberSelector::All),
        (Verb::Remove, None, Some(value)) => {
            if !dialect.bend(Rule::RemoveWithValueArray) {
                return Err(ScimError::invalid_value(
                    "Removing \"members\" takes no value; name the members in the path.",
                ));
            }
            let ids: Vec<String> = members(value)?.into_iter().map(|member| member.value).collect();
            if ids.is_empty() {
                return Ok(None);
            }
            MemberOp::Remove(MemberSelector::Values(ids))
        }
        (Verb::Add, Some(filter), _) => match selector(filter) {
            MemberSelector::Values(ids) if dialect.bend(Rule::ValuePathCreateOnMiss) => {
                MemberOp::Add(ids.into_iter().map(by_id).collect())
            }
            _ => return Err(ScimError::no_target("A member is added by its id.")),
        },
        (Verb::Replace, Some(_), _) => {
            return Err(ScimError::mutability("A member is immutable; add and remove members instead."));
        }
        (_, None, None) => {
            return Err(ScimError::invalid_value("The operation on \"members\" needs a value."));
        }
        (Verb::Add, None, Some(value)) => {
            let members = members(value)?;
            if members.is_empty() {
                return Ok(None);
            }
            MemberOp::Add(members)
        }
        (Verb::Replace, None, Some(value)) => MemberOp::Replace(members(value)?),
    };
    Ok(Some(Operation::Members(op)))
}

fn by_id(value: String) -> MemberInput {
    MemberInput { value, display: None, kind: None }
}
