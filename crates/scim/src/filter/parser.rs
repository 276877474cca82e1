//! Tokens in, a checked tree out.
//!
//! Recursive descent with `or` above `and` above `not` and brackets. The recursion is as deep as the brackets
//! nest, which is capped; runs of `and` and of `or` are lists, not nests. Each comparison is checked against
//! its attribute's type at once, so that evaluation has no error to report.

use super::{
    CompareOp, CompareValue, Filter,
    eval::parse_time,
    lexer::{Token, tokens},
    urls::{Owner, Url},
};
use crate::{
    compat::{Dialect, Rule},
    error::{ScimError, excerpt},
    kind::ResourceKind,
    path::{AttrPath, Resolved, Unresolved, resolve, resolve_elsewhere, resolve_in},
    schema::{Attribute, DataType, Mutability, Returned},
};

/// The longest filter or path, in bytes.
pub(crate) const MAX_LENGTH: usize = 8 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_COMPARISONS: usize = 100;

/// What names refer to.
#[derive(Clone, Copy)]
enum Scope {
    Resource,
    Element(&'static Attribute),
}

pub(crate) struct Parser<'a, 'd> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token<'a>>>,
    kind: ResourceKind,
    /// Whether names of the other kind's attributes are names too.
    among_all: bool,
    /// What the URLs that the server makes begin with, where they may be compared.
    base_url: Option<&'a str>,
    dialect: &'d mut Dialect,
    depth: usize,
    comparisons: usize,
}

impl<'a, 'd> Parser<'a, 'd> {
    fn new(text: &'a str, kind: ResourceKind, dialect: &'d mut Dialect) -> Result<Self, ScimError> {
        if text.len() > MAX_LENGTH {
            return Err(ScimError::invalid_filter(format!("A filter may have {MAX_LENGTH} bytes.")));
        }
        let tokens = tokens(text)?.into_iter().peekable();
        Ok(Self { tokens, kind, among_all: false, base_url: None, dialect, depth: 0, comparisons: 0 })
    }

    /// A whole filter on a resource.
    pub(crate) fn filter(
        text: &'a str,
        kind: ResourceKind,
        base_url: Option<&'a str>,
        dialect: &'d mut Dialect,
    ) -> Result<Filter, ScimError> {
        let parser = Self::new(text, kind, dialect)?;
        Self { base_url, ..parser }.whole()
    }

    /// A whole filter on the resources of this kind, where those of the other kind are asked with it. What
    /// only the other kind has is a path that leads nowhere here.
    pub(crate) fn filter_among_all(
        text: &'a str,
        kind: ResourceKind,
        base_url: Option<&'a str>,
        dialect: &'d mut Dialect,
    ) -> Result<Filter, ScimError> {
        let parser = Self::new(text, kind, dialect)?;
        Self { among_all: true, base_url, ..parser }.whole()
    }

    fn whole(mut self) -> Result<Filter, ScimError> {
        let filter = self.disjunction(Scope::Resource)?;
        self.end()?;
        Ok(filter)
    }

    /// `[filter]` or `[filter].sub` of a PATCH path, up to its end.
    pub(crate) fn brackets(
        text: &'a str,
        kind: ResourceKind,
        element: &'static Attribute,
        dialect: &'d mut Dialect,
    ) -> Result<(Filter, Option<String>), ScimError> {
        let mut parser = Self::new(text, kind, dialect)?;
        parser.expect(&Token::OpenBracket, "[")?;
        let filter = parser.disjunction(Scope::Element(element))?;
        parser.expect(&Token::CloseBracket, "]")?;
        let sub = parser.dotted_sub().map(str::to_owned);
        parser.end()?;
        Ok((filter, sub))
    }

    fn end(&mut self) -> Result<(), ScimError> {
        match self.tokens.next() {
            None => Ok(()),
            Some(token) => Err(unexpected(Some(&token), "the end")),
        }
    }

