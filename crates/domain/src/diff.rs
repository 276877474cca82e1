//! The difference of two states, as an event's `changes` tell it.
//!
//! Cast: [`diff`] compares two projections; [`raw_changes`] names what only the SCIM resource shows;
//! [`apply`] turns the first state into the second one, for consumers that keep a copy and for the proof
//! that nothing is left out.
//!
//! Plot: objects are compared key by key and each difference gets a dotted path. A value that is an object
//! on one side only changes as a whole, and so does an object with a dot in one of its keys, since its
//! path could not be read back. An array changes as a whole, and its order does not count.

use std::{borrow::Cow, collections::BTreeSet};

use rollcall_scim::document::Document;
use serde_json::{Map, Value};

use crate::event::Change;

/// Fields that change by themselves only with something else, or have events of their own.
const NEVER: [&str; 4] = ["updated_at", "created_at", "groups", "raw"];

/// What differs between two projections, sorted by path. `updated_at`, `created_at`, `groups` and `raw`
/// are left out at the top.
pub fn diff(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    if let (Value::Object(old), Value::Object(new)) = (old, new) {
        for key in keys(old, new).into_iter().filter(|key| !NEVER.contains(key)) {
            compare(key, old.get(key), new.get(key), &mut changes);
        }
    } else {
        compare("", Some(old), Some(new), &mut changes);
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

fn keys<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> BTreeSet<&'a str> {
    old.keys().chain(new.keys()).map(String::as_str).collect()
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<Change>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) if addressable(old) && addressable(new) => {
            if old != new {
                for key in keys(old, new) {
                    compare(&format!("{path}.{key}"), old.get(key), new.get(key), changes);
                }
            }
        }
        (old, new) if same(old, new) => {}
        (old, new) => {
            changes.push(Change { path: path.to_owned(), from: old.cloned(), to: new.cloned() });
        }
    }
}

fn addressable(object: &Map<String, Value>) -> bool {
    !object.keys().any(|key| key.contains('.'))
}

/// Equality where the order of arrays does not count.
fn same(old: Option<&Value>, new: Option<&Value>) -> bool {
    match (old, new) {
        (None, None) => true,
        (Some(old), Some(new)) => old == new || same_elements(old, new),
        _ => false,
    }
}

fn same_elements(old: &Value, new: &Value) -> bool {
    let (Value::Array(old), Value::Array(new)) = (old, new) else { return false };
    if old.len() != new.len() {
        return false;
    }
    let sorted = |array: &[Value]| {
        let mut texts: Vec<String> = array.iter().map(|element| canonical(element).to_string()).collect();
        texts.sort_unstable();
        texts
    };
    sorted(old) == sorted(new)
}

/// The same value with the keys of its objects in order, so that equal values have equal texts.
fn canonical(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            Cow::Owned(Value::Object(
                entries.into_iter().map(|(key, value)| (key.clone(), canonical(value).into_owned())).collect(),
            ))
        }
        Value::Array(array) => {
            Cow::Owned(Value::Array(array.iter().map(|value| canonical(value).into_owned()).collect()))
        }
        _ => Cow::Borrowed(value),
    }
}

/// Appends what differs between two SCIM resources and is not seen in the projection's changes: one entry
/// for each such attribute, with the path `raw.<attribute>`, or `raw.<urn>.<attribute>` for an extension's
/// (a URN may have dots in it; the attribute is what follows the last one). `shown_by` gives the projection's
/// fields that show an attribute; extension attributes are asked for with their URN. `changes` stay sorted.
pub fn raw_changes(
    old: &Document,
    new: &Document,
    shown_by: impl Fn(Option<&str>, &str) -> &'static [&'static str],
    changes: &mut Vec<Change>,
) {
    let shown = changes.len();
    let is_shown = |changes: &[Change], urn: Option<&str>, attribute: &str| {
        shown_by(urn, attribute).iter().any(|field| {
            changes[..shown].iter().any(|change| {
                change.path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    };
    let (old, new) = (old.as_map(), new.as_map());
    for key in keys(old, new).into_iter().filter(|key| *key != "schemas") {
        let (old, new) = (old.get(key), new.get(key));
        if same(old, new) {
            continue;
        }
        if is_urn(key) {
            let empty = Map::new();
            let old = old.and_then(Value::as_object).unwrap_or(&empty);
            let new = new.and_then(Value::as_object).unwrap_or(&empty);
            for attribute in keys(old, new) {
                let (old, new) = (old.get(attribute), new.get(attribute));
                if !same(old, new) && !is_shown(changes, Some(key), attribute) {
                    let path = format!("raw.{key}.{attribute}");
                    changes.push(Change { path, from: old.cloned(), to: new.cloned() });
                }
            }
        } else if !is_shown(changes, None, key) {
            changes.push(Change { path: format!("raw.{key}"), from: old.cloned(), to: new.cloned() });
        }
    }
    if changes.len() > shown {
        changes.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

fn is_urn(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

/// The state after `changes`, made from the state before. What `changes` never tell (`groups`, the times,
/// and of `raw` what the other fields show) stays as it is.
pub fn apply(old: &Value, changes: &[Change]) -> Value {
    let mut state = old.clone();
    for change in changes {
        set(&mut state, &segments(&change.path), change.to.clone());
    }
    state
}

fn segments(path: &str) -> Vec<&str> {
    match path.strip_prefix("raw.") {
        Some(rest) if is_urn(rest) => match rest.rsplit_once('.') {
            Some((urn, attribute)) => vec!["raw", urn, attribute],
            None => vec!["raw", rest],
        },
        Some(rest) => vec!["raw", rest],
        None if path.is_empty() => Vec::new(),
        None => path.split('.').collect(),
    }
}

fn set(state: &mut Value, path: &[&str], to: Option<Value>) {
    let Some((key, rest)) = path.split_first() else {
        *state = to.unwrap_or_default();
        return;
    };
    if !state.is_object() {
        *state = Value::Object(Map::new());
    }
    let Value::Object(object) = state else { return };
    if !rest.is_empty() {
        let inner = object.entry(*key).or_insert(Value::Null);
        set(inner, rest, to);
    } else if let Some(to) = to {
        object.insert((*key).to_owned(), to);
    } else {
        object.shift_remove(*key);
    }
}
