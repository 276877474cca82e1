//! `GET /v1/events/{id}`: the event's body as it was stored.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::EventId;

use crate::{
    State,
    error::{ApiError, ApiResult},
    json,
    query::NoQuery,
};

pub(crate) async fn get(state: Data<State>, id: Path<EventId>, _: NoQuery) -> ApiResult {
    let event = state.store.event(&id).await?.ok_or_else(|| ApiError::not_found("event"))?;
    Ok(json::verbatim(event.body.clone()))
}
