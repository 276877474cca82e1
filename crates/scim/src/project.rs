//! `attributes` and `excludedAttributes`: which part of a resource an answer has (RFC 7644 §3.4.2.5, §3.9).
//!
//! `id` and `schemas` are always there. Unknown names are ignored, so `attributes=nonsense` answers those two.

use serde_json::{Map, Value};

use crate::{
    compat::{Dialect, Rules},
    error::ScimError,
    kind::ResourceKind,
    path::{AttrPath, Resolved, resolve},
    schema::{self, Returned},
};

/// The most names in one list; more are ignored.
const MAX_NAMES: usize = 200;

/// Which attributes an answer has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    mode: Mode,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Mode {
    #[default]
    All,
    Only(Vec<Selector>),
    Without(Vec<Selector>),
}

#[derive(Clone, Debug, PartialEq)]
enum Selector {
    /// The core schema's URN: every attribute outside extensions.
    Core,
    /// An extension's URN.
    Extension(&'static str),
    Attribute(AttrPath),
}

impl Projection {
    /// Reads the two query parameters, comma-separated lists of attribute names. An empty one counts as absent.
    ///
    /// # Errors
    /// 400 `invalidValue` when both are given.
    pub fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
        kind: ResourceKind,
    ) -> Result<Self, ScimError> {
        let given =
            |list: Option<&str>| list.filter(|list| !list.trim().is_empty()).map(|list| names(list, kind));
        match (given(attributes), given(excluded)) {
            (Some(_), Some(_)) => {
                Err(ScimError::invalid_value("\"attributes\" and \"excludedAttributes\" exclude each other."))
            }
            (Some(only), None) => Ok(Self { mode: Mode::Only(only) }),
            (None, Some(without)) => Ok(Self { mode: Mode::Without(without) }),
            (None, None) => Ok(Self::default()),
        }
    }

    /// Whether any part of a top-level attribute, given by its canonical name or an extension's URN, is wanted:
    /// if not, e.g. for `members`, it need not be loaded.
    #[must_use]
    pub fn wants(&self, attribute: &str) -> bool {
        let is_extension = schema::by_urn(attribute).is_some();
        if is_always(attribute) {
            return true;
        }
        match &self.mode {
            Mode::All => true,
            Mode::Only(only) => only.iter().any(|selector| match selector {
                Selector::Core => !is_extension,
                Selector::Extension(urn) => *urn == attribute,
                Selector::Attribute(path) => path.schema.unwrap_or(path.attribute) == attribute,
            }),
            Mode::Without(without) => !without.iter().any(|selector| match selector {
                Selector::Core => !is_extension,
                Selector::Extension(urn) => *urn == attribute,
                Selector::Attribute(path) => {
                    path.schema.is_none() && path.sub.is_none() && path.attribute == attribute
                }
            }),
        }
    }

    /// Leaves of a full representation, in canonical names, what is wanted.
    #[must_use]
    pub fn apply(&self, resource: Map<String, Value>) -> Map<String, Value> {
        match &self.mode {
            Mode::All => resource,
            Mode::Only(only) => {
                resource.into_iter().filter_map(|(name, value)| pick(only, name, value)).collect()
            }
            Mode::Without(without) => {
                resource.into_iter().filter_map(|(name, value)| drop_from(without, name, value)).collect()
            }
        }
    }

    /// Whether either parameter was given: a PATCH then answers with a body (RFC 7644 §3.5.2).
    #[must_use]
    pub fn is_selection(&self) -> bool {
        self.mode != Mode::All
    }
}

fn is_always(attribute: &str) -> bool {
    schema::find(schema::COMMON, attribute).is_some_and(|common| common.returned == Returned::Always)
}

fn names(list: &str, kind: ResourceKind) -> Vec<Selector> {
    let mut dialect = Dialect::new(&Rules::default());
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .take(MAX_NAMES)
        .filter_map(|name| match resolve(name, kind, &mut dialect).ok()? {
            Resolved::Schema(schema) if schema.urn == kind.schema() => Some(Selector::Core),
            Resolved::Schema(schema) => Some(Selector::Extension(schema.urn)),
            Resolved::Attribute(path) => Some(Selector::Attribute(path)),
        })
        .collect()
}

/// What selectors say of one attribute: all of it, or these parts. For an extension, a part is an attribute
/// and perhaps its sub-attribute.
fn parts<'a>(selectors: &'a [Selector], name: &str) -> Option<Vec<(&'a str, Option<&'a str>)>> {
    let is_extension = schema::by_urn(name).is_some();
    let mut parts = Vec::new();
    for selector in selectors {
        match selector {
            Selector::Core if !is_extension => return None,
            Selector::Extension(urn) if *urn == name => return None,
            Selector::Attribute(path) if path.schema == Some(name) => parts.push((path.attribute, path.sub)),
            Selector::Attribute(path) if path.schema.is_none() && path.attribute == name => {
                parts.push((path.sub?, None));
            }
            _ => {}
        }
    }
    Some(parts)
}

fn pick(only: &[Selector], name: String, value: Value) -> Option<(String, Value)> {
    if is_always(&name) {
        return Some((name, value));
    }
    let Some(parts) = parts(only, &name) else { return Some((name, value)) };
    if parts.is_empty() {
        return None;
    }
    let value = map_objects(value, &|object| {
        object
            .into_iter()
            .filter_map(|(key, value)| {
                let named: Vec<Option<&str>> =
                    parts.iter().filter(|(part, _)| *part == key).map(|(_, sub)| *sub).collect();
                if named.is_empty() {
                    return None;
                }
                let subs: Option<Vec<&str>> = named.into_iter().collect();
                let value = match subs {
                    None => value,
                    Some(subs) => map_objects(value, &|inner| {
                        inner.into_iter().filter(|(key, _)| subs.contains(&key.as_str())).collect()
                    }),
                };
                Some((key, value))
            })
            .collect()
    });
    (!is_hollow(&value)).then_some((name, value))
}

