//! From SCIM resources to the normalized projections: what applications see of a user or a group.
//!
//! Cast: [`UserProjection`] and [`GroupProjection`], which borrow from a record and serialize in a fixed
//! order of fields; `/v1` and an event's `data` are these same values. [`Membership`] is the `data` of a
//! membership event.
//!
//! Plot: a field is there if the resource has it, and is absent otherwise, never null. `groups`, `roles`,
//! `permissions` and `custom_attributes` are always there, empty if need be.

mod group;
mod membership;
mod user;

pub(crate) use group::shown_by as group_shown_by;
pub use group::{GroupProjection, group_projection, group_summary};
pub use membership::{GroupNames, Membership, UserNames};
pub(crate) use user::shown_by as user_shown_by;
pub use user::{Address, Contact, Manager, Name, UserProjection, user_projection, user_summary};

use serde_json::{Map, Value};

/// Serializes as `[]`. Permissions come from roles, which nothing assigns yet.
pub(crate) type Nothing = [(); 0];

/// A string that says something. Providers clear an attribute by sending an empty one.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    given(object.get(name).and_then(Value::as_str))
}

fn boolean(object: &Map<String, Value>, name: &str) -> Option<bool> {
    object.get(name).and_then(Value::as_bool)
}

/// The complex values of a multi-valued attribute.
fn elements(value: Option<&Value>) -> impl Iterator<Item = &Map<String, Value>> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// A projection as a JSON value.
pub(crate) fn to_value(projection: &impl serde::Serialize) -> Value {
    // Fails only for maps whose keys are not strings, and projections have none.
    serde_json::to_value(projection).unwrap_or_default()
}
