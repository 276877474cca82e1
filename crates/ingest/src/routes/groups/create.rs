//! `POST /Groups`: RFC 7644 §3.3.

use actix_web::http::StatusCode;
use rollcall_domain::Command;
use rollcall_scim::{ResourceKind, group_input_noting};

use crate::{
    answer::Answer,
    call::{Call, group_of},
    failure::Failure,
};

pub(crate) async fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let projection = call.projection(ResourceKind::Group)?;
    let body = call.resource_body(ResourceKind::Group).await?;
    let input = call.noting(|applied| group_input_noting(body, &call.rules, applied))?;
    let command =
        Command::CreateGroup { document: input.document, members: input.members.unwrap_or_default() };
    let committed = call.write(command, super::members_up_to(call, &projection)).await?;
    let created = group_of(committed.reply.clone())?;
    // A second POST would make a second group, so this one is answered even where its members cannot be read.
    let (record, members) = super::written(call, committed, &projection).await.unwrap_or((created, None));
    Ok(super::answer(call, StatusCode::CREATED, record, members, &projection))
}
