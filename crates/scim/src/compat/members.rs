//! Members of a group as providers write them: objects, bare ids, one or many, or a filter on their ids.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{take, values::MAX_STRING};
use crate::{
    document::MemberInput,
    error::ScimError,
    filter::{CompareOp, CompareValue, Filter},
    patch::MemberSelector,
    path::AttrPath,
};

/// The members in a value, each id once.
pub(super) fn members(value: Value) -> Result<Vec<MemberInput>, ScimError> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        one => vec![one],
    };
    let mut seen = HashSet::with_capacity(items.len());
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        let Some(member) = member(item)? else { continue };
        if seen.insert(member.value.clone()) {
            found.push(member);
        }
    }
    Ok(found)
}

fn member(item: Value) -> Result<Option<MemberInput>, ScimError> {
    match item {
        Value::Null => Ok(None),
        Value::String(value) => Ok(Some(MemberInput { value: checked(value)?, display: None, kind: None })),
        Value::Object(mut map) => {
            let reference = text(&mut map, "$ref")?;
            let value = text(&mut map, "value")?.or_else(|| last_segment(&reference?));
            let value = value.ok_or_else(|| ScimError::invalid_value("A member must have a \"value\"."))?;
            Ok(Some(MemberInput {
                value: checked(value)?,
                display: text(&mut map, "display")?,
                kind: text(&mut map, "type")?,
            }))
        }
        _ => Err(ScimError::invalid_value("\"members\" must be a list of objects.")),
    }
}

fn text(map: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ScimError> {
    match take(map, name) {
        None | Some((_, Value::Null)) => Ok(None),
        Some((_, Value::String(text))) if text.len() > MAX_STRING => Err(ScimError::invalid_value(format!(
            "\"members.{name}\" must be at most {MAX_STRING} bytes long."
        ))),
        Some((_, Value::String(text))) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(ScimError::invalid_value(format!("\"members.{name}\" must be a string."))),
    }
}

/// The id at the end of a resource's URL, for senders that name a member by nothing else.
fn last_segment(url: &str) -> Option<String> {
    let (_, id) = url.rsplit_once('/')?;
    (!id.is_empty()).then(|| id.to_owned())
}

fn checked(value: String) -> Result<String, ScimError> {
    if value.trim().is_empty() || value.len() > 1_024 {
        return Err(ScimError::invalid_value("\"members.value\" must be an id."));
    }
    Ok(value)
}

/// The members that a filter on one element selects: by id where it only names ids.
pub(super) fn selector(filter: Filter) -> MemberSelector {
    match ids(&filter) {
        Some(ids) => MemberSelector::Values(ids),
        None => MemberSelector::Matching(filter),
    }
}

fn ids(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        Filter::Compare {
            path: AttrPath { attribute: "value", .. },
            op: CompareOp::Eq,
            value: CompareValue::String(id),
        } => Some(vec![id.clone()]),
        Filter::Or(all) => {
            let mut found = Vec::new();
            for one in all {
                found.append(&mut ids(one)?);
            }
            Some(found)
        }
        _ => None,
    }
}
