//! `GET /Users/{id}`: RFC 7644 §3.4.1, §3.14.

use actix_web::http::StatusCode;
use rollcall_scim::ResourceKind;

use crate::{answer::Answer, call::Call, etag, failure::Failure};

pub(crate) async fn get(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let projection = call.projection(ResourceKind::User)?;
    let found = call.store().user(call.directory(), &super::id(id)?).await?;
    let record = found.ok_or(Failure::NoSuchResource)?;
    if call.is_known_to_client(record.version) {
        return Ok(Answer::empty(StatusCode::NOT_MODIFIED).etag(&etag::of_version(record.version)));
    }
    Ok(super::answer(call, StatusCode::OK, record, &projection))
}
