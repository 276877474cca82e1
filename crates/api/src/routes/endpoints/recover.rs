//! `POST /v1/endpoints/{id}/recover`: sends the endpoint's dead letters again, the oldest of them
//! first and at most 1,000 at a call: 202 `{"requested":n,"more":bool}`.

use actix_web::web::{Data, Path};
use rollcall_domain::{delivery::DeliveryStatus, ids::EndpointId};
use rollcall_store::ledger::{DeliveryQuery, ManualSendWhat};
use serde::Serialize;

use crate::{
    State,
    body::{NoFields, OptionalBody},
    error::ApiResult,
    json,
    query::NoQuery,
};

/// At most so many dead letters at a call.
const MAX: u32 = 1_000;

#[derive(Serialize)]
struct Recovering {
    requested: usize,
    /// Whether there may be more: call again when these are delivered.
    more: bool,
}

pub(crate) async fn recover(
    state: Data<State>,
    id: Path<EndpointId>,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    super::find(&state, &id)?;
    let query = DeliveryQuery {
        endpoint_id: Some(id.clone()),
        status: Some(DeliveryStatus::Dead),
        limit: MAX,
        ..DeliveryQuery::default()
    };
    let dead = state.store.deliveries(query).await?;
    // They are listed with the newest first, and are asked for in the order of the log.
    for delivery in dead.iter().rev() {
        let what = ManualSendWhat::Event { shard: delivery.id.shard, position: delivery.id.position };
        state.store.request_manual_send(&id, what).await?;
    }
    Ok(json::accepted(&Recovering { requested: dead.len(), more: dead.len() == MAX as usize }))
}
