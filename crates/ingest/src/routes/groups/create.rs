//! `POST /Groups`: RFC 7644 §3.3.

use actix_web::http::StatusCode;
use rollcall_scim::ResourceKind;

use crate::{
    answer::Answer,
    call::{Call, group_of},
    failure::Failure,
    routes::command,
};

pub(crate) async fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let projection = call.projection(ResourceKind::Group)?;
    let body = call.resource_body(ResourceKind::Group).await?;
    let command = command::create(call, ResourceKind::Group, body)?;
    let committed = call.write(command, super::members_up_to(call, &projection)).await?;
    let created = group_of(committed.reply.clone())?;
    // A second POST would make a second group, so this one is answered even where its members cannot be read.
    let (record, members) = super::written(call, committed, &projection).await.unwrap_or((created, None));
    Ok(super::answer(call, StatusCode::CREATED, record, members, &projection))
}
