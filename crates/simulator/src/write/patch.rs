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
    let with_path = |(target, value): (Target, Value)| match (target, value) {
        // Each part by itself; they must end up in one address.
        (Target::WorkAddress, Value::Object(parts)) => parts
            .into_iter()
            .map(|(part, value)| {
                let path = format!("{}.{part}", path(target, enterprise));
                json!({"op": style.words.add(), "path": path, "value": value})
            })
            .collect(),
        (target, value) => vec![json!({"op": op, "path": path(target, enterprise), "value": value})],
    };
    let mut changes: Vec<_> = changes
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(target, value)| (target, boolean(style.booleans, value)))
        .collect();
    message(match style.form {
        Form::Paths => changes.into_iter().flat_map(with_path).collect(),
        Form::Nested => changes
            .into_iter()
            .map(|(target, value)| {
                let mut nested = json!({});
                set(&mut nested, target, value, enterprise);
                json!({"op": op, "value": nested})
            })
            .collect(),
        Form::DottedKeys => {
            let by_filter =
                |(target, _): &mut (Target, Value)| matches!(target, Target::WorkEmail | Target::WorkAddress);
            let mut operations: Vec<_> = changes.extract_if(.., by_filter).flat_map(with_path).collect();
            match changes.len() {
                0 => {}
                1 => operations.extend(changes.into_iter().flat_map(with_path)),
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

/// Names no manager any more.
pub(crate) fn no_manager(style: PatchStyle, enterprise: &str) -> Value {
    message(vec![json!({"op": style.words.remove(), "path": format!("{enterprise}:manager")})])
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
        Target::WorkAddress => "addresses[type eq \"work\"]".to_owned(),
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
