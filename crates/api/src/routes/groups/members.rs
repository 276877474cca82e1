//! `GET /v1/groups/{id}/members`, in a stable order.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::GroupId;

use crate::{
    State,
    cursor::List,
    error::{ApiError, ApiResult},
    json,
    page::{Page, with_one_more},
    query::Query,
    views::group::MemberView,
};

pub(crate) async fn members(state: Data<State>, id: Path<GroupId>, query: Query) -> ApiResult {
    let query = query.only(&["after", "limit"])?;
    let limit = query.limit()?;
    let after = query.after(List::Members)?;
    if state.store.find_group(&id).await?.is_none() {
        return Err(ApiError::not_found("group"));
    }
    let members = state.store.members_after(&id, after.as_deref(), with_one_more(limit)).await?;
    let page = Page::cut(members, limit, List::Members, |member| member.value.clone());
    Ok(json::ok(&page.views(MemberView::from)))
}
