//! The attributes that every resource has (RFC 7643 §3.1). They stand in no schema document.

use super::{Attribute, Returned};

pub(super) static COMMON: &[Attribute] = &[
    Attribute::string("schemas", "URNs of the schemas that this resource uses.")
        .many()
        .returned(Returned::Always),
    Attribute::string("id", "The identifier given by this server.")
        .exact()
        .read_only()
        .returned(Returned::Always)
        .unique(),
    Attribute::string("externalId", "The identifier given by the provisioning client.").exact(),
    Attribute::complex("meta", META, "Facts about the resource itself.").read_only(),
];

static META: &[Attribute] = &[
    Attribute::string("resourceType", "The resource type's name.").exact().read_only(),
    Attribute::date_time("created", "When the resource was created.").read_only(),
    Attribute::date_time("lastModified", "When the resource last changed.").read_only(),
    Attribute::reference("location", &["uri"], "The resource's URL.").read_only(),
    Attribute::string("version", "The entity tag.").exact().read_only(),
];
