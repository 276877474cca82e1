//! Groups: one operation per file, and here what they share.
//!
//! The cost of a request must not depend on a group's size unless its answer does. So members are read only
//! where they are wanted, the writer returns them only while they are few, and the members of a larger group
//! are read beside the writer, after the commit.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod patch;
pub(super) mod replace;

use actix_web::http::StatusCode;
use rollcall_domain::{
    ids::GroupId,
    record::{GroupRecord, MemberRecord},
};
use rollcall_scim::{Projection, ResourceKind};

use crate::{
    answer::Answer,
    call::{Call, Carried, group_of},
    etag,
    failure::Failure,
    represent,
};

/// The id in the URL. One that cannot be ours is one that nobody has.
pub(super) fn id(text: &str) -> Result<GroupId, Failure> {
    GroupId::parse(text).ok_or(Failure::NoSuchResource)
}

/// How many members the writer is to return.
fn members_up_to(call: &Call<'_>, projection: &Projection) -> u64 {
    if projection.wants("members") { call.state.settings.members_in_answer } else { 0 }
}

/// What a write left behind, with the members if they are wanted.
///
/// # Errors
/// Those of the read that a larger group needs. The write stands all the same, and may be repeated.
async fn written(
    call: &Call<'_>,
    carried: Carried,
    projection: &Projection,
) -> Result<(GroupRecord, Option<Vec<MemberRecord>>), Failure> {
    let record = group_of(carried.reply)?;
    let told = carried.members.is_some() || call.is_preview();
    if !projection.wants("members") || record.member_count == 0 || told {
        return Ok((record, carried.members));
    }
    let found = call.store().group_with_members(call.directory(), &record.id).await?;
    // Somebody may have deleted it since.
    Ok(found.map_or((record, None), |(record, members)| (record, Some(members))))
}

/// The group, with its tag and its URL (RFC 7644 §3.1).
fn answer(
    call: &Call<'_>,
    status: StatusCode,
    record: GroupRecord,
    members: Option<Vec<MemberRecord>>,
    projection: &Projection,
) -> Answer {
    let (base, tag) = (call.base(), etag::of_version(record.version));
    let url = represent::location(&base, ResourceKind::Group, record.id.as_str());
    let body = represent::group(&base, record, members, projection);
    Answer::json(status, &body).etag(&tag).location(&url)
}