    fn expect(&mut self, wanted: &Token<'_>, name: &str) -> Result<(), ScimError> {
        match self.tokens.next() {
            Some(token) if token == *wanted => Ok(()),
            other => Err(unexpected(other.as_ref(), name)),
        }
    }

    fn word(&mut self, wanted: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(wanted)))
            .is_some()
    }

    fn dotted_sub(&mut self) -> Option<&'a str> {
        match self.tokens.next_if(|token| matches!(token, Token::Word(word) if word.starts_with('.')))? {
            Token::Word(word) => word.strip_prefix('.'),
            _ => None,
        }
    }

    fn disjunction(&mut self, scope: Scope) -> Result<Filter, ScimError> {
        let first = self.conjunction(scope)?;
        let mut all = vec![first];
        while self.word("or") {
            all.push(self.conjunction(scope)?);
        }
        Ok(any_of(all))
    }

    fn conjunction(&mut self, scope: Scope) -> Result<Filter, ScimError> {
        let first = self.term(scope)?;
        let mut all = vec![first];
        while self.word("and") {
            all.push(self.term(scope)?);
        }
        Ok(all_of(all))
    }

    fn term(&mut self, scope: Scope) -> Result<Filter, ScimError> {
        #[cfg(test)]
        super::work::did(1);
        match self.tokens.next() {
            Some(Token::Open) => self.group(scope),
            Some(Token::Word(word))
                if word.eq_ignore_ascii_case("not") && self.tokens.peek() == Some(&Token::Open) =>
            {
                self.tokens.next();
                Ok(Filter::Not(Box::new(self.group(scope)?)))
            }
            Some(Token::Word(word)) => self.attribute_expression(word, scope),
            other => Err(unexpected(other.as_ref(), "an attribute")),
        }
    }

    fn group(&mut self, scope: Scope) -> Result<Filter, ScimError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ScimError::invalid_filter(format!("A filter may nest {MAX_DEPTH} levels deep.")));
        }
        let filter = self.disjunction(scope)?;
        self.expect(&Token::Close, ")")?;
        self.depth -= 1;
        Ok(filter)
    }

    fn attribute_expression(&mut self, name: &str, scope: Scope) -> Result<Filter, ScimError> {
        let path = match scope {
            Scope::Element(element) => resolve_in(element, name).map_err(|why| unresolved(name, why))?,
            Scope::Resource => self.of_resource(name).map_err(|why| unresolved(name, why))?,
        };
        if self.tokens.peek() != Some(&Token::OpenBracket) {
            return self.comparison(path, scope);
        }
        if matches!(scope, Scope::Element(_)) || path.sub.is_some() || !path.root().is_complex() {
            return Err(ScimError::invalid_filter(format!("\"{path}\" has no elements to filter.")));
        }
        self.tokens.next();
        let inner = self.disjunction(Scope::Element(path.root()))?;
        self.expect(&Token::CloseBracket, "]")?;
        let filter = match self.dotted_sub() {
            None => inner,
            Some(sub) => {
                if !self.dialect.bend(Rule::ValuePathAsFilterLhs) {
                    return Err(ScimError::invalid_filter("A value path ends at its bracket."));
                }
                let sub = resolve_in(path.root(), sub).map_err(|why| unresolved(sub, why))?;
                all_of(vec![inner, self.comparison(sub, Scope::Element(path.root()))?])
            }
        };
        Ok(Filter::ValuePath { path, filter: Box::new(filter) })
    }

    fn of_resource(&mut self, name: &str) -> Result<AttrPath, Unresolved> {
        let why = match resolve(name, self.kind, self.dialect) {
            Ok(Resolved::Attribute(path)) => return Ok(path),
            Ok(Resolved::Schema(_)) => Unresolved::Attribute,
            Err(why) => why,
        };
        let elsewhere = if self.among_all { resolve_elsewhere(name, self.kind, self.dialect) } else { None };
        elsewhere.ok_or(why)
    }

    fn comparison(&mut self, path: AttrPath, scope: Scope) -> Result<Filter, ScimError> {
        self.comparisons += 1;
        if self.comparisons > MAX_COMPARISONS {
            return Err(ScimError::invalid_filter(format!(
                "A filter may have {MAX_COMPARISONS} comparisons."
            )));
        }
        if path.leaf().returned == Returned::Never {
            return Err(ScimError::invalid_filter(format!("\"{path}\" cannot be compared.")));
        }
        let url = self.base_url.and_then(|base| {
            let owner = match scope {
                Scope::Resource => Owner::Attribute(path),
                Scope::Element(element) => Owner::Element(element),
            };
            Url::at(base, self.kind, owner, path.leaf())
        });
        if url.is_none()
            && let Some(instead) = instead_of(&path)
        {
            return Err(ScimError::invalid_filter(format!(
                "\"{path}\" is worked out for each answer and cannot be compared; compare \"{instead}\"."
            )));
        }
        let operator = match self.tokens.next() {
            Some(Token::Word(word)) => word,
            other => return Err(unexpected(other.as_ref(), "an operator")),
        };
        if operator.eq_ignore_ascii_case("pr") {
            return Ok(match url {
                Some(url) => url.present(),
                None => Filter::Present(path),
            });
        }
        let op = CompareOp::parse(operator).ok_or_else(|| {
            ScimError::invalid_filter(format!("\"{}\" is not an operator.", excerpt(operator)))
        })?;
        let value = match self.tokens.next() {
            Some(Token::Text(text)) => CompareValue::String(text),
            Some(Token::Word(word)) => match self.bare_literal(word)? {
                Some(boolean) => CompareValue::Boolean(boolean),
                None => {
                    let present = match url {
                        Some(url) => url.present(),
                        None => Filter::Present(path),
                    };
                    return match op {
                        CompareOp::Eq => Ok(Filter::Not(Box::new(present))),
                        CompareOp::Ne => Ok(present),
                        _ => Err(ScimError::invalid_filter("A null has no order and no parts.")),
                    };
                }
            },
            other => return Err(unexpected(other.as_ref(), "a value")),
        };
        let path = self.comparable(path)?;
        let value = self.check(path, op, value)?;
        if let (Some(url), CompareValue::String(text)) = (url, &value) {
            return Ok(url.compare(op, text));
        }
        Ok(Filter::Compare { path, op, value })
    }

    /// `true`, `false` or, as `None`, `null`.
    fn bare_literal(&mut self, word: &str) -> Result<Option<bool>, ScimError> {
        match word {
            "true" => return Ok(Some(true)),
            "false" => return Ok(Some(false)),
            "null" => return Ok(None),
            _ => {}
        }
        for boolean in [true, false] {
            let name = if boolean { "true" } else { "false" };
            if word.eq_ignore_ascii_case(name) && self.dialect.bend(Rule::CoerceBooleanStrings) {
                return Ok(Some(boolean));
            }
        }
        let detail = if serde_json::from_str::<serde_json::Number>(word).is_ok() {
            "No attribute is a number; a string stands in double quotes."
        } else {
            "A string stands in double quotes."
        };
        Err(ScimError::invalid_filter(detail))
    }

    /// A complex attribute is compared by its `value`.
    fn comparable(&self, path: AttrPath) -> Result<AttrPath, ScimError> {
        if !path.leaf().is_complex() {
            return Ok(path);
        }
        let value = path.root().sub("value").ok_or_else(|| {
            ScimError::invalid_filter(format!("\"{path}\" has parts; name the one to compare."))
        })?;
        Ok(path.with_sub(value))
    }

    fn check(
        &mut self,
        path: AttrPath,
        op: CompareOp,
        value: CompareValue,
    ) -> Result<CompareValue, ScimError> {
        let refuse = |what: &str| Err(ScimError::invalid_filter(format!("\"{path}\" {what}.")));
        match (path.leaf().data_type, value) {
            (DataType::Boolean, value) => {
                if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
                    return refuse("is a boolean, which has no order and no parts");
                }
                match value {
                    CompareValue::Boolean(_) => Ok(value),
                    CompareValue::String(text) => {
                        let boolean = crate::compat::boolean_of(&text)
                            .filter(|_| self.dialect.bend(Rule::CoerceBooleanStrings));
                        boolean.map_or_else(|| refuse("is a boolean"), |b| Ok(CompareValue::Boolean(b)))
                    }
                }
            }
            (_, CompareValue::Boolean(_)) => refuse("is not a boolean"),
            (DataType::Binary, _) if op.is_order() => refuse("is binary, which has no order"),
            (DataType::DateTime, CompareValue::String(text))
                if !op.is_substring() && parse_time(&text).is_none() =>
            {
                refuse("is a date and time, such as \"2026-01-31T12:00:00Z\"")
            }
            (_, value) => Ok(value),
        }
    }
}

