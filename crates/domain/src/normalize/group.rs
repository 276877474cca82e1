//! A group as applications see it.

use jiff::Timestamp;
use rollcall_scim::document::Document;
use serde::Serialize;
use serde_json::{Map, Value};

use super::given;
use crate::{
    ids::GroupId,
    record::{GroupRecord, GroupSummary},
    timestamp,
};

/// The normalized group, without its members: they may be many, and have events of their own.
#[derive(Debug, Serialize)]
pub struct GroupProjection<'a> {
    /// `grp_…`
    pub id: &'a str,
    /// SCIM `externalId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    /// SCIM `displayName`.
    pub display_name: &'a str,
    /// Attributes that the directory maps to names of the application's choice; none yet.
    pub custom_attributes: Map<String, Value>,
    /// The SCIM resource as stored; `None` leaves it out, for comparing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<&'a Document>,
    /// `meta.created`; absent in events.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    pub created_at: Option<Timestamp>,
    /// `meta.lastModified`; absent in events.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    pub updated_at: Option<Timestamp>,
}

impl<'a> GroupProjection<'a> {
    /// The `data` of the group's own events.
    pub fn in_event(group: &'a GroupRecord) -> Self {
        Self { raw: Some(&group.document), ..Self::comparable(&group.id, &group.document) }
    }

    /// What is compared to find the changes: everything but `raw` and the times.
    pub(crate) fn comparable(id: &'a GroupId, document: &'a Document) -> Self {
        Self {
            id: id.as_str(),
            external_id: given(document.external_id()),
            display_name: document.display_name().unwrap_or_default(),
            custom_attributes: Map::new(),
            raw: None,
            created_at: None,
            updated_at: None,
        }
    }
}

/// The group as `/v1` shows it:
/// `{"id","external_id","display_name","custom_attributes","raw","created_at","updated_at"}`.
pub fn group_projection(group: &GroupRecord) -> Value {
    super::to_value(&GroupProjection {
        created_at: Some(group.created_at),
        updated_at: Some(group.updated_at),
        ..GroupProjection::in_event(group)
    })
}

/// What membership events need to know of a group.
pub fn group_summary(group: &GroupRecord) -> GroupSummary {
    GroupSummary {
        id: group.id.clone(),
        external_id: given(group.document.external_id()).map(str::to_owned),
        display_name: group.document.display_name().unwrap_or_default().to_owned(),
        version: group.version,
        event_version: group.event_version,
        member_count: group.member_count,
    }
}

/// Which fields of the projection show a SCIM attribute, given with its URN if it is an extension's.
pub(crate) fn shown_by(urn: Option<&str>, attribute: &str) -> &'static [&'static str] {
    match (urn, attribute) {
        (None, "externalId") => &["external_id"],
        (None, "displayName") => &["display_name"],
        _ => &[],
    }
}
