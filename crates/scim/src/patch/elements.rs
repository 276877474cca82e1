//! The elements of a multi-valued attribute: which are the same, and which one is primary (RFC 7643 §2.4).

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::{
    compat::MAX_ELEMENTS,
    error::ScimError,
    fold::{folded, same},
    schema::Attribute,
};

type Element = Map<String, Value>;

/// Adds elements; one that is there already is merged into.
pub(super) fn add(attribute: &'static Attribute, list: &mut Vec<Element>, new: &[Element]) {
    let mut primary = None;
    for element in present(new) {
        let at = match list.iter().position(|held| is_same(attribute, held, &element)) {
            Some(at) => {
                if let Some(held) = list.get_mut(at) {
                    held.extend(element.clone());
                }
                at
            }
            None => {
                list.push(element.clone());
                list.len() - 1
            }
        };
        if primary.is_none() && is_primary(&element) {
            primary = Some(at);
        }
    }
    settle(attribute, list, primary);
}

/// The elements without what they leave unassigned, and without those that are nothing.
pub(super) fn present(elements: &[Element]) -> Vec<Element> {
    let assigned = |element: &Element| -> Element {
        element
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    elements.iter().map(assigned).filter(|element| !element.is_empty()).collect()
}

/// Removes the elements that are like one of these.
pub(super) fn remove_like(attribute: &'static Attribute, list: &mut Vec<Element>, like: &[Element]) {
    let like = present(like);
    list.retain(|held| !like.iter().any(|wanted| is_same(attribute, held, wanted)));
}

/// Whether an element is the one that another describes: by value and, if that has one, type; an element
/// without a value (an address) by all its parts.
fn is_same(attribute: &'static Attribute, held: &Element, wanted: &Element) -> bool {
    let agrees = |name: &str| match (held.get(name), wanted.get(name)) {
        (_, None) => true,
        (Some(Value::String(a)), Some(Value::String(b))) => {
            if attribute.sub(name).is_some_and(|sub| sub.case_exact) { a == b } else { same(a, b) }
        }
        (a, b) => a == b,
    };
    if wanted.contains_key("value") {
        return agrees("value") && agrees("type");
    }
    wanted.keys().all(|name| matches!(name.as_str(), "primary" | "display") || agrees(name))
        && wanted.keys().any(|name| !matches!(name.as_str(), "primary" | "display"))
}

pub(super) fn is_primary(element: &Element) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// Leaves one primary element, the given one or else the first, and drops the later of two that have the same
/// type and value.
pub(super) fn settle(attribute: &'static Attribute, list: &mut Vec<Element>, primary: Option<usize>) {
    let keep = primary.or_else(|| list.iter().position(is_primary));
    for (at, element) in list.iter_mut().enumerate() {
        if keep != Some(at) && is_primary(element) {
            element.insert("primary".to_owned(), Value::Bool(false));
        }
    }
    if list.len() < 2 {
        return;
    }
    let keys: Vec<String> = list.iter().map(|element| identity(attribute, element)).collect();
    let mut chosen = HashSet::with_capacity(keys.len());
    // The primary one stays, wherever it stands.
    let first: Option<String> = keep.and_then(|at| keys.get(at).cloned());
    let mut at = 0;
    list.retain(|_| {
        let here = at;
        at += 1;
        let Some(key) = keys.get(here) else { return true };
        if first.as_ref() == Some(key) { keep == Some(here) } else { chosen.insert(key) }
    });
}

/// A key that is equal for elements with the same type and value.
fn identity(attribute: &'static Attribute, element: &Element) -> String {
    let text = |name: &str| match element.get(name) {
        Some(Value::String(text)) if attribute.sub(name).is_some_and(|sub| !sub.case_exact) => {
            folded(text).into_owned()
        }
        Some(other) => other.to_string(),
        None => String::new(),
    };
    if element.contains_key("value") {
        return format!("{}\u{0}{}", text("type"), text("value"));
    }
    let mut parts: Vec<String> = element
        .iter()
        .filter(|(name, _)| *name != "primary")
        .map(|(name, value)| format!("{name}\u{0}{value}"))
        .collect();
    parts.sort_unstable();
    format!("\u{1}{}", parts.join("\u{0}"))
}

/// Refuses a list beyond the cap.
pub(super) fn check_count(attribute: &'static Attribute, list: &[Element]) -> Result<(), ScimError> {
    if list.len() > MAX_ELEMENTS {
        return Err(ScimError::invalid_value(format!(
            "\"{}\" may have at most {MAX_ELEMENTS} elements.",
            attribute.name
        )));
    }
    Ok(())
}
