//! `POST /v1/directories/{id}/disable`: SCIM requests are refused, what is in it stays.

use actix_web::{
    HttpRequest,
    web::{Data, Path},
};
use rollcall_domain::{Command, ids::DirectoryId};

use crate::{
    State,
    body::{NoFields, OptionalBody},
    error::ApiResult,
    query::NoQuery,
};

pub(crate) async fn disable(
    state: Data<State>,
    id: Path<DirectoryId>,
    request: HttpRequest,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    super::change_state(&state, id.into_inner(), Command::DeactivateDirectory, &request).await
}
