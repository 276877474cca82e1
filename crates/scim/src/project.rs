//! `attributes` and `excludedAttributes`: RFC 7644 §3.9.

use serde_json::{Map, Value};

use crate::{error::ScimError, kind::ResourceKind};

/// Which attributes an answer has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {}

impl Projection {
    /// Reads the two query parameters.
    ///
    /// # Errors
    /// 400 `invalidValue` when both are given.
    pub fn parse(
        _attributes: Option<&str>,
        _excluded: Option<&str>,
        _kind: ResourceKind,
    ) -> Result<Self, ScimError> {
        Ok(Self {})
    }

    /// Whether any part of this top-level attribute is wanted.
    #[must_use]
    pub fn wants(&self, _attribute: &str) -> bool {
        true
    }

    /// Leaves of a full representation what is wanted.
    #[must_use]
    pub fn apply(&self, resource: Map<String, Value>) -> Map<String, Value> {
        resource
    }

    /// Whether either parameter was given.
    #[must_use]
    pub fn is_selection(&self) -> bool {
        false
    }
}
