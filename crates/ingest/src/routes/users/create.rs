//! `POST /Users`: RFC 7644 §3.3.

use actix_web::http::StatusCode;
use rollcall_domain::Command;
use rollcall_scim::{ResourceKind, user_input_noting};

use crate::{
    answer::Answer,
    call::{Call, user_of},
    failure::Failure,
};

pub(crate) async fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let projection = call.projection(ResourceKind::User)?;
    let body = call.resource_body(ResourceKind::User).await?;
    let input = call.noting(|applied| user_input_noting(body, &call.rules, applied))?;
    let committed = call.write(Command::CreateUser { document: input.document }, 0).await?;
    let record = user_of(committed.reply)?;
    Ok(super::answer(call, StatusCode::CREATED, record, &projection))
}
