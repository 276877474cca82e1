//! `GET /Groups/{id}`: RFC 7644 §3.4.1, §3.14.

use actix_web::http::StatusCode;
use rollcall_scim::ResourceKind;

use crate::{answer::Answer, call::Call, etag, failure::Failure};

pub(crate) async fn get(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let (id, projection) = (super::id(id)?, call.projection(ResourceKind::Group)?);
    let found = if projection.wants("members") {
        let found = call.store().group_with_members(call.directory(), &id).await?;
        found.map(|(record, members)| (record, Some(members)))
    } else {
        call.store().group(call.directory(), &id).await?.map(|record| (record, None))
    };
    let (record, members) = found.ok_or(Failure::NoSuchResource)?;
    if call.is_known_to_client(record.version) {
        return Ok(Answer::empty(StatusCode::NOT_MODIFIED).etag(&etag::of_version(record.version)));
    }
    Ok(super::answer(call, StatusCode::OK, record, members, &projection))
}
