//! `PUT /Users/{id}`: RFC 7644 §3.5.1. It never creates.

use actix_web::http::StatusCode;
use rollcall_scim::ResourceKind;

use crate::{
    answer::Answer,
    call::{Call, user_of},
    failure::Failure,
    routes::command,
};

pub(crate) async fn replace(call: &mut Call<'_>, id: &str) -> Result<Answer, Failure> {
    // Before the body is read: whom nobody has is not replaced by anything.
    super::id(id)?;
    let projection = call.projection(ResourceKind::User)?;
    let body = call.resource_body(ResourceKind::User).await?;
    let command = command::replace(call, ResourceKind::User, id, body, call.precondition())?;
    let committed = call.write(command, 0).await?;
    Ok(super::answer(call, StatusCode::OK, user_of(committed.reply)?, &projection))
}
