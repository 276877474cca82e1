//! `GET /v1/replays?endpoint_id=`, the newest first.

use actix_web::web::Data;
use rollcall_domain::ids::{EndpointId, ReplayId};

use crate::{
    State,
    cursor::List,
    error::{ApiError, ApiResult},
    json,
    page::{Page, with_one_more},
    query::Query,
    views::replay::ReplayView,
};

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["endpoint_id", "after", "limit"])?;
    let limit = query.limit()?;
    let before = match query.after(List::Replays)? {
        Some(id) => Some(ReplayId::parse(&id).ok_or_else(ApiError::invalid_cursor)?),
        None => None,
    };
    let endpoint = query.parsed("endpoint_id", "an id of an endpoint (ep_…)", EndpointId::parse)?;
    let found = state.store.replays(endpoint, before, with_one_more(limit)).await?;
    let page = Page::cut(found, limit, List::Replays, |report| report.replay.id.to_string());
    Ok(json::ok(&page.views(ReplayView::from)))
}
