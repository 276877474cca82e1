//! `GET /v1/deliveries?endpoint_id=&event_id=&status=`, the newest event first.

use actix_web::web::Data;
use rollcall_domain::{
    delivery::{DeliveryId, DeliveryStatus},
    ids::{EndpointId, EventId},
};
use rollcall_store::ledger::{Delivery, DeliveryQuery};

use crate::{
    State,
    cursor::List,
    error::{ApiError, ApiResult},
    json,
    page::{Page, gather, with_one_more},
    query::Query,
    views::delivery::DeliveryView,
};

const STATUSES: &str = "one of pending, delivering, delivered, retrying, parked, dead, discarded";

/// The store passes over so much at a time; so many times it is asked before the page is a short one.
const LOOKS: u32 = 4;

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["endpoint_id", "event_id", "status", "after", "limit"])?;
    let limit = query.limit()?;
    let after = match query.after(List::Deliveries)? {
        Some(id) => Some(DeliveryId::parse(&id).ok_or_else(ApiError::invalid_cursor)?),
        None => None,
    };
    let narrowed = DeliveryQuery {
        endpoint_id: query.parsed("endpoint_id", "an id of an endpoint (ep_…)", EndpointId::parse)?,
        event_id: query.parsed("event_id", "an id of an event (evt_…)", EventId::parse)?,
        status: query.parsed("status", STATUSES, DeliveryStatus::parse)?,
        ..DeliveryQuery::default()
    };
    let wanted = with_one_more(limit);
    let (deliveries, ended) = gather(wanted, LOOKS, async |last: Option<&Delivery>, limit| {
        let after = last.map(|last| last.id.clone()).or_else(|| after.clone());
        state.store.deliveries(DeliveryQuery { after, limit, ..narrowed.clone() }).await
    })
    .await?;
    let place = |delivery: &Delivery| delivery.id.to_string();
    let page = if ended || deliveries.len() >= wanted as usize {
        Page::cut(deliveries, limit, List::Deliveries, place)
    } else {
        Page::unfinished(deliveries, List::Deliveries, place)
    };
    Ok(json::ok(&page.views(DeliveryView::from)))
}
