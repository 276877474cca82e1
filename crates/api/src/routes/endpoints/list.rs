//! `GET /v1/endpoints`, the oldest first, without how they fare.

use actix_web::web::Data;

use crate::{
    State, cursor::List, error::ApiResult, json, page::Page, query::Query, views::endpoint::EndpointView,
};

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["after", "limit"])?;
    let after = query.after(List::Endpoints)?;
    let catalog = state.store.catalog();
    let all = catalog.endpoints.values().map(|entry| &*entry.endpoint).collect();
    let page = Page::of_all(all, after.as_deref(), query.limit()?, List::Endpoints, |e| e.id.as_str());
    Ok(json::ok(&page.map(EndpointView::from)))
}
