//! `GET /v1/events/{id}/trace`: from the request that caused the event to every attempt at every
//! endpoint, and what it waits for now. Endpoints that it does not go to are there too, with the reason.
//! Endpoints by id; `endpoint_id=` asks for one.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::{EndpointId, EventId};
use rollcall_store::clock;

use crate::{
    State,
    cursor::List,
    error::{ApiError, ApiResult},
    json,
    page::{Page, with_one_more},
    query::Query,
    views::trace::TraceView,
};

pub(crate) async fn trace(state: Data<State>, id: Path<EventId>, query: Query) -> ApiResult {
    let query = query.only(&["endpoint_id", "after", "limit"])?;
    let limit = query.limit()?;
    let only = query.parsed("endpoint_id", "an id of an endpoint (ep_…)", EndpointId::parse)?;
    let after = match query.after(List::Endpoints)? {
        Some(id) => Some(EndpointId::parse(&id).ok_or_else(ApiError::invalid_cursor)?),
        None => None,
    };
    let found = state.store.trace(&id, only, after, with_one_more(limit) as usize).await?;
    let found = found.ok_or_else(|| ApiError::not_found("event"))?;
    let page = Page::cut(found.at, limit, List::Endpoints, |at| at.endpoint.id.to_string());
    Ok(json::ok(&TraceView::new(&found.event, &page, clock::now())))
}
