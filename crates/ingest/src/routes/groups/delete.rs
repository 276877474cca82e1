//! `DELETE /Groups/{id}`: RFC 7644 §3.6.

use actix_web::http::StatusCode;
use rollcall_domain::Command;

use crate::{answer::Answer, call::Call, failure::Failure};

pub(crate) async fn delete(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let (id, precondition) = (super::id(id)?, call.precondition());
    call.write(Command::DeleteGroup { id, precondition }, 0).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
