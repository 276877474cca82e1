//! `GET /v1/groups/{id}`.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::GroupId;

use crate::{
    State,
    error::{ApiError, ApiResult},
    json,
    query::NoQuery,
    views::group::GroupView,
};

pub(crate) async fn get(state: Data<State>, id: Path<GroupId>, _: NoQuery) -> ApiResult {
    let group = state.store.find_group(&id).await?.ok_or_else(|| ApiError::not_found("group"))?;
    Ok(json::ok(&GroupView::new(&state.store.catalog(), &group)))
}
