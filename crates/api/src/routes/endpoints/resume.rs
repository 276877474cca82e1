//! `POST /v1/endpoints/{id}/resume`: it is sent to again, from where it stopped and in order,
//! whether the owner paused it or it was disabled or quarantined. One that is active but failing is
//! tried at once.

use actix_web::web::{Data, Path};
use rollcall_domain::{endpoint::EndpointState, ids::EndpointId};
use rollcall_store::config_ops::EndpointPatch;

use crate::{
    State,
    body::{NoFields, OptionalBody},
    error::ApiResult,
    json,
    query::NoQuery,
    validate,
    views::endpoint::EndpointView,
};

pub(crate) async fn resume(
    state: Data<State>,
    id: Path<EndpointId>,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    // The policy may have changed since, and would only quarantine it again.
    let endpoint = super::find(&state, &id)?;
    validate::url(&state, &endpoint.url)?;
    let patch = EndpointPatch { state: Some((EndpointState::Active, None)), ..EndpointPatch::default() };
    // Of an active one too: the change is what the dispatcher hears, and it ends the wait of an
    // endpoint that it has stopped sending to.
    let endpoint = state.store.update_endpoint(&endpoint.id, patch).await?;
    state.store.dispatchers_follow().await;
    Ok(json::ok(&EndpointView::from(&endpoint)))
}
