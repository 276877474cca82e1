//! The one table of attributes: RFC 7643 §4, §7 and §8.7.
//!
//! Filter, PATCH, validation, projection, sorting and discovery all read these statics, so that what is
//! advertised is what is implemented, and each case rule is written once. Lookup ignores case and answers
//! with the canonical name (RFC 7643 §2.1).

mod attribute;
mod common;
mod enterprise;
mod group;
mod user;

pub use attribute::{Attribute, DataType, Mutability, Returned, Uniqueness};

use crate::kind::ResourceKind;

/// URN of the core User schema.
pub const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URN of the Enterprise User extension.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// URN of the core Group schema.
pub const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URN of a PATCH body.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// URN of a list.
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// URN of an error body.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// URN of a bulk request.
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// URN of the answer to a bulk request.
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// URN of a `.search` body.
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// A schema: a URN and its attributes, in canonical order.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    /// The URN, which is also the schema's `id`.
    pub urn: &'static str,
    /// A short name.
    pub name: &'static str,
    /// For a person.
    pub description: &'static str,
    /// The attributes, in the order they are written.
    pub attributes: &'static [Attribute],
}

/// Every schema that is served, in the order it is advertised.
pub static SCHEMAS: [&Schema; 3] = [&user::USER, &enterprise::ENTERPRISE, &group::GROUP];

/// The attributes every resource has: `schemas`, `id`, `externalId`, `meta` (RFC 7643 §3.1).
pub static COMMON: &[Attribute] = common::COMMON;

/// The core schema of a kind.
#[must_use]
pub fn core(kind: ResourceKind) -> &'static Schema {
    match kind {
        ResourceKind::User => &user::USER,
        ResourceKind::Group => &group::GROUP,
    }
}

/// The extension of a kind, if it has one.
#[must_use]
pub fn extension(kind: ResourceKind) -> Option<&'static Schema> {
    match kind {
        ResourceKind::User => Some(&enterprise::ENTERPRISE),
        ResourceKind::Group => None,
    }
}

/// The schema with this URN, in any case.
#[must_use]
pub fn by_urn(urn: &str) -> Option<&'static Schema> {
    SCHEMAS.iter().copied().find(|schema| schema.urn.eq_ignore_ascii_case(urn))
}

/// A top-level attribute of a kind, common attributes included, by its name in any case.
#[must_use]
pub fn attribute(kind: ResourceKind, name: &str) -> Option<&'static Attribute> {
    find(core(kind).attributes, name).or_else(|| find(COMMON, name))
}

/// An attribute of a kind's extension, by its name in any case.
#[must_use]
pub fn extension_attribute(kind: ResourceKind, name: &str) -> Option<&'static Attribute> {
    find(extension(kind)?.attributes, name)
}

/// An attribute among these, by its name in any case.
#[must_use]
pub fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup_ignores_case_and_answers_canonically() {
        assert_eq!(attribute(ResourceKind::User, "USERNAME").map(|a| a.name), Some("userName"));
        assert_eq!(attribute(ResourceKind::Group, "Members").map(|a| a.name), Some("members"));
        assert_eq!(attribute(ResourceKind::User, "EXTERNALID").map(|a| a.name), Some("externalId"));
        assert_eq!(attribute(ResourceKind::User, "department"), None);
        assert_eq!(extension_attribute(ResourceKind::User, "DEPARTMENT").map(|a| a.name), Some("department"));
        assert_eq!(extension_attribute(ResourceKind::Group, "department"), None);
        assert_eq!(by_urn(&CORE_USER.to_uppercase()).map(|s| s.urn), Some(CORE_USER));
    }

    #[test]
    fn only_complex_attributes_have_sub_attributes_and_never_two_levels() {
        for schema in SCHEMAS {
            for attribute in schema.attributes {
                assert_eq!(
                    attribute.data_type == DataType::Complex,
                    !attribute.sub_attributes.is_empty(),
                    "{}",
                    attribute.name
                );
                for sub in attribute.sub_attributes {
                    assert_ne!(sub.data_type, DataType::Complex, "{}.{}", attribute.name, sub.name);
                }
            }
        }
    }

    #[test]
    fn the_case_rules_of_the_keys() {
        let exact = |name| attribute(ResourceKind::User, name).map(|a| a.case_exact);
        assert_eq!(exact("id"), Some(true));
        assert_eq!(exact("externalId"), Some(true));
        assert_eq!(exact("userName"), Some(false));
        assert_eq!(exact("displayName"), Some(false));
    }
}
