//! `GET /v1/deliveries?endpoint_id=&event_id=&status=`, the newest event first.

use actix_web::web::Data;
use rollcall_domain::{
    delivery::{DeliveryId, DeliveryStatus},
    ids::{EndpointId, EventId},
};
use rollcall_store::ledger::DeliveryQuery;

use crate::{
    State,
    cursor::List,
    error::{ApiError, ApiResult},
    json,
    page::{Page, with_one_more},
    query::Query,
    views::delivery::DeliveryView,
};

const STATUSES: &str = "one of pending, delivering, delivered, retrying, parked, dead, discarded";

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["endpoint_id", "event_id", "status", "after", "limit"])?;
    let limit = query.limit()?;
    let after = match query.after(List::Deliveries)? {
        Some(id) => Some(DeliveryId::parse(&id).ok_or_else(ApiError::invalid_cursor)?),
        None => None,
    };
    let deliveries = state
        .store
        .deliveries(DeliveryQuery {
            endpoint_id: query.parsed("endpoint_id", "an id of an endpoint (ep_…)", EndpointId::parse)?,
            event_id: query.parsed("event_id", "an id of an event (evt_…)", EventId::parse)?,
            status: query.parsed("status", STATUSES, DeliveryStatus::parse)?,
            after,
            limit: with_one_more(limit),
        })
        .await?;
    let page = Page::cut(deliveries, limit, List::Deliveries, |delivery| delivery.id.to_string());
    Ok(json::ok(&page.views(DeliveryView::from)))
}
