//! `POST /v1/endpoints/{id}/recover`: sends the endpoint's dead letters again, the oldest of them
//! first and at most 1,000 at a call, without those that are about to be: 202 `{"requested":n,"more":bool}`.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::EndpointId;
use rollcall_store::ledger::ManualSendWhat;
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
    /// Whether there may be more: call again.
    more: bool,
}

pub(crate) async fn recover(
    state: Data<State>,
    id: Path<EndpointId>,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    super::find(&state, &id)?;
    // In the order of the log, and without those that were asked for before.
    let dead = state.store.dead_letters_to_recover(&id, MAX).await?;
    for delivery in &dead {
        let what = ManualSendWhat::Event { shard: delivery.shard, position: delivery.position };
        state.store.request_manual_send(&id, what).await?;
    }
    Ok(json::accepted(&Recovering { requested: dead.len(), more: dead.len() == MAX as usize }))
}
