//! PATCH: RFC 7644 §3.5.2, on canonical documents.
//!
//! [`crate::patch_request`] has read the body: each [`Operation`] names a known attribute and carries a value
//! of its type. [`Working`] is the copy on which they are applied in order; the first that fails fails all.
//! A group's members are never here: their changes are handed on as [`MemberOp`]s, for the domain to apply as
//! differences of sets.
//!
//! Where the RFC is silent or senders differ: a complex value is merged, also by `replace`; an `add` of an
//! element that is there changes nothing; a new primary element makes the others not primary; a remove that
//! matches nothing succeeds.

mod elements;
#[cfg(test)]
mod group_tests;
#[cfg(test)]
mod tests;
mod working;

use serde_json::{Map, Value};

pub(crate) use working::Working;

use crate::{
    compat::{Applied, Rules},
    document::{Document, MemberInput},
    error::ScimError,
    filter::Filter,
    kind::ResourceKind,
    path::PatchPath,
};

/// A PATCH body, read and checked, ready to be applied to any resource of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchRequest {
    /// In order. One operation of the body may have become several.
    pub operations: Vec<Operation>,
    /// What the engine may do, e.g. create an element that a path does not find.
    pub rules: Rules,
}

/// One change of one attribute. Values are canonical; null inside an object means "unassign".
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// Set a single value, merge a complex one, or do either to the elements that the path's filter selects.
    Set {
        /// Where.
        path: PatchPath,
        /// What.
        value: Value,
    },
    /// Add elements to a multi-valued attribute.
    AddElements {
        /// The attribute.
        path: PatchPath,
        /// The elements.
        elements: Vec<Map<String, Value>>,
    },
    /// Replace all elements of a multi-valued attribute.
    ReplaceElements {
        /// The attribute.
        path: PatchPath,
        /// The elements.
        elements: Vec<Map<String, Value>>,
    },
    /// Remove the elements that are like these.
    RemoveElements {
        /// The attribute.
        path: PatchPath,
        /// What they are like.
        elements: Vec<Map<String, Value>>,
    },
    /// Unassign.
    Unset {
        /// What.
        path: PatchPath,
    },
    /// Unassign everything below an extension's URN.
    UnsetExtension {
        /// The extension.
        urn: &'static str,
    },
    /// Change a group's members.
    Members(MemberOp),
}

/// What a PATCH makes of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupPatch {
    /// The new attributes.
    pub document: Document,
    /// Changes of the member set, in order.
    pub members: Vec<MemberOp>,
}

/// A change of a group's member set.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberOp {
    /// These belong to the group.
    Add(Vec<MemberInput>),
    /// These and no others belong to the group.
    Replace(Vec<MemberInput>),
    /// Those no longer belong to the group.
    Remove(MemberSelector),
}

/// Which members.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberSelector {
    /// All.
    All,
    /// Those with these ids.
    Values(Vec<String>),
    /// Those that satisfy the filter, evaluated with [`Filter::matches`] on `{value, display, type}`.
    Matching(Filter),
}

/// Applies a PATCH to a user. Unassigning `active` leaves an inactive user inactive: see [`Document::active`].
///
/// # Errors
/// 400 `noTarget` or `invalidValue`; the user is then unchanged.
pub fn apply_user(current: &Document, request: &PatchRequest) -> Result<Document, ScimError> {
    apply_user_noting(current, request).map(|(document, _)| document)
}

/// As [`apply_user`], and which rules were needed beyond those that reading the body needed.
///
/// # Errors
/// As [`apply_user`].
pub fn apply_user_noting(
    current: &Document,
    request: &PatchRequest,
) -> Result<(Document, Applied), ScimError> {
    let mut working = Working::of(current, request.rules);
    for operation in &request.operations {
        working.apply(operation)?;
    }
    let (mut attributes, applied) = working.into_parts()?;
    if !current.active() && attributes.get("active").is_none_or(Value::is_null) {
        // Without a value `active` counts as true; only saying so may let somebody in again.
        attributes.insert("active".to_owned(), Value::Null);
    }
    Ok((Document::finish(attributes, ResourceKind::User), applied))
}

/// Applies a PATCH to a group.
///
/// # Errors
/// 400 `noTarget` or `invalidValue`; the group is then unchanged.
pub fn apply_group(current: &Document, request: &PatchRequest) -> Result<GroupPatch, ScimError> {
    let mut working = Working::of(current, request.rules);
    let mut members = Vec::new();
    for operation in &request.operations {
        match operation {
            Operation::Members(op) => members.push(op.clone()),
            other => working.apply(other)?,
        }
    }
    let (attributes, _) = working.into_parts()?;
    Ok(GroupPatch { document: Document::finish(attributes, ResourceKind::Group), members })
}
