//! `POST /Users`: RFC 7644 §3.3.

use actix_web::http::StatusCode;
use rollcall_scim::ResourceKind;

use crate::{
    answer::Answer,
    call::{Call, user_of},
    failure::Failure,
    routes::command,
};

pub(crate) async fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let projection = call.projection(ResourceKind::User)?;
    let body = call.resource_body(ResourceKind::User).await?;
    let committed = call.write(command::create(call, ResourceKind::User, body)?, 0).await?;
    let record = user_of(committed.reply)?;
    Ok(super::answer(call, StatusCode::CREATED, record, &projection))
}
