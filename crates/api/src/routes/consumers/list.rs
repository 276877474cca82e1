//! `GET /v1/consumers`, by name.

use actix_web::web::Data;

use super::ConsumerView;
use crate::{
    State,
    cursor::List,
    error::ApiResult,
    json,
    page::{Page, with_one_more},
    query::Query,
};

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let query = query.only(&["after", "limit"])?;
    let limit = query.limit()?;
    let found = state.store.consumers(query.after(List::Consumers)?, with_one_more(limit)).await?;
    let heads = state.store.heads().await?;
    let page = Page::cut(found, limit, List::Consumers, |consumer| consumer.name.clone());
    Ok(json::ok(&page.map(|consumer| ConsumerView::new(&state, &heads, consumer))))
}
