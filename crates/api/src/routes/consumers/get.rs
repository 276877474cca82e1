//! `GET /v1/consumers/{name}`: where a consumer is.

use actix_web::web::{Data, Path};

use super::ConsumerView;
use crate::{
    State,
    error::{ApiError, ApiResult},
    json,
    query::NoQuery,
};

pub(crate) async fn get(state: Data<State>, name: Path<String>, _: NoQuery) -> ApiResult {
    let found = state.store.consumer(&name).await?.ok_or_else(|| ApiError::not_found("consumer"))?;
    Ok(json::ok(&ConsumerView::new(&state, &state.store.heads().await?, found)))
}
