//! `DELETE /v1/endpoints/{id}`: 204, with its backlog, dead letters and attempts.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::EndpointId;

use crate::{State, error::ApiResult, json, query::NoQuery};

pub(crate) async fn delete(state: Data<State>, id: Path<EndpointId>, _: NoQuery) -> ApiResult {
    super::find(&state, &id)?;
    state.store.delete_endpoint(&id).await?;
    Ok(json::no_content())
}
