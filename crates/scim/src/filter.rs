//! Filters: RFC 7644 §3.4.2.2.

use std::fmt;

use serde_json::{Map, Value};

use crate::{compat::Rules, error::ScimError, kind::ResourceKind, path::AttrPath};

/// A filter, resolved against the schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All hold.
    And(Vec<Filter>),
    /// At least one holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// A comparison.
    Compare {
        /// What is compared.
        path: AttrPath,
        /// How.
        op: CompareOp,
        /// With what.
        value: CompareValue,
    },
    /// `pr`.
    Present(AttrPath),
    /// One element of a multi-valued attribute satisfies the inner filter.
    ValuePath {
        /// The multi-valued attribute.
        path: AttrPath,
        /// On one element.
        filter: Box<Filter>,
    },
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the RFC's operator of the same name")]
pub enum CompareOp {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareValue {
    /// A string.
    String(String),
    /// A boolean.
    Boolean(bool),
}

/// What the store has an index on.
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
    /// The value of one of `emails`, folded.
    EmailValue,
    /// The id of one of a group's `members`, exact.
    MemberValue,
    /// The id of one of a user's `groups`, exact.
    GroupValue,
}

/// Parses a filter.
///
/// # Errors
/// 400 `invalidFilter`.
pub fn parse_filter(text: &str, _kind: ResourceKind, _rules: &Rules) -> Result<Filter, ScimError> {
    Err(ScimError::invalid_filter(text))
}

/// Top-level conjuncts that an index can answer.
#[must_use]
pub fn equality_hints(_filter: &Filter) -> Vec<(IndexedAttribute, String)> {
    Vec::new()
}

impl Filter {
    /// Whether a full representation satisfies the filter.
    #[must_use]
    pub fn matches(&self, _resource: &Map<String, Value>) -> bool {
        false
    }

    /// Whether the filter looks at this top-level attribute, e.g. `members`.
    #[must_use]
    pub fn mentions(&self, _attribute: &str) -> bool {
        true
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
