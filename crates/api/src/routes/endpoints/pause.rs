//! `POST /v1/endpoints/{id}/pause`: nothing is sent until it is resumed, and nothing is lost.

use actix_web::web::{Data, Path};
use rollcall_domain::{endpoint::EndpointState, ids::EndpointId};
use rollcall_store::config_ops::EndpointPatch;

use crate::{
    State,
    body::{NoFields, OptionalBody},
    error::ApiResult,
    json,
    query::NoQuery,
    views::endpoint::EndpointView,
};

pub(crate) async fn pause(
    state: Data<State>,
    id: Path<EndpointId>,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    let endpoint = super::find(&state, &id)?;
    let patch = EndpointPatch { state: Some((EndpointState::Paused, None)), ..EndpointPatch::default() };
    let endpoint = super::change(&state, endpoint, patch).await?;
    Ok(json::ok(&EndpointView::from(&*endpoint)))
}
