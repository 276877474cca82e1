//! `GET /v1/directories/{id}`: the directory with what may be known of its tokens.

use actix_web::web::{Data, Path};
use rollcall_domain::{directory::Token, ids::DirectoryId};
use serde::Serialize;

use crate::{
    State,
    error::ApiResult,
    json,
    query::NoQuery,
    views::directory::{DirectoryView, tokens},
};

#[derive(Serialize)]
struct DirectoryReport<'a> {
    #[serde(flatten)]
    directory: DirectoryView<'a>,
    tokens: Vec<Token>,
}

pub(crate) async fn get(state: Data<State>, id: Path<DirectoryId>, _: NoQuery) -> ApiResult {
    let entry = super::find(&state, &id)?;
    Ok(json::ok(&DirectoryReport {
        directory: DirectoryView::new(&state, &entry.directory),
        tokens: tokens(&state.store, &entry.tokens),
    }))
}
