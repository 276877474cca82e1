//! PATCH: RFC 7644 §3.5.2.

use crate::{
    compat::Rules,
    document::{Document, MemberInput},
    error::ScimError,
    filter::Filter,
};

/// A PATCH body, read and checked, ready to be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchRequest {
    /// In order.
    pub operations: Vec<Operation>,
    /// What the engine may do.
    pub rules: Rules,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {}

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

/// Applies a PATCH to a user.
///
/// # Errors
/// 400; the user is then unchanged.
pub fn apply_user(current: &Document, _request: &PatchRequest) -> Result<Document, ScimError> {
    Ok(current.clone())
}

/// Applies a PATCH to a group.
///
/// # Errors
/// 400; the group is then unchanged.
pub fn apply_group(current: &Document, _request: &PatchRequest) -> Result<GroupPatch, ScimError> {
    Ok(GroupPatch { document: current.clone(), members: Vec::new() })
}
