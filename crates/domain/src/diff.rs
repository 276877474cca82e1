//! The difference of two states, as an event's `changes` tell it.
//!
//! Cast: [`diff`] compares two projections; [`raw_changes`] names what only the SCIM resource shows;
//! [`apply`] turns the first state into the second one, for consumers that keep a copy and for the proof
//! that nothing is left out.
//!
//! Plot: objects are compared key by key and each difference gets a dotted path. A value that is an object
//! on one side only changes as a whole, and so does an object with a dot in one of its keys, since its
//! path could not be read back. An array changes as a whole, and its order does not count.

use std::borrow::Cow;

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
        for key in keys(old, new).filter(|key| !NEVER.contains(key)) {
            compare(key, old.get(key), new.get(key), &mut changes);
        }
    } else {
        compare("", Some(old), Some(new), &mut changes);
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

/// The keys of either side, each once.
fn keys<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> impl Iterator<Item = &'a str> {
    let only_new = new.keys().filter(|key| !old.contains_key(*key));
    old.keys().chain(only_new).map(String::as_str)
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
                entries
                    .into_iter()
                    .map(|(key, value)| (key.clone(), canonical(value).into_owned()))
                    .collect(),
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
    for key in keys(old, new).filter(|key| *key != "schemas") {
        // A stored null stands for no value: see `Document::active`.
        let given = |value: &&Value| !value.is_null();
        let (old, new) = (old.get(key).filter(given), new.get(key).filter(given));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn changes(old: &Value, new: &Value) -> Value {
        serde_json::to_value(diff(old, new)).unwrap()
    }

    #[test]
    fn paths_and_sides() {
        for (old, new, expected) in [
            (json!({}), json!({}), json!([])),
            (json!({"a": 1, "groups": [1], "raw": {"x": 1}, "updated_at": 1}), json!({"a": 1}), json!([])),
            (json!({"a": 1}), json!({"a": 2}), json!([{"path": "a", "from": 1, "to": 2}])),
            (json!({"b": 1}), json!({"a": 1}), json!([{"path": "a", "to": 1}, {"path": "b", "from": 1}])),
            (
                json!({"n": {"x": {"y": 1}, "z": 1}}),
                json!({"n": {"x": {"y": 2}, "z": 1}}),
                json!([{"path": "n.x.y", "from": 1, "to": 2}]),
            ),
            (json!({}), json!({"n": {"x": 1}}), json!([{"path": "n", "to": {"x": 1}}])),
            // The exclusions are for the top only.
            (json!({"n": {"raw": 1}}), json!({"n": {}}), json!([{"path": "n.raw", "from": 1}])),
            // A key with a dot cannot be part of a path.
            (
                json!({"n": {"a.b": 1}}),
                json!({"n": {"a.b": 2}}),
                json!([{"path": "n", "from": {"a.b": 1}, "to": {"a.b": 2}}]),
            ),
            (json!({"l": [1, 2, 2]}), json!({"l": [2, 1, 2]}), json!([])),
            (
                json!({"l": [1, 2, 2]}),
                json!({"l": [1, 1, 2]}),
                json!([{"path": "l", "from": [1, 2, 2], "to": [1, 1, 2]}]),
            ),
            (json!({"l": [{"a": 1, "b": 2}, 3]}), json!({"l": [3, {"b": 2, "a": 1}]}), json!([])),
        ] {
            assert_eq!(changes(&old, &new), expected, "{old} → {new}");
        }
    }

    #[test]
    fn raw_names_what_nothing_else_shows() {
        const URN: &str = "urn:x:2.0:User";
        let document = |value: Value| match value {
            Value::Object(map) => Document::from_map(map),
            _ => Document::default(),
        };
        let shown_by = |urn: Option<&str>, attribute: &str| -> &'static [&'static str] {
            match (urn, attribute) {
                (None, "title") => &["title"],
                (None, "name") => &["name"],
                (Some(URN), "level") => &["level"],
                _ => &[],
            }
        };
        let old = document(json!({"schemas": ["a"], "title": "a", "name": {"x": 1}, "odd": 1}));
        let new = document(json!({"schemas": ["b"], "title": "b", "name": {"x": 2}, "ims": [1],
                                  URN: {"level": 1, "rank": 2}}));
        let seen = |path: &str| Change { path: path.into(), from: None, to: None };
        let mut changes = vec![seen("level"), seen("name.x"), seen("titles")];
        raw_changes(&old, &new, shown_by, &mut changes);
        let paths: Vec<_> = changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(
            paths,
            ["level", "name.x", "raw.ims", "raw.odd", "raw.title", "raw.urn:x:2.0:User.rank", "titles"]
        );
        let state = apply(&json!({"raw": {"odd": 1}}), &changes[2..6]);
        assert_eq!(state, json!({"raw": {"ims": [1], "title": "b", URN: {"rank": 2}}}));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1)), Just(json!("a")), Just(json!(true)), Just(json!(null))];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[ab.]{1,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn state() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-d]", value(), 0..5)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn changes_applied_to_the_old_state_give_the_new_one(old in state(), new in state()) {
            let changes = diff(&old, &new);
            let applied = apply(&old, &changes);
            prop_assert_eq!(diff(&applied, &new), []);
            prop_assert_eq!(changes.is_empty(), diff(&new, &old).is_empty());
            if changes.is_empty() {
                let mut canonical_sides = [canonical(&old).into_owned(), canonical(&new).into_owned()];
                canonical_sides.iter_mut().for_each(sort_arrays);
                prop_assert_eq!(&canonical_sides[0], &canonical_sides[1]);
            }
        }
    }

    /// Where the order does not count: in arrays that a path leads to.
    fn sort_arrays(value: &mut Value) {
        match value {
            Value::Array(array) => array.sort_by_key(Value::to_string),
            Value::Object(object) => object.values_mut().for_each(sort_arrays),
            _ => {}
        }
    }
}
