//! Attribute paths: how a filter, a PATCH, a projection or a sort names an attribute (RFC 7644 §3.10).
//!
//! A name arrives in any case, bare, dotted or behind a URN. [`resolve`] looks it up in the schema table and
//! answers with static, canonical names; why a name does not resolve is told apart ([`Unresolved`]), because
//! a filter, a PATCH path and a key in a body each answer that differently.

use std::fmt;

use crate::{
    compat::{Dialect, Rule, Rules},
    error::{ScimError, excerpt},
    filter::{Filter, MAX_LENGTH, Parser},
    kind::ResourceKind,
    schema::{self, Attribute, CORE_GROUP, CORE_USER, ENTERPRISE_USER, Schema},
};

/// A resolved attribute path. Inside a value path's brackets it is relative to the element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AttrPath {
    /// The extension's URN; `None` for a core attribute.
    pub schema: Option<&'static str>,
    /// The attribute's canonical name.
    pub attribute: &'static str,
    /// The sub-attribute's canonical name.
    pub sub: Option<&'static str>,
    root: &'static Attribute,
    leaf: &'static Attribute,
}

impl AttrPath {
    pub(crate) fn new(schema: Option<&'static str>, root: &'static Attribute) -> Self {
        Self { schema, attribute: root.name, sub: None, root, leaf: root }
    }

    pub(crate) fn with_sub(self, sub: &'static Attribute) -> Self {
        Self { sub: Some(sub.name), leaf: sub, ..self }
    }

    /// Whether resources of this kind have such an attribute.
    pub(crate) fn is_of(&self, kind: ResourceKind) -> bool {
        self.schema.is_none_or(|urn| schema::extension(kind).is_some_and(|own| own.urn == urn))
    }

    /// The attribute's row in the schema table.
    #[must_use]
    pub fn root(&self) -> &'static Attribute {
        self.root
    }

    /// The row of what the path ends at: the sub-attribute, or the attribute itself.
    #[must_use]
    pub fn leaf(&self) -> &'static Attribute {
        self.leaf
    }
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

impl fmt::Debug for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttrPath({self})")
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resolved {
    /// A whole schema, by its URN alone.
    Schema(&'static Schema),
    /// An attribute.
    Attribute(AttrPath),
}

/// Why a name stands for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unresolved {
    /// It cannot be a name.
    Malformed,
    /// It stands below a URN that is not served for this resource type.
    Schema,
    /// No such attribute.
    Attribute,
}

/// Resolves the name of an attribute that only the other kind has. Its path has that kind's URN, below which
/// a resource of this kind holds nothing.
pub(crate) fn resolve_elsewhere(text: &str, kind: ResourceKind, dialect: &mut Dialect) -> Option<AttrPath> {
    ResourceKind::ALL.into_iter().filter(|other| *other != kind).find_map(|other| {
        match resolve(text, other, dialect) {
            Ok(Resolved::Attribute(path)) => {
                Some(AttrPath { schema: path.schema.or(Some(other.schema())), ..path })
            }
            _ => None,
        }
    })
}

/// Resolves a name as it stands in a path, a filter or a query parameter.
pub(crate) fn resolve(text: &str, kind: ResourceKind, dialect: &mut Dialect) -> Result<Resolved, Unresolved> {
    let Some((schema, rest)) = split_urn(text, kind, dialect)? else {
        let (name, sub) = split_sub(text)?;
        let path = match schema::attribute(kind, name) {
            Some(root) => AttrPath::new(None, root),
            None => {
                let extension = schema::extension(kind).ok_or(Unresolved::Attribute)?;
                let root = schema::find(extension.attributes, name).ok_or(Unresolved::Attribute)?;
                if !dialect.bend(Rule::UnqualifiedExtensionAttrs) {
                    return Err(Unresolved::Attribute);
                }
                AttrPath::new(Some(extension.urn), root)
            }
        };
        return with_sub(path, sub);
    };
    if rest.is_empty() {
        return Ok(Resolved::Schema(schema));
    }
    let (name, sub) = split_sub(rest)?;
    let path = if schema.urn == kind.schema() {
        AttrPath::new(None, schema::attribute(kind, name).ok_or(Unresolved::Attribute)?)
    } else {
        let root = schema::find(schema.attributes, name).ok_or(Unresolved::Attribute)?;
        AttrPath::new(Some(schema.urn), root)
    };
    with_sub(path, sub)
}

/// Resolves a name inside a value path's brackets, or after them.
pub(crate) fn resolve_in(element: &'static Attribute, text: &str) -> Result<AttrPath, Unresolved> {
    if !is_name(text) {
        return Err(Unresolved::Malformed);
    }
    element.sub(text).map(|sub| AttrPath::new(None, sub)).ok_or(Unresolved::Attribute)
}

