//! `GET /Users`: RFC 7644 §3.4.2.

use actix_web::http::StatusCode;
use rollcall_scim::{ListQuery, ResourceKind, list_response};
use serde_json::Value;

use crate::{answer::Answer, call::Call, failure::Failure, represent};

pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    let query = call.list_query(ResourceKind::User)?;
    page(call, query).await
}

/// A page of users, however it was asked for.
pub(super) async fn page(call: &Call<'_>, query: ListQuery) -> Result<Answer, Failure> {
    let start_index = query.start_index;
    let (resources, total) = find(call, query).await?;
    Ok(Answer::json(StatusCode::OK, &list_response(resources, total, start_index)))
}

/// The users of a page, and how many match in all.
pub(in crate::routes) async fn find(call: &Call<'_>, query: ListQuery) -> Result<(Vec<Value>, u64), Failure> {
    let projection = query.projection.clone();
    let page = call.store().list_users(call.directory(), query).await?;
    let base = call.base();
    let resources = page.resources.into_iter();
    let resources = resources.map(|record| Value::Object(represent::user(&base, record, &projection)));
    Ok((resources.collect(), page.total))
}
