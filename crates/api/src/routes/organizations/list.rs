//! `GET /v1/organizations?external_id=`, the oldest first.

use actix_web::web::Data;

use crate::{State, cursor::List, error::ApiResult, json, page::Page, query::Query};

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["external_id", "after", "limit"])?;
    let external_id = query.one("external_id")?;
    let after = query.after(List::Organizations)?;
    let catalog = state.store.catalog();
    let matching = catalog
        .organizations
        .values()
        .filter(|organization| external_id.is_none_or(|id| organization.external_id.as_deref() == Some(id)))
        .collect();
    let page =
        Page::of_all(matching, after.as_deref(), query.limit()?, List::Organizations, |o| o.id.as_str());
    Ok(json::ok(&page.map(|organization| &**organization)))
}
