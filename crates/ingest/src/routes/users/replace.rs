//! `PUT /Users/{id}`: RFC 7644 §3.5.1. It never creates.

use actix_web::http::StatusCode;
use rollcall_domain::Command;
use rollcall_scim::{ResourceKind, user_input_noting};

use crate::{
    answer::Answer,
    call::{Call, user_of},
    failure::Failure,
};

pub(crate) async fn replace(call: &mut Call<'_>, id: &str) -> Result<Answer, Failure> {
    let (id, projection) = (super::id(id)?, call.projection(ResourceKind::User)?);
    let body = call.resource_body(ResourceKind::User).await?;
    let input = call.noting(|applied| user_input_noting(body, &call.rules, applied))?;
    let precondition = call.precondition();
    let (document, active_given) = (input.document, input.active_given);
    let committed = call.write(Command::ReplaceUser { id, document, active_given, precondition }, 0).await?;
    Ok(super::answer(call, StatusCode::OK, user_of(committed.reply)?, &projection))
}
