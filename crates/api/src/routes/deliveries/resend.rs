//! `POST /v1/deliveries/{id}/resend`: 202. The event is sent to the endpoint again, outside the
//! order of its events, with the same `webhook-id`.

use actix_web::web::{Data, Path};
use rollcall_store::ledger::ManualSendWhat;

use crate::{
    State,
    body::{NoFields, OptionalBody},
    error::ApiResult,
    json,
    query::NoQuery,
    views::delivery::DeliveryView,
};

pub(crate) async fn resend(
    state: Data<State>,
    id: Path<String>,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    let (delivery, _) = super::find(&state, &id).await?;
    let what = ManualSendWhat::Event { shard: delivery.id.shard, position: delivery.id.position };
    state.store.request_manual_send(&delivery.id.endpoint_id, what).await?;
    Ok(json::accepted(&DeliveryView::from(&delivery)))
}
