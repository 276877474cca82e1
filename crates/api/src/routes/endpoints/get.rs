//! `GET /v1/endpoints/{id}`: the endpoint and how it fares.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::EndpointId;
use rollcall_store::clock;

use crate::{State, error::ApiResult, json, query::NoQuery, views::endpoint::EndpointReport};

pub(crate) async fn get(state: Data<State>, id: Path<EndpointId>, _: NoQuery) -> ApiResult {
    let endpoint = super::find(&state, &id)?;
    let (lag, failing_since) = state.store.lag(&id).await?;
    Ok(json::ok(&EndpointReport::new(&endpoint, lag, failing_since, clock::now())))
}
