//! Provider dialects, rewritten into standard SCIM by named rules.
//!
//! A body comes in as its sender wrote it. [`rules`] says which liberties are granted; [`values`] brings one
//! value into the form its attribute has; [`expand`] turns an object's keys, however spelled, into operations
//! on attributes; [`body`] and [`patch`] do so for a whole POST, PUT or PATCH. What leaves here has canonical
//! names and checked types, so the engine of [`crate::patch`] has no dialects to know.

mod body;
mod change;
mod expand;
mod members;
mod patch;
mod rules;
mod schemas;
mod switches;
#[cfg(test)]
mod tests;
mod values;

pub use body::{group_input, group_input_noting, user_input, user_input_noting};
pub use patch::{MAX_OPERATIONS, patch_request, patch_request_noting};
pub(crate) use rules::Dialect;
pub use rules::{Applied, Rule, Rules};
pub use switches::{RuleMode, RuleSwitches};
pub use values::MAX_STRING;
pub(crate) use values::{MAX_ELEMENTS, boolean_of};

use serde_json::{Map, Value};

/// Takes the entry with this name, in any case, and says how it was spelled.
pub(crate) fn take(map: &mut Map<String, Value>, name: &str) -> Option<(String, Value)> {
    let key = if map.contains_key(name) {
        name.to_owned()
    } else {
        map.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone()
    };
    map.remove(&key).map(|value| (key, value))
}
