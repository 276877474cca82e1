//! `DELETE /Users/{id}`: RFC 7644 §3.6.

use actix_web::http::StatusCode;
use rollcall_scim::ResourceKind;

use crate::{answer::Answer, call::Call, failure::Failure, routes::command};

pub(crate) async fn delete(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    call.write(command::delete(ResourceKind::User, id, call.precondition())?, 0).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
