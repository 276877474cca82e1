//! `DELETE /v1/directories/{id}`: 204. It is gone at once, with one event.

use actix_web::{
    HttpRequest,
    web::{Data, Path},
};
use rollcall_domain::{Command, ids::DirectoryId};

use crate::{State, error::ApiResult, json, query::NoQuery};

pub(crate) async fn delete(
    state: Data<State>,
    id: Path<DirectoryId>,
    request: HttpRequest,
    _: NoQuery,
) -> ApiResult {
    super::change(&state, id.into_inner(), Command::DeleteDirectory, &request, "DELETE").await?;
    Ok(json::no_content())
}
