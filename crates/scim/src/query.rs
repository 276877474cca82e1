//! A list request: RFC 7644 §3.4.2 and §3.4.3.

use serde_json::{Map, Value};

use crate::{
    compat::Rules, error::ScimError, filter::Filter, kind::ResourceKind, project::Projection, sort::Sort,
};

/// A list request.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQuery {
    /// Which resources.
    pub filter: Option<Filter>,
    /// In which order; by creation if absent.
    pub sort: Option<Sort>,
    /// 1-based place of the first.
    pub start_index: u64,
    /// At most this many, never above the server's maximum. `None`: as many as the server gives by default.
    pub count: Option<u64>,
    /// Which attributes.
    pub projection: Projection,
}

impl ListQuery {
    /// Reads decoded query parameters.
    ///
    /// # Errors
    /// 400 `invalidFilter`, `invalidValue` or `invalidPath`.
    pub fn parse(
        _pairs: impl IntoIterator<Item = (String, String)>,
        _kind: ResourceKind,
        _rules: &Rules,
        _max_results: u64,
    ) -> Result<Self, ScimError> {
        Ok(Self { filter: None, sort: None, start_index: 1, count: None, projection: Projection::default() })
    }

    /// Reads the body of a `.search` request.
    ///
    /// # Errors
    /// As [`ListQuery::parse`], and 400 `invalidSyntax`.
    pub fn from_search_request(
        _body: &Map<String, Value>,
        kind: ResourceKind,
        rules: &Rules,
        max_results: u64,
    ) -> Result<Self, ScimError> {
        Self::parse([], kind, rules, max_results)
    }
}