/// What to compare instead of an attribute that no resource holds: a URL, which is made of the address by
/// which the server is asked, and a manager's name. A comparison with it would never hold, and a client that
/// is told "none" creates duplicates.
fn instead_of(path: &AttrPath) -> Option<String> {
    let leaf = path.leaf();
    let is_url = leaf.data_type == DataType::Reference;
    match leaf.name {
        "location" if is_url => Some("id".to_owned()),
        "$ref" if is_url => Some(beside(path)),
        "displayName" if leaf.mutability == Mutability::ReadOnly => Some(beside(path)),
        _ => None,
    }
}

/// The `value` beside a sub-attribute.
fn beside(path: &AttrPath) -> String {
    match path.root().sub("value") {
        Some(value) => path.with_sub(value).to_string(),
        // Within brackets the path is relative to the element.
        None => "value".to_owned(),
    }
}

impl CompareOp {
    fn parse(text: &str) -> Option<Self> {
        use CompareOp::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
        [Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le].into_iter().find(|op| op.as_str().eq_ignore_ascii_case(text))
    }

    fn is_order(self) -> bool {
        matches!(self, Self::Gt | Self::Ge | Self::Lt | Self::Le)
    }

    fn is_substring(self) -> bool {
        matches!(self, Self::Co | Self::Sw | Self::Ew)
    }
}

