//! A group: the normalized projection, with where it belongs. And a member of one.

use rollcall_domain::{
    ids::{DirectoryId, OrganizationId},
    normalize::group_projection,
    record::{GroupRecord, MemberKind, MemberRecord},
};
use rollcall_store::Catalog;
use serde::Serialize;

/// The group's fields without its members, and its directory and organization.
#[derive(Serialize)]
pub(crate) struct GroupView<'a> {
    #[serde(flatten)]
    group: serde_json::Value,
    member_count: u64,
    directory_id: &'a DirectoryId,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a OrganizationId>,
}

impl<'a> GroupView<'a> {
    pub(crate) fn new(catalog: &'a Catalog, (directory, group): &'a (DirectoryId, GroupRecord)) -> Self {
        Self {
            group: group_projection(group),
            member_count: group.member_count,
            directory_id: directory,
            organization_id: catalog.directories.get(directory).map(|entry| &entry.directory.organization_id),
        }
    }
}

/// A member: `type` is `user`, `group`, or `pending` for an id that names nobody here yet.
#[derive(Serialize)]
pub(crate) struct MemberView<'a> {
    r#type: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
}

impl<'a> From<&'a MemberRecord> for MemberView<'a> {
    fn from(member: &'a MemberRecord) -> Self {
        Self {
            r#type: match member.kind {
                MemberKind::User => "user",
                MemberKind::Group => "group",
                MemberKind::Pending => "pending",
            },
            id: &member.value,
            display_name: member.display.as_deref(),
        }
    }
}
