//! Evaluation of a filter on a full representation: `id`, `meta`, and what the caller put there of `groups`
//! or `members`. Names in the representation are canonical.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{CompareOp, CompareValue, Filter};
use crate::{
    document::is_unassigned,
    fold::{folded, same},
    kind::ResourceKind,
    path::AttrPath,
    schema::{Attribute, DataType},
};

impl Filter {
    /// Whether a full representation satisfies the filter. Inside a value path, and for the filter of a
    /// [`crate::MemberSelector::Matching`], the map is one element.
    #[must_use]
    pub fn matches(&self, resource: &Map<String, Value>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.matches(resource)),
            Self::Or(all) => all.iter().any(|filter| filter.matches(resource)),
            Self::Not(inner) => !inner.matches(resource),
            Self::Present(path) => any_value(path, resource, is_present).unwrap_or(false),
            Self::Compare { path, op, value } => {
                any_value(path, resource, |found| compare(path.leaf(), *op, found, value))
                    .unwrap_or(*op == CompareOp::Ne)
            }
            Self::ValuePath { path, filter } => match locate(path, resource) {
                Some(Value::Array(elements)) => {
                    elements.iter().filter_map(Value::as_object).any(|element| filter.matches(element))
                }
                Some(Value::Object(only)) => filter.matches(only),
                _ => false,
            },
        }
    }

    /// What the filter is of every resource of this kind, if that follows from the attributes which the kind
    /// does not have: so that nobody has to look at the resources.
    pub(super) fn constant(&self, kind: ResourceKind) -> Option<bool> {
        match self {
            Self::And(all) => fold_constants(all, kind, false),
            Self::Or(all) => fold_constants(all, kind, true),
            Self::Not(inner) => inner.constant(kind).map(|holds| !holds),
            Self::Present(path) | Self::ValuePath { path, .. } => (!path.is_of(kind)).then_some(false),
            Self::Compare { path, op, .. } => (!path.is_of(kind)).then_some(*op == CompareOp::Ne),
        }
    }

    /// Whether the filter looks at this top-level attribute, given by its canonical name, e.g. `members`.
    #[must_use]
    pub fn mentions(&self, attribute: &str) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().any(|filter| filter.mentions(attribute)),
            Self::Not(inner) => inner.mentions(attribute),
            Self::Present(path) | Self::Compare { path, .. } | Self::ValuePath { path, .. } => {
                path.attribute == attribute
            }
        }
    }
}

/// The constant of several filters: one that is `decisive` decides, and else all have to be constant.
fn fold_constants(all: &[Filter], kind: ResourceKind, decisive: bool) -> Option<bool> {
    let constants: Vec<Option<bool>> = all.iter().map(|filter| filter.constant(kind)).collect();
    if constants.contains(&Some(decisive)) {
        return Some(decisive);
    }
    constants.iter().all(Option::is_some).then_some(!decisive)
}

fn locate<'a>(path: &AttrPath, resource: &'a Map<String, Value>) -> Option<&'a Value> {
    match path.schema {
        Some(urn) => resource.get(urn)?.get(path.attribute),
        None => resource.get(path.attribute),
    }
}

/// Whether the test holds for any value at the path; `None` if there is no value at all.
fn any_value(path: &AttrPath, resource: &Map<String, Value>, test: impl Fn(&Value) -> bool) -> Option<bool> {
    let root = locate(path, resource)?;
    let mut seen = false;
    let mut try_one = |value: &Value| {
        let value = match path.sub {
            Some(sub) => value.get(sub),
            None => Some(value),
        };
        match value {
            Some(value) if !is_unassigned(value) => {
                seen = true;
                test(value)
            }
            _ => false,
        }
    };
    let holds = match root {
        Value::Array(elements) => elements.iter().any(&mut try_one),
        one => try_one(one),
    };
    seen.then_some(holds)
}

/// A value that is more than an empty string or a shell around nothing.
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(map) => map.values().any(|inner| match inner {
            Value::String(text) => !text.is_empty(),
            other => !is_unassigned(other),
        }),
        other => !is_unassigned(other),
    }
}

fn compare(attribute: &Attribute, op: CompareOp, found: &Value, wanted: &CompareValue) -> bool {
    match (found, wanted) {
        (Value::Bool(found), CompareValue::Boolean(wanted)) => match op {
            CompareOp::Eq => found == wanted,
            CompareOp::Ne => found != wanted,
            _ => false,
        },
        (Value::String(found), CompareValue::String(wanted)) => {
            if attribute.data_type == DataType::DateTime
                && let (Some(found), Some(wanted)) = (parse_time(found), parse_time(wanted))
                && let Some(answer) = by_order(op, found.cmp(&wanted))
            {
                return answer;
            }
            compare_text(attribute.case_exact, op, found, wanted)
        }
        // A value of another type than the schema's is not equal, and has no order.
        _ => op == CompareOp::Ne,
    }
}

fn compare_text(case_exact: bool, op: CompareOp, found: &str, wanted: &str) -> bool {
    if case_exact {
        return on_text(op, found, wanted);
    }
    match op {
        CompareOp::Eq => same(found, wanted),
        CompareOp::Ne => !same(found, wanted),
        _ => on_text(op, &folded(found), &folded(wanted)),
    }
}

fn on_text(op: CompareOp, found: &str, wanted: &str) -> bool {
    match op {
        CompareOp::Co => found.contains(wanted),
        CompareOp::Sw => found.starts_with(wanted),
        CompareOp::Ew => found.ends_with(wanted),
        _ => by_order(op, found.cmp(wanted)).unwrap_or(false),
    }
}

fn by_order(op: CompareOp, order: Ordering) -> Option<bool> {
    Some(match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => return None,
    })
}

/// An xsd:dateTime; one without an offset is UTC.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| format!("{text}Z").parse().ok())
}
