//! `PATCH /Users/{id}`: RFC 7644 §3.5.2. Always answered with the user.

use actix_web::http::StatusCode;
use rollcall_domain::Command;
use rollcall_scim::{ResourceKind, patch_request_noting};

use crate::{
    answer::Answer,
    call::{Call, user_of},
    failure::Failure,
};

pub(crate) async fn patch(call: &mut Call<'_>, id: &str) -> Result<Answer, Failure> {
    let (id, projection) = (super::id(id)?, call.projection(ResourceKind::User)?);
    let body = call.resource_body(ResourceKind::User).await?;
    let patch =
        call.noting(|applied| patch_request_noting(ResourceKind::User, body, &call.rules, applied))?;
    let precondition = call.precondition();
    let committed = call.write(Command::PatchUser { id, patch, precondition }, 0).await?;
    Ok(super::answer(call, StatusCode::OK, user_of(committed.reply)?, &projection))
}
