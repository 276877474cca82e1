//! `PATCH /Groups/{id}`: RFC 7644 §3.5.2. Answered with the group while it is small or where a selection was
//! asked for, with 204 beyond: adding one member must cost the same whatever the group's size.

use actix_web::http::StatusCode;
use rollcall_scim::{Projection, ResourceKind, Rule};

use crate::{
    answer::Answer,
    call::{Call, group_of},
    etag,
    failure::Failure,
    routes::command,
};

pub(crate) async fn patch(call: &mut Call<'_>, id: &str) -> Result<Answer, Failure> {
    super::id(id)?;
    let projection = call.projection(ResourceKind::Group)?;
    let body = call.resource_body(ResourceKind::Group).await?;
    let command = command::patch(call, ResourceKind::Group, id, body, call.precondition())?;
    let committed = call.write(command, super::members_up_to(call, &projection)).await?;
    let record = group_of(committed.reply.clone())?;
    if is_too_large(call, record.member_count, &projection) {
        call.note_rule(Rule::GroupPatch204);
        return Ok(Answer::empty(StatusCode::NO_CONTENT).etag(&etag::of_version(record.version)));
    }
    let (record, members) = super::written(call, committed, &projection).await?;
    Ok(super::answer(call, StatusCode::OK, record, members, &projection))
}

fn is_too_large(call: &Call<'_>, member_count: u64, projection: &Projection) -> bool {
    let limit = call.state.settings.members_in_answer;
    member_count > limit && !projection.is_selection() && call.rules.contains(Rule::GroupPatch204)
}
