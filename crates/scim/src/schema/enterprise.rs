//! The Enterprise User extension (RFC 7643 §4.3).

use super::{Attribute, ENTERPRISE_USER, Schema};

pub(super) static ENTERPRISE: Schema = Schema {
    urn: ENTERPRISE_USER,
    name: "EnterpriseUser",
    description: "Attributes of a person who works for an organization.",
    attributes: &[
        Attribute::string("employeeNumber", "The number by which the organization knows the person."),
        Attribute::string("costCenter", "The cost center."),
        Attribute::string("organization", "The organization."),
        Attribute::string("division", "The division."),
        Attribute::string("department", "The department."),
        Attribute::complex("manager", MANAGER, "The person's manager."),
    ],
};

static MANAGER: &[Attribute] = &[
    Attribute::string("value", "The id of the manager's User resource.").exact(),
    Attribute::reference("$ref", &["User"], "The URL of the manager's User resource."),
    Attribute::string("displayName", "The manager's name.").read_only(),
];
