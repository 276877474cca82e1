//! `PUT /Groups/{id}`: RFC 7644 §3.5.1. It never creates.

use actix_web::http::StatusCode;
use rollcall_scim::ResourceKind;

use crate::{answer::Answer, call::Call, failure::Failure, routes::command};

pub(crate) async fn replace(call: &mut Call<'_>, id: &str) -> Result<Answer, Failure> {
    super::id(id)?;
    let projection = call.projection(ResourceKind::Group)?;
    let body = call.resource_body(ResourceKind::Group).await?;
    let command = command::replace(call, ResourceKind::Group, id, body, call.precondition())?;
    let committed = call.write(command, super::members_up_to(call, &projection)).await?;
    let (record, members) = super::written(call, committed, &projection).await?;
    Ok(super::answer(call, StatusCode::OK, record, members, &projection))
}
