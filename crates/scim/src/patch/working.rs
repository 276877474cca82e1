//! The copy of a resource's attributes on which operations are applied.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Operation, elements};
use crate::{
    compat::{Applied, Rule, Rules},
    document::{Document, says_something},
    error::ScimError,
    filter::{CompareOp, CompareValue, Filter},
    fold::fold,
    path::{AttrPath, PatchPath},
};

/// The elements of multi-valued attributes that one request may go through, all its operations together.
/// A PATCH is carried out where every other write waits for its turn: it must not take long.
pub(super) const MAX_VISITS: usize = 50_000;

pub(crate) struct Working {
    attributes: Map<String, Value>,
    visits: usize,
    /// The elements that the request made without a value, by attribute and folded type: somewhere in the
    /// rest of the request they have to get one.
    without_value: BTreeSet<(Option<&'static str>, &'static str, String)>,
    rules: Rules,
    applied: Applied,
}

impl Working {
    pub(crate) fn empty(rules: Rules) -> Self {
        Self::on(Map::new(), rules)
    }

    pub(crate) fn of(current: &Document, rules: Rules) -> Self {
        Self::on(current.as_map().clone(), rules)
    }

    fn on(attributes: Map<String, Value>, rules: Rules) -> Self {
        let (without_value, applied) = (BTreeSet::new(), Applied::default());
        Self { attributes, visits: 0, without_value, rules, applied }
    }

    /// The attributes after all operations, and the rules that these needed.
    ///
    /// # Errors
    /// 400 `invalidValue` if the request made an element and gave it no value: such an element is not kept,
    /// and what was asked for would be lost without a word.
    pub(crate) fn into_parts(self) -> Result<(Map<String, Value>, Applied), ScimError> {
        for (schema, name, kind) in &self.without_value {
            let container = match schema {
                None => Some(&self.attributes),
                Some(urn) => self.attributes.get(*urn).and_then(Value::as_object),
            };
            let list = container.and_then(|container| container.get(*name)).and_then(Value::as_array);
            let is_there = list
                .into_iter()
                .flatten()
                .filter_map(Value::as_object)
                .any(|element| !says_something(element) && type_of(element) == *kind);
            if is_there {
                return Err(ScimError::invalid_value(format!(
                    "No element of \"{name}\" matches the path, and a new one must have more than a type."
                )));
            }
        }
        Ok((self.attributes, self.applied))
    }

    pub(crate) fn apply(&mut self, operation: &Operation) -> Result<(), ScimError> {
        match operation {
            Operation::Set { path, value } => self.set(path, value),
            Operation::AddElements { path, elements } => {
                let mut list = self.take_list(&path.attr)?;
                elements::add(path.attr.root(), &mut list, elements);
                self.put_list(&path.attr, list)
            }
            Operation::ReplaceElements { path, elements } => {
                let mut list = elements::present(elements);
                elements::settle(path.attr.root(), &mut list, None);
                self.put_list(&path.attr, list)
            }
            Operation::RemoveElements { path, elements } => {
                let mut list = self.take_list(&path.attr)?;
                elements::remove_like(path.attr.root(), &mut list, elements);
                self.put_list(&path.attr, list)
            }
            Operation::Unset { path } => self.unset(path),
            Operation::UnsetExtension { urn } => {
                self.attributes.remove(*urn);
                Ok(())
            }
            // A group's members are not among its attributes.
            Operation::Members(_) => Ok(()),
        }
    }

    /// The object that holds the attribute: the resource, or the extension's object.
    fn container(&mut self, path: &AttrPath) -> &mut Map<String, Value> {
        match path.schema {
            None => &mut self.attributes,
            Some(urn) => object_at(&mut self.attributes, urn),
        }
    }

    /// # Errors
    /// 413 when the request has gone through [`MAX_VISITS`] elements.
    fn take_list(&mut self, path: &AttrPath) -> Result<Vec<Map<String, Value>>, ScimError> {
        let Some(Value::Array(items)) = self.container(path).remove(path.attribute) else {
            return Ok(Vec::new());
        };
        self.visits += items.len();
        if self.visits > MAX_VISITS {
            return Err(ScimError::too_large(format!(
                "The operations go through more than {MAX_VISITS} elements of multi-valued attributes; send them in several requests."
            )));
        }
        Ok(items
            .into_iter()
            .filter_map(|item| if let Value::Object(map) = item { Some(map) } else { None })
            .collect())
    }

    fn put_list(&mut self, path: &AttrPath, list: Vec<Map<String, Value>>) -> Result<(), ScimError> {
        elements::check_count(path.root(), &list)?;
        let items = list.into_iter().map(Value::Object).collect();
        self.container(path).insert(path.attribute.to_owned(), Value::Array(items));
        Ok(())
    }

    fn set(&mut self, path: &PatchPath, value: &Value) -> Result<(), ScimError> {
        let attr = &path.attr;
        if attr.root().multi_valued {
            return self.set_elements(path, value);
        }
        if !attr.root().is_complex() {
            self.container(attr).insert(attr.attribute.to_owned(), value.clone());
            return Ok(());
        }
        let held = object_at(self.container(attr), attr.attribute);
        match (attr.sub, value) {
            (Some(sub), value) => merge_one(held, sub, value),
            (None, Value::Object(parts)) => merge(held, parts),
            (None, _) => {}
        }
        Ok(())
    }

