//! Sorting: RFC 7644 §3.4.2.3.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::{error::ScimError, kind::ResourceKind, path::AttrPath};

/// By what a list is sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The attribute.
    pub path: AttrPath,
    /// Largest first.
    pub descending: bool,
}

impl Sort {
    /// Reads `sortBy` and `sortOrder`.
    ///
    /// # Errors
    /// 400 `invalidPath` or `invalidValue`.
    pub fn parse(by: &str, _order: Option<&str>, _kind: ResourceKind) -> Result<Self, ScimError> {
        Err(ScimError::invalid_path(by))
    }

    /// Compares two full representations.
    #[must_use]
    pub fn compare(&self, _a: &Map<String, Value>, _b: &Map<String, Value>) -> Ordering {
        Ordering::Equal
    }
}
