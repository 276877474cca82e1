//! A resource as it is kept: its attributes in canonical form, and nothing a server adds by itself.
//!
//! A [`Document`] has canonical names in the table's order, `schemas` first and exact, extension attributes
//! below their URN. It never has `id`, `meta`, `groups`, `members` or `password`, and never an empty value:
//! null, `[]` and `{}` mean "unassigned" (RFC 7643 §2.5). Whoever answers a request adds the rest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    kind::ResourceKind,
    schema::{self, Attribute, ENTERPRISE_USER, Mutability},
};

/// A resource's stored attributes. Serializes as the object itself. A clone shares them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(Arc<Map<String, Value>>);

impl Document {
    /// Takes attributes that are already canonical, as they came from [`Document::as_map`] before.
    #[must_use]
    pub fn from_map(map: Map<String, Value>) -> Self {
        Self(Arc::new(map))
    }

    /// Brings attributes with canonical names into canonical order, drops what is unassigned, and lists the
    /// schemas in use.
    pub(crate) fn finish(mut attributes: Map<String, Value>, kind: ResourceKind) -> Self {
        let extension = schema::extension(kind).and_then(|extension| {
            let Some(Value::Object(mut content)) = attributes.remove(extension.urn) else { return None };
            let ordered = ordered(&mut content, extension.attributes);
            (!ordered.is_empty()).then_some((extension.urn, ordered))
        });
        let mut urns = vec![Value::from(kind.schema())];
        urns.extend(extension.as_ref().map(|(urn, _)| Value::from(*urn)));
        let mut map = Map::with_capacity(attributes.len() + 2);
        map.insert("schemas".to_owned(), Value::Array(urns));
        if let Some(external_id) = attributes.remove("externalId").filter(|value| !is_unassigned(value)) {
            map.insert("externalId".to_owned(), external_id);
        }
        map.append(&mut ordered(&mut attributes, schema::core(kind).attributes));
        if let Some((urn, content)) = extension {
            map.insert(urn.to_owned(), Value::Object(content));
        }
        Self(Arc::new(map))
    }

    /// The attributes.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The attributes, for building a full representation.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        let mut map = Arc::unwrap_or_clone(self.0);
        if map.get("active").is_some_and(Value::is_null) {
            map.shift_remove("active");
        }
        map
    }

    /// A core attribute by its canonical name, or an extension by its URN.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// `userName`, as sent.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        self.text("userName")
    }

    /// `externalId`, as sent.
    #[must_use]
    pub fn external_id(&self) -> Option<&str> {
        self.text("externalId")
    }

    /// `displayName`, as sent.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.text("displayName")
    }

    /// Whether the user is active: unless told otherwise. A stored null is the memory of an inactive user whose
    /// `active` was unassigned: it is not shown, and reactivates nobody.
    #[must_use]
    pub fn active(&self) -> bool {
        match self.get("active") {
            Some(Value::Null) => false,
            other => other.and_then(Value::as_bool).unwrap_or(true),
        }
    }

    /// Sets `active` where it stands, for a PUT that did not say.
    pub fn set_active(&mut self, active: bool) {
        Arc::make_mut(&mut self.0).insert("active".to_owned(), Value::Bool(active));
    }

    /// The elements of `emails`.
    #[must_use]
    pub fn emails(&self) -> &[Value] {
        self.get("emails").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The address to use when only one is wanted: the primary, else the first of type work, else the first.
    #[must_use]
    pub fn primary_email(&self) -> Option<&str> {
        fn value(element: &Value) -> Option<&str> {
            element.get("value")?.as_str()
        }
        let emails = || self.emails().iter().filter(|element| value(element).is_some());
        emails()
            .find(|element| element.get("primary") == Some(&Value::Bool(true)))
            .or_else(|| {
                emails().find(|element| {
                    element
                        .get("type")
                        .and_then(Value::as_str)
                        .is_some_and(|kind| kind.eq_ignore_ascii_case("work"))
                })
            })
            .or_else(|| emails().next())
            .and_then(value)
    }

    /// The Enterprise User attributes.
    #[must_use]
    pub fn enterprise(&self) -> Option<&Map<String, Value>> {
        self.get(ENTERPRISE_USER)?.as_object()
    }

    /// The id of the manager.
    #[must_use]
    pub fn manager_value(&self) -> Option<&str> {
        self.enterprise()?.get("manager")?.get("value")?.as_str()
    }
}