fn with_sub(path: AttrPath, sub: Option<&str>) -> Result<Resolved, Unresolved> {
    let path = match sub {
        Some(name) => path.with_sub(path.root.sub(name).ok_or(Unresolved::Attribute)?),
        None => path,
    };
    Ok(Resolved::Attribute(path))
}

fn split_sub(text: &str) -> Result<(&str, Option<&str>), Unresolved> {
    let (name, sub) = match text.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (text, None),
    };
    if is_name(name) && sub.is_none_or(is_name) { Ok((name, sub)) } else { Err(Unresolved::Malformed) }
}

/// ATTRNAME of RFC 7644 §3.10, with the `$` of `$ref`.
fn is_name(text: &str) -> bool {
    let text = text.strip_prefix('$').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// URNs that old senders use, longest first, and what they mean. The core ones mean whichever kind is asked.
const LEGACY: &[(&str, Option<&str>)] = &[
    ("urn:scim:schemas:extension:enterprise:2.0:User", Some(ENTERPRISE_USER)),
    ("urn:scim:schemas:extension:enterprise:1.0:User", Some(ENTERPRISE_USER)),
    ("urn:scim:schemas:extension:enterprise:2.0", Some(ENTERPRISE_USER)),
    ("urn:scim:schemas:extension:enterprise:1.0", Some(ENTERPRISE_USER)),
    ("urn:scim:schemas:core:2.0:User", Some(CORE_USER)),
    ("urn:scim:schemas:core:2.0:Group", Some(CORE_GROUP)),
    ("urn:scim:schemas:core:2.0", None),
    ("urn:scim:schemas:core:1.0", None),
];

/// The schema that a URN at the start of `text` names, and what follows it. The URN of another resource type
/// is as unknown as any other.
fn split_urn<'a>(
    text: &'a str,
    kind: ResourceKind,
    dialect: &mut Dialect,
) -> Result<Option<(&'static Schema, &'a str)>, Unresolved> {
    if !text.contains(':') {
        return Ok(None);
    }
    for schema in [Some(schema::core(kind)), schema::extension(kind)].into_iter().flatten() {
        if let Some(rest) = after_urn(text, schema.urn, dialect) {
            return Ok(Some((schema, rest)));
        }
    }
    for (old, urn) in LEGACY {
        let urn = urn.unwrap_or(kind.schema());
        let known = schema::core(kind).urn == urn || schema::extension(kind).is_some_and(|e| e.urn == urn);
        if let (true, Some(rest)) = (known, after_urn(text, old, dialect)) {
            let schema = schema::by_urn(urn).filter(|_| dialect.bend(Rule::LegacyUrns));
            return schema.map(|schema| Some((schema, rest))).ok_or(Unresolved::Schema);
        }
    }
    Err(Unresolved::Schema)
}

fn after_urn<'a>(text: &'a str, urn: &str, dialect: &mut Dialect) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(urn.len())?;
    if !head.eq_ignore_ascii_case(urn) {
        return None;
    }
    if rest.is_empty() {
        return Some(rest);
    }
    // Until 2018 Entra wrote `URN.attribute`.
    rest.strip_prefix(':').or_else(|| rest.strip_prefix('.').filter(|_| dialect.bend(Rule::LegacyUrns)))
}

/// The target of a PATCH operation: `attr`, `attr.sub`, `attr[filter]` or `attr[filter].sub`.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchPath {
    /// The attribute, with its sub-attribute.
    pub attr: AttrPath,
    /// Which elements of a multi-valued attribute; its paths are relative to one element.
    pub filter: Option<Filter>,
}

impl PatchPath {
    /// Parses a `path` that names an attribute.
    ///
    /// # Errors
    /// 400 `invalidPath`; a whole schema's URN is refused here too.
    pub fn parse(text: &str, kind: ResourceKind, rules: &Rules) -> Result<Self, ScimError> {
        match PatchTarget::parse(text, kind, &mut Dialect::new(rules)) {
            Ok(PatchTarget::Path(path)) => Ok(path),
            Ok(PatchTarget::Schema(_)) => Err(ScimError::invalid_path("The path names a whole schema.")),
            Err(error) => Err(error.into_path_error(text)),
        }
    }
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.filter {
            None => self.attr.fmt(f),
            Some(filter) => {
                write!(f, "{}[{filter}]", AttrPath::new(self.attr.schema, self.attr.root))?;
                self.attr.sub.map_or(Ok(()), |sub| write!(f, ".{sub}"))
            }
        }
    }
}

/// What a PATCH operation's path may name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PatchTarget {
    Schema(&'static Schema),
    Path(PatchPath),
}

/// Why a PATCH path is of no use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BadPath {
    Name(Unresolved),
    Filter(ScimError),
}

