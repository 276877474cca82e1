//! `GET /v1/directories/{id}/requests/{request_id}`: one of its provider's requests whole, with what came of it.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::{DirectoryId, RequestId};
use rollcall_store::requests::RequestDetail;

use crate::{
    State,
    error::{ApiError, ApiResult},
    json,
    query::NoQuery,
    views::request::RequestReport,
};

/// At most so many events are shown, the first ones.
const EVENTS: u32 = 1_000;

pub(crate) async fn get_request(
    state: Data<State>,
    ids: Path<(DirectoryId, RequestId)>,
    _: NoQuery,
) -> ApiResult {
    let (directory, id) = ids.into_inner();
    let detail = find(&state, &directory, &id).await?;
    let events = state.store.events_of_request(&directory, &detail, EVENTS).await?;
    Ok(json::ok(&RequestReport::new(&detail, &events)))
}

/// The request of a directory.
pub(super) async fn find(state: &State, directory: &DirectoryId, id: &RequestId) -> ApiResult<RequestDetail> {
    super::find(state, directory)?;
    state.store.request(directory, id).await?.ok_or_else(|| ApiError::not_found("request"))
}
