//! `GET /v1/directories?organization_id=`, the oldest first.

use actix_web::web::Data;
use rollcall_domain::ids::OrganizationId;

use crate::{
    State, cursor::List, error::ApiResult, json, page::Page, query::Query, views::directory::DirectoryView,
};

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["organization_id", "after", "limit"])?;
    let organization =
        query.parsed("organization_id", "an id of an organization (org_…)", OrganizationId::parse)?;
    let after = query.after(List::Directories)?;
    let catalog = state.store.catalog();
    let matching = catalog
        .directories
        .values()
        .map(|entry| &*entry.directory)
        .filter(|directory| organization.as_ref().is_none_or(|id| *id == directory.organization_id))
        .collect();
    let page = Page::of_all(matching, after.as_deref(), query.limit()?, List::Directories, |d| d.id.as_str());
    Ok(json::ok(&page.map(|directory| DirectoryView::new(&state, directory))))
}
