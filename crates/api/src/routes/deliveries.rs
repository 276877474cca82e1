//! Deliveries: one event on its way to one endpoint.

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod resend;

use rollcall_domain::delivery::{Attempt, DeliveryId};
use rollcall_store::ledger::Delivery;

use crate::{
    State,
    error::{ApiError, ApiResult},
};

/// The delivery of this id, with its attempts.
async fn find(state: &State, id: &str) -> ApiResult<(Delivery, Vec<Attempt>)> {
    let not_found = || ApiError::not_found("delivery");
    let id = DeliveryId::parse(id).ok_or_else(not_found)?;
    state.store.delivery(&id).await?.ok_or_else(not_found)
}
