//! The `schemas` of a body: which URNs it may list (RFC 7643 §3). What is listed does not matter otherwise,
//! for a resource's schemas follow from its attributes.

use serde_json::Value;

use super::rules::{Dialect, Rule};
use crate::{
    error::{ScimError, excerpt},
    kind::ResourceKind,
    path::{Resolved, resolve},
    schema::PATCH_OP,
};

/// Checks the `schemas` of a resource. None at all is tolerated.
pub(super) fn check_resource(
    value: &Value,
    kind: ResourceKind,
    dialect: &mut Dialect,
) -> Result<(), ScimError> {
    let wrong = || ScimError::invalid_value("\"schemas\" must be a list of URNs.");
    let items = match value {
        Value::Null => return Ok(()),
        Value::Array(items) => items,
        _ => return Err(wrong()),
    };
    for item in items {
        let urn = item.as_str().ok_or_else(wrong)?;
        let known = matches!(resolve(urn, kind, dialect), Ok(Resolved::Schema(_)));
        if !known && !dialect.bend(Rule::UnknownSchemaUris) {
            return Err(ScimError::invalid_value(format!("The schema \"{}\" is unknown.", excerpt(urn))));
        }
    }
    Ok(())
}

/// Checks the `schemas` of a PATCH.
pub(super) fn check_patch(value: Option<&Value>, dialect: &mut Dialect) -> Result<(), ScimError> {
    let listed = value.and_then(Value::as_array).is_some_and(|items| {
        items.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(PATCH_OP))
    });
    if listed || dialect.bend(Rule::ToleratePatchSchemas) {
        return Ok(());
    }
    Err(ScimError::invalid_syntax(format!("A PATCH body lists the schema {PATCH_OP}.")))
}
