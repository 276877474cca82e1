//! A PATCH of a user, in a product's dialect.

use serde_json::{Map, Value, json};

use super::user::{Target, set};
use crate::{
    schema::PATCH_OP,
    style::{Booleans, Form, PatchStyle},
};

/// The body for these operations.
pub(crate) fn message(operations: Vec<Value>) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

/// Replaces these values.
pub(crate) fn replace(style: PatchStyle, changes: Vec<(Target, Value)>, enterprise: &str) -> Value {
    let op = style.words.replace();
    let with_path =
        |target: Target, value: Value| json!({"op": op, "path": path(target, enterprise), "value": value});
    let mut changes: Vec<_> =
        changes.into_iter().map(|(target, value)| (target, boolean(style.booleans, value))).collect();
    message(match style.form {
        Form::Paths => changes.into_iter().map(|(target, value)| with_path(target, value)).collect(),
        Form::Nested => changes
            .into_iter()
            .map(|(target, value)| {
                let mut nested = json!({});
                set(&mut nested, target, value, enterprise);
                json!({"op": op, "value": nested})
            })
            .collect(),
        Form::DottedKeys => {
            let filtered: Vec<_> =
                changes.extract_if(.., |(target, _)| *target == Target::WorkEmail).collect();
            let mut operations: Vec<_> =
                filtered.into_iter().map(|(target, value)| with_path(target, value)).collect();
            match changes.len() {
                0 => {}
                1 => operations.extend(changes.into_iter().map(|(target, value)| with_path(target, value))),
                _ => {
                    let keys: Map<String, Value> = changes
                        .into_iter()
                        .map(|(target, value)| (path(target, enterprise), value))
                        .collect();
                    operations.push(json!({"op": op, "value": keys}));
                }
            }
            operations
        }
    })
}

/// Names the manager: as a bare id where paths are used, else as an object.
pub(crate) fn manager(style: PatchStyle, manager: &str, enterprise: &str) -> Value {
    message(vec![match style.form {
        Form::Paths | Form::DottedKeys => {
            json!({"op": style.words.add(), "path": format!("{enterprise}:manager"), "value": manager})
        }
        Form::Nested => {
            json!({"op": style.words.replace(), "value": {enterprise: {"manager": {"value": manager}}}})
        }
    }])
}

fn boolean(booleans: Booleans, value: Value) -> Value {
    match (booleans, value) {
        (Booleans::CapitalText, Value::Bool(true)) => json!("True"),
        (Booleans::CapitalText, Value::Bool(false)) => json!("False"),
        (Booleans::LowerText, Value::Bool(yes)) => json!(yes.to_string()),
        (_, value) => value,
    }
}

fn path(target: Target, enterprise: &str) -> String {
    match target {
        Target::Active => "active".to_owned(),
        Target::UserName => "userName".to_owned(),
        Target::WorkEmail => "emails[type eq \"work\"].value".to_owned(),
        Target::DisplayName => "displayName".to_owned(),
        Target::Formatted => "name.formatted".to_owned(),
        Target::GivenName => "name.givenName".to_owned(),
        Target::FamilyName => "name.familyName".to_owned(),
        Target::Title => "title".to_owned(),
        Target::ExternalId(_) => "externalId".to_owned(),
        Target::Department => format!("{enterprise}:department"),
        Target::EmployeeNumber => format!("{enterprise}:employeeNumber"),
    }
}