fn ordered(from: &mut Map<String, Value>, attributes: &[Attribute]) -> Map<String, Value> {
    let mut map = Map::with_capacity(from.len());
    // What only the server says is not kept: it would be out of date one day.
    for attribute in attributes.iter().filter(|attribute| attribute.mutability != Mutability::ReadOnly) {
        if attribute.name == "active" && from.get("active").is_some_and(Value::is_null) {
            // See `Document::active`.
            map.insert("active".to_owned(), Value::Null);
            continue;
        }
        if let Some(value) = from.remove(attribute.name).and_then(|value| tidy(attribute, value)) {
            map.insert(attribute.name.to_owned(), value);
        }
    }
    map
}

/// A value with its parts in order and without those that are unassigned.
fn tidy(attribute: &Attribute, value: Value) -> Option<Value> {
    let value = match value {
        Value::Object(mut parts) => {
            let parts = ordered(&mut parts, attribute.sub_attributes);
            // A manager without an id is nobody.
            if attribute.sub("value").is_some() && !parts.contains_key("value") {
                return None;
            }
            parts.into()
        }
        Value::Array(items) if attribute.is_complex() => {
            let whole = |item| match item {
                Value::Object(mut parts) => Some(ordered(&mut parts, attribute.sub_attributes)),
                _ => None,
            };
            items.into_iter().filter_map(whole).filter(says_something).map(Value::Object).collect()
        }
        other => other,
    };
    (!is_unassigned(&value)).then_some(value)
}

/// Whether an element is more than a label on nothing, such as `{"type": "work"}`.
pub(crate) fn says_something(element: &Map<String, Value>) -> bool {
    element.keys().any(|name| name != "type" && name != "primary")
}

/// Whether a value means "no value" (RFC 7643 §2.5).
pub(crate) fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// A member as a provider named it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberInput {
    /// The member's id.
    pub value: String,
    /// The member's name, if it was sent.
    pub display: Option<String>,
    /// `User` or `Group`, or whatever was sent as `type`.
    pub kind: Option<String>,
}

/// The body of a POST or PUT of a user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserInput {
    /// The attributes; `active` is there, true if it was not given.
    pub document: Document,
    /// Whether the body gave `active`. A PUT that does not keeps the stored one.
    pub active_given: bool,
}

/// The body of a POST or PUT of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupInput {
    /// The attributes, without members.
    pub document: Document,
    /// The members, each once. `None` when the body has no `members` (or null): a PUT then leaves them alone.
    pub members: Option<Vec<MemberInput>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn finishing_orders_and_prunes() {
        let document = Document::finish(
            map(json!({"emails": [], "title": null, "name": {}, ENTERPRISE_USER: {"manager": {}},
                       "active": false, "userName": "a", "externalId": "e"})),
            ResourceKind::User,
        );
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"e","userName":"a","active":false}"#
        );
        assert!(!document.active());
        assert_eq!(document.manager_value(), None);
    }

    #[test]
    fn an_unassigned_active_is_remembered_and_not_shown() {
        let document = Document::finish(map(json!({"userName": "a", "active": null})), ResourceKind::User);
        assert!(!document.active());
        let stored = serde_json::to_string(&document).unwrap();
        let again: Document = serde_json::from_str(&stored).unwrap();
        assert!(!again.active());
        assert_eq!(again.into_map().get("active"), None);
    }

    #[test]
    fn an_extension_is_listed_when_it_has_content() {
        let document = Document::finish(
            map(json!({"userName": "a", ENTERPRISE_USER: {"manager": {"value": "m"}, "department": "d"}})),
            ResourceKind::User,
        );
        assert_eq!(document.get("schemas"), Some(&json!([schema::CORE_USER, ENTERPRISE_USER])));
        assert_eq!(document.manager_value(), Some("m"));
        assert_eq!(document.enterprise().unwrap().keys().next().unwrap(), "department");
    }

    #[test]
    fn the_email_to_use() {
        for (emails, expected) in [
            (json!([]), None),
            (json!([{"type": "home"}]), None),
            (json!([{"value": "a"}, {"value": "b"}]), Some("a")),
            (json!([{"value": "a", "type": "home"}, {"value": "b", "type": "Work"}]), Some("b")),
            (json!([{"value": "a", "type": "work"}, {"value": "b", "primary": true}]), Some("b")),
        ] {
            let document = Document::from_map(map(json!({"emails": emails})));
            assert_eq!(document.primary_email(), expected);
        }
    }
}
