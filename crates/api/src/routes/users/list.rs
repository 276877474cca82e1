//! `GET /v1/users?directory_id=`, the oldest first.

use actix_web::web::Data;
use rollcall_domain::ids::{DirectoryId, UserId};

use crate::{
    State,
    cursor::List,
    error::{ApiError, ApiResult},
    json,
    page::{Page, with_one_more},
    query::Query,
    views::user::{Managers, UserView},
};

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["directory_id", "after", "limit"])?;
    let limit = query.limit()?;
    let directory = query.parsed("directory_id", "an id of a directory (dir_…)", DirectoryId::parse)?;
    let after = match query.after(List::Users)? {
        Some(id) => Some(UserId::parse(&id).ok_or_else(ApiError::invalid_cursor)?),
        None => None,
    };
    let users = state.store.users_after(directory.as_ref(), after.as_ref(), with_one_more(limit)).await?;
    let page = Page::cut(users, limit, List::Users, |(_, user)| user.id.to_string());
    let managers = Managers::load(&state, page.rows()).await?;
    let catalog = state.store.catalog();
    Ok(json::ok(&page.views(|user| UserView::new(&catalog, &managers, user))))
}
