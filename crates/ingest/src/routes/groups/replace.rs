//! `PUT /Groups/{id}`: RFC 7644 §3.5.1. It never creates.

use actix_web::http::StatusCode;
use rollcall_domain::Command;
use rollcall_scim::{ResourceKind, group_input_noting};

use crate::{answer::Answer, call::Call, failure::Failure};

pub(crate) async fn replace(call: &mut Call<'_>, id: &str) -> Result<Answer, Failure> {
    let (id, projection) = (super::id(id)?, call.projection(ResourceKind::Group)?);
    let body = call.resource_body(ResourceKind::Group).await?;
    let input = call.noting(|applied| group_input_noting(body, &call.rules, applied))?;
    let precondition = call.precondition();
    let command =
        Command::ReplaceGroup { id, document: input.document, members: input.members, precondition };
    let committed = call.write(command, super::members_up_to(call, &projection)).await?;
    let (record, members) = super::written(call, committed, &projection).await?;
    Ok(super::answer(call, StatusCode::OK, record, members, &projection))
}