impl BadPath {
    pub(crate) fn into_path_error(self, text: &str) -> ScimError {
        // What stands in brackets may be a person's data.
        let text = excerpt(text.split('[').next().unwrap_or(text));
        match self {
            Self::Name(Unresolved::Malformed) => {
                ScimError::invalid_path(format!("The path \"{text}\" is malformed."))
            }
            Self::Name(Unresolved::Schema) => {
                ScimError::invalid_path(format!("The path \"{text}\" stands below an unknown schema."))
            }
            Self::Name(Unresolved::Attribute) => {
                ScimError::invalid_path(format!("The path \"{text}\" names no attribute."))
            }
            Self::Filter(error) => {
                ScimError::invalid_path(format!("The path \"{text}\" is malformed. {}", error.detail))
            }
        }
    }
}

impl PatchTarget {
    pub(crate) fn parse(text: &str, kind: ResourceKind, dialect: &mut Dialect) -> Result<Self, BadPath> {
        if text.len() > MAX_LENGTH {
            return Err(BadPath::Name(Unresolved::Malformed));
        }
        let text = text.trim();
        let Some(bracket) = text.find('[') else {
            return Ok(match resolve(text, kind, dialect).map_err(BadPath::Name)? {
                Resolved::Schema(schema) => Self::Schema(schema),
                Resolved::Attribute(attr) => Self::Path(PatchPath { attr, filter: None }),
            });
        };
        let (name, rest) = text.split_at(bracket);
        let Resolved::Attribute(attr) = resolve(name.trim_end(), kind, dialect).map_err(BadPath::Name)?
        else {
            return Err(BadPath::Name(Unresolved::Malformed));
        };
        if attr.sub.is_some() || !attr.root.multi_valued || !attr.root.is_complex() {
            return Err(BadPath::Filter(ScimError::invalid_path(
                "Only a multi-valued attribute has elements.",
            )));
        }
        let (filter, tail) = Parser::brackets(rest, kind, attr.root, dialect).map_err(BadPath::Filter)?;
        let attr = match tail {
            Some(sub) => attr.with_sub(resolve_in(attr.root, &sub).map_err(BadPath::Name)?.root),
            None => attr,
        };
        Ok(Self::Path(PatchPath { attr, filter: Some(filter) }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ScimType;

    fn user(text: &str) -> Result<String, ScimError> {
        PatchPath::parse(text, ResourceKind::User, &Rules::default()).map(|path| path.to_string())
    }

    #[test]
    fn spellings_of_the_same_path() {
        let department = format!("{ENTERPRISE_USER}:department");
        for (text, expected) in [
            ("USERNAME", "userName"),
            (" name.FAMILYNAME ", "name.familyName"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:name.familyName", "name.familyName"),
            ("URN:IETF:params:scim:schemas:core:2.0:user:USERNAME", "userName"),
            ("department", department.as_str()),
            (&department, &department),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department", &department),
            ("urn:scim:schemas:extension:enterprise:2.0:department", &department),
            ("urn:scim:schemas:extension:enterprise:1.0:User:department", &department),
            ("Emails[Type EQ \"work\"].VALUE", "emails[type eq \"work\"].value"),
            ("emails[type eq\"work\"]", "emails[type eq \"work\"]"),
            ("emails [type eq \"a]b\"]", "emails[type eq \"a]b\"]"),
        ] {
            assert_eq!(user(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_path() {
        for text in [
            "",
            ".",
            "name.",
            ".name",
            "name.a.b",
            "nope",
            "name.nope",
            "userName.value",
            "__proto__",
            "emails[",
            "emails[]",
            "emails[type eq \"work\"",
            "emails[type eq \"work\"]x",
            "emails[type eq \"work\"].",
            "emails[type eq \"work\"].nope",
            "emails[type eq \"work\"].value.x",
            "emails[type eq \"work\"][type eq \"work\"]",
            "emails[emails[type eq \"work\"]]",
            "emails.value[type eq \"work\"]",
            "name[givenName eq \"x\"]",
            "urn:example:2.0:User:tag",
            "urn:ietf:params:scim:schemas:core:2.0:Group:members",
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "a b",
        ] {
            assert_eq!(user(text).map_err(|e| e.scim_type), Err(Some(ScimType::InvalidPath)), "{text}");
        }
        assert!(user(&"a".repeat(MAX_LENGTH + 1)).is_err());
    }

    #[test]
    fn rules_off() {
        for (text, rule) in [
            ("department", Rule::UnqualifiedExtensionAttrs),
            ("urn:scim:schemas:core:1.0:userName", Rule::LegacyUrns),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department", Rule::LegacyUrns),
        ] {
            assert!(user(text).is_ok(), "{text}");
            let rules = Rules::default().without(rule);
            let error = PatchPath::parse(text, ResourceKind::User, &rules).unwrap_err();
            assert_eq!(error.scim_type, Some(ScimType::InvalidPath), "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,60}", kind in 0usize..2) {
            let _ = PatchPath::parse(&text, ResourceKind::ALL[kind], &Rules::default());
        }
    }
}
