//! `GET /v1/endpoints/{id}/lanes`: where the endpoint's deliveries stand in each shard of the log.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::EndpointId;
use rollcall_store::clock;

use crate::{State, error::ApiResult, json, query::NoQuery, views::trace::LanesView};

pub(crate) async fn lanes(state: Data<State>, id: Path<EndpointId>, _: NoQuery) -> ApiResult {
    super::find(&state, &id)?;
    let reports = state.store.lane_reports(&id).await?;
    Ok(json::ok(&LanesView::new(&reports, clock::now())))
}
