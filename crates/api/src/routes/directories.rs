//! Directories and their tokens.

pub(crate) mod create;
pub(crate) mod create_token;
pub(crate) mod delete;
pub(crate) mod delete_token;
pub(crate) mod disable;
pub(crate) mod dry_run;
pub(crate) mod enable;
pub(crate) mod get;
pub(crate) mod get_request;
pub(crate) mod list;
pub(crate) mod list_requests;
pub(crate) mod list_tokens;
pub(crate) mod update;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use rollcall_domain::{Command, Reply, ids::DirectoryId};
use rollcall_store::{WriteRequest, catalog::DirectoryEntry};

use crate::{
    State,
    error::{ApiError, ApiResult},
    json,
    observe::request_id,
    views::directory::DirectoryView,
};

/// The directory of this id.
pub(crate) fn find(state: &State, id: &DirectoryId) -> ApiResult<Arc<DirectoryEntry>> {
    state.store.catalog().directories.get(id).cloned().ok_or_else(|| ApiError::not_found("directory"))
}

/// The directory that a field of a body names.
pub(crate) fn named(state: &State, field: &str, id: &str) -> ApiResult<DirectoryId> {
    DirectoryId::parse(id)
        .and_then(|id| find(state, &id).ok())
        .map(|entry| entry.directory.id.clone())
        .ok_or_else(|| ApiError::not_found("directory").at(field))
}

/// Carries out a change of the directory itself. It gives an event, so it goes through the log's writer.
async fn change(
    state: &State,
    directory_id: DirectoryId,
    command: Command,
    request: &HttpRequest,
    method: &'static str,
) -> ApiResult<Reply> {
    find(state, &directory_id)?;
    let request =
        WriteRequest { directory_id, command, request_id: request_id(request), method, members_up_to: 0 };
    Ok(state.store.write(request).await?.reply)
}

/// As [`change`], and answers with the directory.
async fn change_state(
    state: &State,
    id: DirectoryId,
    command: Command,
    request: &HttpRequest,
) -> ApiResult<HttpResponse> {
    match change(state, id.clone(), command, request, "POST").await? {
        Reply::Directory(directory) => Ok(json::ok(&DirectoryView::new(state, &directory))),
        _ => Ok(json::ok(&DirectoryView::new(state, &find(state, &id)?.directory))),
    }
}