    fn set_elements(&mut self, path: &PatchPath, value: &Value) -> Result<(), ScimError> {
        let attr = &path.attr;
        let mut list = self.take_list(attr)?;
        let mut targets: Vec<usize> = match &path.filter {
            None => (0..list.len()).collect(),
            Some(filter) => list
                .iter()
                .enumerate()
                .filter(|(_, element)| filter.matches(element))
                .map(|(at, _)| at)
                .collect(),
        };
        let created = targets.is_empty();
        if created {
            let element = self.create_on_miss(path)?;
            if !says_something(&element) && value.as_object().is_some_and(unassigns) {
                // What is not there has no value already.
                return self.put_list(attr, list);
            }
            targets.push(list.len());
            list.push(element);
        }
        let mut primary = None;
        for at in targets {
            let Some(element) = list.get_mut(at) else { continue };
            match (attr.sub, value) {
                (Some(sub), value) => {
                    element.insert(sub.to_owned(), value.clone());
                }
                (None, Value::Object(parts)) => merge(element, parts),
                (None, _) => {}
            }
            let names_primary = created || attr.sub.is_none_or(|sub| sub == "primary");
            if names_primary && primary.is_none() && elements::is_primary(element) {
                primary = Some(at);
            }
            if created && !says_something(element) {
                self.without_value.insert((attr.schema, attr.attribute, type_of(element)));
            }
        }
        elements::settle(attr.root(), &mut list, primary);
        self.put_list(attr, list)
    }

    /// The element that a path without a match asks for: what its filter says, if that is only equalities.
    fn create_on_miss(&mut self, path: &PatchPath) -> Result<Map<String, Value>, ScimError> {
        let Some(filter) = &path.filter else { return Ok(Map::new()) };
        let mut element = Map::new();
        if self.rules.contains(Rule::ValuePathCreateOnMiss) && equalities(filter, &mut element) {
            self.applied.insert(Rule::ValuePathCreateOnMiss);
            return Ok(element);
        }
        Err(ScimError::no_target(format!("No element of \"{}\" matches the path.", path.attr.attribute)))
    }

    fn unset(&mut self, path: &PatchPath) -> Result<(), ScimError> {
        let attr = &path.attr;
        if path.filter.is_none() && attr.sub.is_none() {
            self.container(attr).remove(attr.attribute);
            return Ok(());
        }
        if attr.root().multi_valued {
            let mut list = self.take_list(attr)?;
            let selects = |element: &Map<String, Value>| match &path.filter {
                Some(filter) => filter.matches(element),
                None => true,
            };
            match attr.sub {
                None => list.retain(|element| !selects(element)),
                Some(sub) => list.iter_mut().filter(|element| selects(element)).for_each(|element| {
                    element.remove(sub);
                }),
            }
            return self.put_list(attr, list);
        }
        let held = object_at(self.container(attr), attr.attribute);
        match attr.sub {
            // Without its id a manager is nobody.
            Some("value") | None => held.clear(),
            Some(sub) => {
                held.remove(sub);
            }
        }
        Ok(())
    }
}

/// Whether the parts of an element say that it has no value, as `{"type": "work", "value": null}` does.
fn unassigns(parts: &Map<String, Value>) -> bool {
    let has_null = parts.values().any(Value::is_null);
    let has_value =
        parts.iter().any(|(name, value)| !matches!(name.as_str(), "type" | "primary") && !value.is_null());
    parts.is_empty() || (has_null && !has_value)
}

/// An element's type, folded; empty if it has none.
fn type_of(element: &Map<String, Value>) -> String {
    element.get("type").and_then(Value::as_str).map(fold).unwrap_or_default()
}

fn object_at<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let held = map.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if !held.is_object() {
        *held = Value::Object(Map::new());
    }
    match held {
        Value::Object(object) => object,
        _ => unreachable!("it was just made an object"),
    }
}

/// Sets the parts that are given and leaves the others; null unassigns.
fn merge(held: &mut Map<String, Value>, parts: &Map<String, Value>) {
    for (name, value) in parts {
        merge_one(held, name, value);
    }
}

fn merge_one(held: &mut Map<String, Value>, name: &str, value: &Value) {
    if value.is_null() {
        held.remove(name);
    } else {
        held.insert(name.to_owned(), value.clone());
    }
}

/// Collects `a eq "x" and b eq "y"`; false if the filter is anything else, or contradicts itself.
fn equalities(filter: &Filter, element: &mut Map<String, Value>) -> bool {
    match filter {
        Filter::And(all) => all.iter().all(|one| equalities(one, element)),
        Filter::Compare { path, op: CompareOp::Eq, value } => {
            let value = match value {
                CompareValue::String(text) => Value::from(text.as_str()),
                CompareValue::Boolean(boolean) => Value::Bool(*boolean),
            };
            element.insert(path.attribute.to_owned(), value.clone()).is_none_or(|before| before == value)
        }
        _ => false,
    }
}
