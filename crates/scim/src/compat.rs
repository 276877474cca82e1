//! Provider dialects, rewritten into standard SCIM by named rules.

mod rules;

pub use rules::{Applied, Rule, Rules};

use serde_json::{Map, Value};

use crate::{
    document::{GroupInput, UserInput},
    error::ScimError,
    kind::ResourceKind,
    patch::PatchRequest,
};

/// The body of a POST or PUT of a user, in canonical form.
///
/// # Errors
/// 400 `invalidValue` naming the attribute.
pub fn user_input(_body: Map<String, Value>, _rules: &Rules) -> Result<(UserInput, Applied), ScimError> {
    Err(ScimError::new(501, "not yet"))
}

/// The body of a POST or PUT of a group, in canonical form.
///
/// # Errors
/// 400 `invalidValue` naming the attribute.
pub fn group_input(_body: Map<String, Value>, _rules: &Rules) -> Result<(GroupInput, Applied), ScimError> {
    Err(ScimError::new(501, "not yet"))
}

/// The body of a PATCH, as operations to apply.
///
/// # Errors
/// 400 `invalidSyntax`, `invalidPath`, `invalidValue`, `mutability`, `noTarget`; 413 for too many operations.
pub fn patch_request(
    _kind: ResourceKind,
    _body: Map<String, Value>,
    _rules: &Rules,
) -> Result<(PatchRequest, Applied), ScimError> {
    Err(ScimError::new(501, "not yet"))
}
