//! Filters: RFC 7644 §3.4.2.2.
//!
//! A filter's text becomes tokens ([`lexer`]), a tree that is resolved and checked against the schema
//! ([`parser`]), and is then evaluated on representations ([`eval`]), printed again ([`print`](mod@print)), or asked what
//! an index could answer of it ([`hints`]). All of it is linear in the text, and the tree's depth is bounded
//! before it is built.
//!
//! Where the RFC is silent: `ne` holds where the attribute is absent; `eq null` is `not (… pr)`; a
//! multi-valued attribute compares if any value does; a complex one is compared by its `value`.

mod eval;
mod hints;
mod lexer;
mod parser;
mod print;
#[cfg(test)]
mod tests;
mod urls;
#[cfg(test)]
mod work;

pub(crate) use eval::parse_time;
pub use hints::{IndexedAttribute, equality_hints};
pub(crate) use parser::{MAX_LENGTH, Parser};

use crate::{
    compat::{Dialect, Rules},
    error::ScimError,
    kind::ResourceKind,
    path::AttrPath,
};

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

/// Parses a filter and resolves it against the schema of `kind`. URLs that the server makes (`meta.location`,
/// `$ref`) cannot be compared in it, for their base is not known here; see [`crate::QueryTerms`].
///
/// # Errors
/// 400 `invalidFilter`: bad syntax, an unknown attribute, a comparison that its type does not have, or a bound
/// exceeded. A filter is never silently ignored: a client that is told "none" creates duplicates.
pub fn parse_filter(text: &str, kind: ResourceKind, rules: &Rules) -> Result<Filter, ScimError> {
    Parser::filter(text, kind, None, &mut Dialect::new(rules))
}

/// A filter on the resources of one kind, where those of the other kind are asked with it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Among {
    /// Every resource of this kind satisfies it.
    Every,
    /// None does.
    None,
    /// Those that satisfy this.
    Some(Filter),
}

impl Among {
    /// Parses a filter that is put to both kinds. An attribute that this kind does not have is one without a
    /// value (RFC 7644 §3.4.2.1).
    ///
    /// # Errors
    /// As [`parse_filter`]; an attribute is unknown if neither kind has it.
    pub(crate) fn parse(
        text: &str,
        kind: ResourceKind,
        base_url: Option<&str>,
        dialect: &mut Dialect,
    ) -> Result<Self, ScimError> {
        let filter = Parser::filter_among_all(text, kind, base_url, dialect)?;
        Ok(match filter.constant(kind) {
            Some(true) => Self::Every,
            Some(false) => Self::None,
            None => Self::Some(filter),
        })
    }
}