fn drop_from(without: &[Selector], name: String, value: Value) -> Option<(String, Value)> {
    if is_always(&name) {
        return Some((name, value));
    }
    let parts = parts(without, &name)?;
    if parts.is_empty() {
        return Some((name, value));
    }
    let value = map_objects(value, &|object| {
        object
            .into_iter()
            .filter(|(key, _)| !parts.iter().any(|(part, sub)| part == key && sub.is_none()))
            .map(|(key, value)| {
                let subs: Vec<&str> =
                    parts.iter().filter(|(part, _)| *part == key).filter_map(|(_, sub)| *sub).collect();
                let value = map_objects(value, &|inner| {
                    inner.into_iter().filter(|(key, _)| !subs.contains(&key.as_str())).collect()
                });
                (key, value)
            })
            .collect()
    });
    (!is_hollow(&value)).then_some((name, value))
}

fn map_objects(value: Value, change: &impl Fn(Map<String, Value>) -> Map<String, Value>) -> Value {
    match value {
        Value::Object(object) => change(object).into(),
        Value::Array(items) => items
            .into_iter()
            .map(|item| if let Value::Object(object) = item { change(object).into() } else { item })
            .filter(|item| !is_hollow(item))
            .collect(),
        other => other,
    }
}

fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{CORE_USER, ENTERPRISE_USER};

    fn user() -> Map<String, Value> {
        let value = json!({
            "schemas": [CORE_USER, ENTERPRISE_USER], "id": "1", "userName": "a",
            "name": {"givenName": "G", "familyName": "F"},
            "emails": [{"value": "a@x", "type": "work"}, {"value": "b@x"}],
            "meta": {"resourceType": "User", "version": "1"},
            ENTERPRISE_USER: {"department": "D", "manager": {"value": "m", "displayName": "M"}},
        });
        value.as_object().cloned().unwrap()
    }

    fn keep(attributes: Option<&str>, excluded: Option<&str>) -> Value {
        let projection = Projection::parse(attributes, excluded, ResourceKind::User).unwrap();
        let mut left = projection.apply(user());
        assert!(left.remove("schemas").is_some());
        assert_eq!(left.remove("id"), Some(json!("1")));
        left.into()
    }

    #[test]
    fn attributes_select() {
        let whole = format!("{ENTERPRISE_USER}:department");
        for (names, expected) in [
            ("id", json!({})),
            ("nonsense", json!({})),
            ("userName", json!({"userName": "a"})),
            ("USERNAME, name.GivenName,", json!({"userName": "a", "name": {"givenName": "G"}})),
            ("emails.type", json!({"emails": [{"type": "work"}]})),
            ("emails,emails.type", json!({"emails": [{"value": "a@x", "type": "work"}, {"value": "b@x"}]})),
            ("name.middleName", json!({})),
            ("meta.version", json!({"meta": {"version": "1"}})),
            (&whole, json!({ENTERPRISE_USER: {"department": "D"}})),
            ("department", json!({ENTERPRISE_USER: {"department": "D"}})),
            ("manager.value", json!({ENTERPRISE_USER: {"manager": {"value": "m"}}})),
            (
                "manager.value,manager",
                json!({ENTERPRISE_USER: {"manager": {"value": "m", "displayName": "M"}}}),
            ),
            (
                ENTERPRISE_USER,
                json!({ENTERPRISE_USER: {"department": "D", "manager": {"value": "m", "displayName": "M"}}}),
            ),
        ] {
            assert_eq!(keep(Some(names), None), expected, "{names}");
        }
        let core = keep(Some(CORE_USER), None);
        assert!(core.get(ENTERPRISE_USER).is_none() && core.get("emails").is_some());
        assert_eq!(keep(Some(" "), None), keep(None, None));
    }

    #[test]
    fn excluded_attributes_drop() {
        let all = keep(None, None);
        let without = |names: &str| keep(None, Some(names));
        assert_eq!(without("id,schemas,nonsense"), all);
        let mut expected = all.clone();
        expected.as_object_mut().unwrap().retain(|name, _| name != "emails");
        assert_eq!(without("Emails"), expected);
        assert_eq!(without("name.givenName")["name"], json!({"familyName": "F"}));
        assert!(without("name.givenName,name.familyName").get("name").is_none());
        assert_eq!(without("manager.displayName")[ENTERPRISE_USER]["manager"], json!({"value": "m"}));
        assert_eq!(without("manager")[ENTERPRISE_USER], json!({"department": "D"}));
        assert!(without(ENTERPRISE_USER).get(ENTERPRISE_USER).is_none());
    }

    #[test]
    fn what_need_not_be_loaded() {
        let of = |attributes, excluded| Projection::parse(attributes, excluded, ResourceKind::Group).unwrap();
        for (projection, wants) in [
            (of(None, None), true),
            (of(None, Some("members")), false),
            (of(None, Some("members.display")), true),
            (of(Some("displayName"), None), false),
            (of(Some("members.value"), None), true),
            (of(Some(schema::CORE_GROUP), None), true),
        ] {
            assert_eq!(projection.wants("members"), wants, "{projection:?}");
            assert!(projection.wants("id"));
        }
        assert!(!of(None, None).is_selection());
        assert!(of(None, Some("members")).is_selection());
    }

    #[test]
    fn both_are_refused() {
        let error = Projection::parse(Some("a"), Some("b"), ResourceKind::User).unwrap_err();
        assert_eq!(error.status, 400);
    }
}
