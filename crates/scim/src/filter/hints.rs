//! What an index could answer of a filter.
//!
//! The store narrows the candidates by one of the hints and evaluates the whole filter on what remains, so a
//! hint has only to be necessary, never sufficient.

use super::{CompareOp, CompareValue, Filter};
use crate::{fold::fold, path::AttrPath};

/// What the store has an index on, and the form of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexedAttribute {
    /// `id`, exact.
    Id,
    /// `userName`, folded.
    UserName,
    /// `externalId`, exact.
    ExternalId,
    /// `displayName`, folded.
    DisplayName,
    /// The value of any of `emails`, folded.
    EmailValue,
    /// The id of any of a group's `members`, exact.
    MemberValue,
    /// The id of any of a user's `groups`, exact.
    GroupValue,
}

/// The top-level conjuncts of the form `attribute eq "literal"` on an indexed attribute, in the filter's
/// order, each with its key: as sent where the attribute is exact, else [`fold`]ed.
#[must_use]
pub fn equality_hints(filter: &Filter) -> Vec<(IndexedAttribute, String)> {
    conjuncts(filter).iter().filter_map(hint).collect()
}

fn conjuncts(filter: &Filter) -> &[Filter] {
    match filter {
        Filter::And(all) => all,
        one => std::slice::from_ref(one),
    }
}

fn hint(filter: &Filter) -> Option<(IndexedAttribute, String)> {
    match filter {
        Filter::Compare { path, op: CompareOp::Eq, value: CompareValue::String(text) } => {
            keyed(path.schema, path.attribute, path.sub, text)
        }
        Filter::ValuePath { path, filter } => conjuncts(filter).iter().find_map(|inner| match inner {
            Filter::Compare {
                path: AttrPath { attribute: "value", .. },
                op: CompareOp::Eq,
                value: CompareValue::String(text),
            } => keyed(path.schema, path.attribute, Some("value"), text),
            _ => None,
        }),
        _ => None,
    }
}

fn keyed(
    schema: Option<&str>,
    attribute: &str,
    sub: Option<&str>,
    text: &str,
) -> Option<(IndexedAttribute, String)> {
    if schema.is_some() {
        return None;
    }
    Some(match (attribute, sub) {
        ("id", None) => (IndexedAttribute::Id, text.to_owned()),
        ("externalId", None) => (IndexedAttribute::ExternalId, text.to_owned()),
        ("userName", None) => (IndexedAttribute::UserName, fold(text)),
        ("displayName", None) => (IndexedAttribute::DisplayName, fold(text)),
        ("emails", Some("value")) => (IndexedAttribute::EmailValue, fold(text)),
        ("members", Some("value")) => (IndexedAttribute::MemberValue, text.to_owned()),
        ("groups", Some("value")) => (IndexedAttribute::GroupValue, text.to_owned()),
        _ => return None,
    })
}
