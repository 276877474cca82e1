//! Attribute paths: how a filter, a PATCH, a projection or a sort names an attribute (RFC 7644 §3.10).

use std::fmt;

use crate::{compat::Rules, error::ScimError, filter::Filter, kind::ResourceKind, schema::Attribute};

/// A resolved attribute path. Inside a value path's brackets it is relative to the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttrPath {
    /// The extension's URN; `None` for a core attribute.
    pub schema: Option<&'static str>,
    /// The attribute's canonical name.
    pub attribute: &'static str,
    /// The sub-attribute's canonical name.
    pub sub: Option<&'static str>,
    pub(crate) root: &'static Attribute,
    pub(crate) leaf: &'static Attribute,
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(self.attribute)?;
        self.sub.map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

/// The target of a PATCH operation.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchPath {
    /// The attribute, with its sub-attribute.
    pub attr: AttrPath,
    /// Which elements of a multi-valued attribute.
    pub filter: Option<Filter>,
}

impl PatchPath {
    /// Parses a `path`.
    ///
    /// # Errors
    /// 400 `invalidPath`.
    pub fn parse(text: &str, _kind: ResourceKind, _rules: &Rules) -> Result<Self, ScimError> {
        Err(ScimError::invalid_path(text))
    }
}
