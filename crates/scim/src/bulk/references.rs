//! `bulkId:…` inside an operation's data: RFC 7644 §3.7.2.
//!
//! A reference is any string that begins so, wherever it stands: the value of a member, a manager, an extension's
//! reference. In the path of a PATCH operation it stands in the quotes of a filter (`members[value eq "bulkId:a"]`).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::BULK_ID_PREFIX;

/// What stands before a reference in a filter.
const IN_FILTER: &str = "\"bulkId:";

/// The bulkIds that the data refers to.
pub(super) fn references(data: &Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, value) in data {
        collect(key, value, &mut found);
    }
    found
}

fn collect(key: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            if let Some(bulk_id) = text.strip_prefix(BULK_ID_PREFIX) {
                found.insert(bulk_id.to_owned());
            } else if is_path(key) {
                found.extend(in_filter(text).map(|(_, bulk_id)| bulk_id.to_owned()));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(key, item, found)),
        Value::Object(map) => map.iter().for_each(|(key, value)| collect(key, value, found)),
        _ => {}
    }
}

/// The data with each reference replaced by the id that `lookup` knows for it.
pub(super) fn resolve<'a>(data: &mut Map<String, Value>, lookup: &impl Fn(&str) -> Option<&'a str>) {
    for (key, value) in data.iter_mut() {
        resolve_in(key, value, lookup);
    }
}

fn resolve_in<'a>(key: &str, value: &mut Value, lookup: &impl Fn(&str) -> Option<&'a str>) {
    match value {
        Value::String(text) => {
            if let Some(id) = text.strip_prefix(BULK_ID_PREFIX).and_then(lookup) {
                *text = id.to_owned();
            } else if is_path(key) && text.contains(IN_FILTER) {
                *text = resolved_filter(text, lookup);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| resolve_in(key, item, lookup)),
        Value::Object(map) => resolve(map, lookup),
        _ => {}
    }
}

fn resolved_filter<'a>(text: &str, lookup: &impl Fn(&str) -> Option<&'a str>) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, bulk_id) in in_filter(text) {
        let Some(id) = lookup(bulk_id) else { continue };
        resolved.push_str(&text[copied..at]);
        resolved.push_str(id);
        copied = at + BULK_ID_PREFIX.len() + bulk_id.len();
    }
    resolved.push_str(&text[copied..]);
    resolved
}

/// The references in a filter, each with the place where its prefix begins.
fn in_filter(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices(IN_FILTER).filter_map(|(at, found)| {
        let begin = at + found.len();
        let length = text[begin..].find('"')?;
        Some((at + 1, &text[begin..begin + length]))
    })
}

fn is_path(key: &str) -> bool {
    key.eq_ignore_ascii_case("path")
}

/// Takes out what refers to bulkIds that are still open: elements of lists, and entries of objects. What was taken
/// has the shape of the data, so that it can be added again later.
pub(super) fn cut(data: &mut Map<String, Value>, open: &impl Fn(&str) -> bool) -> Map<String, Value> {
    let mut taken = Map::new();
    let keys: Vec<String> = data.keys().cloned().collect();
    for key in keys {
        let gone = match data.get_mut(&key) {
            Some(Value::Array(items)) => {
                let (cut, kept): (Vec<Value>, Vec<Value>) =
                    std::mem::take(items).into_iter().partition(|item| refers(item, open));
                *items = kept;
                (!cut.is_empty()).then_some(Value::Array(cut))
            }
            Some(Value::Object(map)) => {
                let cut = cut(map, open);
                (!cut.is_empty()).then_some(Value::Object(cut))
            }
            Some(value) if refers(value, open) => data.shift_remove(&key),
            _ => None,
        };
        taken.extend(gone.map(|value| (key, value)));
    }
    taken
}

fn refers(value: &Value, open: &impl Fn(&str) -> bool) -> bool {
    let mut found = BTreeSet::new();
    collect("", value, &mut found);
    found.iter().any(|bulk_id| open(bulk_id))
}
