//! `GET /v1/groups?directory_id=`, the oldest first.

use actix_web::web::Data;
use rollcall_domain::ids::{DirectoryId, GroupId};

use crate::{
    State,
    cursor::List,
    error::{ApiError, ApiResult},
    json,
    page::{Page, with_one_more},
    query::Query,
    views::group::GroupView,
};

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["directory_id", "after", "limit"])?;
    let limit = query.limit()?;
    let directory = query.parsed("directory_id", "an id of a directory (dir_…)", DirectoryId::parse)?;
    let after = match query.after(List::Groups)? {
        Some(id) => Some(GroupId::parse(&id).ok_or_else(ApiError::invalid_cursor)?),
        None => None,
    };
    let groups = state.store.groups_after(directory.as_ref(), after.as_ref(), with_one_more(limit)).await?;
    let page = Page::cut(groups, limit, List::Groups, |(_, group)| group.id.to_string());
    let catalog = state.store.catalog();
    Ok(json::ok(&page.views(|group| GroupView::new(&catalog, group))))
}
