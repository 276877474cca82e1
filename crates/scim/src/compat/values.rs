//! One value, brought into the form that its attribute has in the schema table.
//!
//! Types are checked here and nowhere else. Strings are kept exactly as sent. Within a complex value an
//! unassigned sub-attribute stays as null, because a PATCH that merges it must know that it was named.

use serde_json::{Map, Value};

use super::rules::{Dialect, Rule};
use crate::{
    error::{ScimError, excerpt},
    schema::{Attribute, DataType},
};

/// The longest string that is stored, in bytes.
pub const MAX_STRING: usize = 64 * 1024;

/// The most elements that a user's multi-valued attribute may have.
pub(crate) const MAX_ELEMENTS: usize = 1_000;

/// The boolean that a string spells, in any case.
pub(crate) fn boolean_of(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn wrong(name: &str, expected: &str) -> ScimError {
    ScimError::invalid_value(format!("\"{name}\" must be {expected}."))
}

/// A single value: a string, boolean or complex object. `None` means unassigned.
pub(super) fn single(
    attribute: &'static Attribute,
    name: &str,
    value: Value,
    dialect: &mut Dialect,
) -> Result<Option<Value>, ScimError> {
    let value = match value {
        Value::Null => return Ok(None),
        Value::Array(mut items) => {
            if items.is_empty() {
                return Ok(None);
            }
            if items.len() > 1 || !dialect.bend(Rule::UnwrapSingletonArray) {
                return Err(wrong(name, "a single value"));
            }
            match items.swap_remove(0) {
                Value::Null => return Ok(None),
                Value::Array(_) => return Err(wrong(name, "a single value")),
                only => only,
            }
        }
        one => one,
    };
    if let Value::String(text) = &value
        && text.is_empty()
        && attribute.data_type != DataType::Boolean
        && dialect.bend(Rule::EmptyStringIsUnassigned)
    {
        return Ok(None);
    }
    match (attribute.data_type, value) {
        (DataType::Complex, Value::Object(map)) => {
            object(attribute, name, map, dialect).map(|map| Some(map.into()))
        }
        (DataType::Complex, Value::String(text)) => {
            // Only the manager has a `value` among the single complex attributes.
            if !text.is_empty()
                && let Some(sub) = attribute.sub("value")
                && dialect.bend(Rule::WrapManagerString)
            {
                let value = checked_text(name, text)?;
                return Ok(Some(Map::from_iter([(sub.name.to_owned(), value)]).into()));
            }
            Err(wrong(name, "an object"))
        }
        (DataType::Complex, _) => Err(wrong(name, "an object")),
        (DataType::Boolean, value @ Value::Bool(_)) => Ok(Some(value)),
        (DataType::Boolean, Value::String(text)) => match boolean_of(&text) {
            Some(boolean) if dialect.bend(Rule::CoerceBooleanStrings) => Ok(Some(boolean.into())),
            _ => Err(wrong(name, "true or false")),
        },
        (DataType::Boolean, _) => Err(wrong(name, "true or false")),
        (_, Value::String(text)) => checked_text(name, text).map(Some),
        _ => Err(wrong(name, "a string")),
    }
}

fn checked_text(name: &str, text: String) -> Result<Value, ScimError> {
    if text.len() > MAX_STRING {
        return Err(wrong(name, &format!("at most {MAX_STRING} bytes long")));
    }
    Ok(Value::String(text))
}

/// The parts of a complex value, by canonical name; null where unassigned. Unknown parts are dropped, and so
/// is `$ref`, which is the server's to make.
fn object(
    attribute: &'static Attribute,
    name: &str,
    map: Map<String, Value>,
    dialect: &mut Dialect,
) -> Result<Map<String, Value>, ScimError> {
    let mut parts = Map::with_capacity(map.len());
    for (key, value) in map {
        let Some(sub) = attribute.sub(&key).filter(|sub| sub.name != "$ref") else {
            if !is_common(&key) && !dialect.bend(Rule::IgnoreUnknownAttributes) {
                let detail = format!("\"{name}\" has no part \"{}\".", excerpt(&key));
                return Err(ScimError::invalid_syntax(detail));
            }
            continue;
        };
        let value = match value {
            // The usual case, without building the name for a complaint.
            Value::String(text) if sub.data_type != DataType::Boolean && !text.is_empty() => {
                if text.len() > MAX_STRING {
                    checked_text(&format!("{name}.{}", sub.name), text)?
                } else {
                    Value::String(text)
                }
            }
            value @ Value::Bool(_) if sub.data_type == DataType::Boolean => value,
            other => single(sub, &format!("{name}.{}", sub.name), other, dialect)?.unwrap_or(Value::Null),
        };
        parts.insert(sub.name.to_owned(), value);
    }
    Ok(parts)
}

/// The parts that any element may have (RFC 7643 §2.4), whether its attribute lists them or not.
fn is_common(name: &str) -> bool {
    ["value", "display", "type", "primary", "$ref"].iter().any(|common| name.eq_ignore_ascii_case(common))
}

/// One element of a multi-valued attribute. A bare value is the element's `value`. `None` if it is nothing.
pub(super) fn element(
    attribute: &'static Attribute,
    name: &str,
    value: Value,
    dialect: &mut Dialect,
) -> Result<Option<Map<String, Value>>, ScimError> {
    match value {
        Value::Null => Ok(None),
        Value::Object(map) => object(attribute, name, map, dialect).map(Some),
        bare @ Value::String(_) => {
            let sub = attribute.sub("value").ok_or_else(|| wrong(name, "a list of objects"))?;
            let value = single(sub, name, bare, dialect)?;
            Ok(value.map(|value| Map::from_iter([(sub.name.to_owned(), value)])))
        }
        _ => Err(wrong(name, "a list of objects")),
    }
}

/// The elements of a multi-valued attribute. One that is not in a list is accepted where `bare` allows it.
pub(super) fn elements(
    attribute: &'static Attribute,
    name: &str,
    value: Value,
    bare: bool,
    dialect: &mut Dialect,
) -> Result<Vec<Map<String, Value>>, ScimError> {
    let items = match value {
        Value::Array(items) => items,
        Value::Null => return Ok(Vec::new()),
        one if bare => vec![one],
        _ => return Err(wrong(name, "a list")),
    };
    if items.len() > MAX_ELEMENTS {
        return Err(wrong(name, &format!("a list of at most {MAX_ELEMENTS}")));
    }
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        found.extend(element(attribute, name, item, dialect)?);
    }
    Ok(found)
}
