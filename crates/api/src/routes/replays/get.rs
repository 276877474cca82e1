//! `GET /v1/replays/{id}`: where a replay stands.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::ReplayId;

use crate::{State, error::ApiResult, json, query::NoQuery, views::replay::ReplayView};

pub(crate) async fn get(state: Data<State>, id: Path<ReplayId>, _: NoQuery) -> ApiResult {
    Ok(json::ok(&ReplayView::from(&super::find(&state, &id).await?)))
}
