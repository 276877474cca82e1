//! The core Group (RFC 7643 §4.2).

use super::{Attribute, CORE_GROUP, Mutability, Schema};

pub(super) static GROUP: Schema = Schema {
    urn: CORE_GROUP,
    name: "Group",
    description: "A group of people.",
    attributes: &[
        Attribute::string("displayName", "The group's name.").required(),
        Attribute::complex("members", MEMBERS, "Who belongs to the group.").many(),
    ],
};

static MEMBERS: &[Attribute] = &[
    Attribute::string("value", "The member's id.").exact().mutability(Mutability::Immutable),
    Attribute::reference("$ref", &["User", "Group"], "The member's URL.").mutability(Mutability::Immutable),
    Attribute::string("display", "The member's name.").mutability(Mutability::Immutable),
    Attribute::string("type", "The member's resource type.")
        .suggests(&["User", "Group"])
        .mutability(Mutability::Immutable),
];
