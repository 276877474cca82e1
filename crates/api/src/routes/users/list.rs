//! `GET /v1/users?directory_id=`, the oldest first.

use actix_web::web::Data;
use rollcall_domain::ids::DirectoryId;

use crate::{
    State,
    cursor::{List, number_of},
    error::ApiResult,
    json,
    page::{Page, with_one_more},
    query::Query,
    views::user::{Managers, UserView},
};

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["directory_id", "after", "limit"])?;
    let limit = query.limit()?;
    let directory = query.parsed("directory_id", "an id of a directory (dir_…)", DirectoryId::parse)?;
    let after = query.after(List::Users)?.map_or(Ok(0), |place| number_of(&place))?;
    let users = state.store.users_after(directory.as_ref(), after, with_one_more(limit)).await?;
    let page = Page::cut(users, limit, List::Users, |(place, _)| place.to_string());
    let managers = Managers::load(&state, page.rows().iter().map(|(_, user)| user)).await?;
    let catalog = state.store.catalog();
    Ok(json::ok(&page.views(|(_, user)| UserView::new(&catalog, &managers, user))))
}
