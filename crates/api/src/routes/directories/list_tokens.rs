//! `GET /v1/directories/{id}/tokens`: what may be known of them, the oldest first.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::DirectoryId;

use crate::{
    State, cursor::List, error::ApiResult, json, page::Page, query::Query, views::directory::tokens,
};

pub(crate) async fn list_tokens(state: Data<State>, id: Path<DirectoryId>, query: Query) -> ApiResult {
    let query = query.only(&["after", "limit"])?;
    let after = query.after(List::Tokens)?;
    let entry = super::find(&state, &id)?;
    let tokens = tokens(&state.store, &entry.tokens);
    let page = Page::of_all(tokens, after.as_deref(), query.limit()?, List::Tokens, |t| t.id.as_str());
    Ok(json::ok(&page))
}