/// A conjunction without conjunctions directly inside it.
fn all_of(filters: Vec<Filter>) -> Filter {
    let mut flat = Vec::with_capacity(filters.len());
    for filter in filters {
        match filter {
            Filter::And(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.swap_remove(0) } else { Filter::And(flat) }
}

/// A disjunction without disjunctions directly inside it.
fn any_of(filters: Vec<Filter>) -> Filter {
    let mut flat = Vec::with_capacity(filters.len());
    for filter in filters {
        match filter {
            Filter::Or(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.swap_remove(0) } else { Filter::Or(flat) }
}

fn unexpected(found: Option<&Token<'_>>, wanted: &str) -> ScimError {
    let found = match found {
        None => "the end".to_owned(),
        Some(Token::Open) => "(".to_owned(),
        Some(Token::Close) => ")".to_owned(),
        Some(Token::OpenBracket) => "[".to_owned(),
        Some(Token::CloseBracket) => "]".to_owned(),
        Some(Token::Word(_)) => "a word".to_owned(),
        Some(Token::Text(_)) => "a string".to_owned(),
    };
    ScimError::invalid_filter(format!("The filter has {found} where {wanted} belongs."))
}

fn unresolved(name: &str, why: Unresolved) -> ScimError {
    let what = match why {
        Unresolved::Malformed => "is not a name",
        Unresolved::Schema => "stands below an unknown schema",
        Unresolved::Attribute => "is not an attribute here",
    };
    ScimError::invalid_filter(format!("\"{}\" {what}.", excerpt(name)))
}
