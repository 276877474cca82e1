//! `DELETE /v1/directories/{id}/tokens/{token_id}`: 204. The token stops at once.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::{DirectoryId, TokenId};

use crate::{State, error::ApiResult, json, query::NoQuery};

pub(crate) async fn delete_token(
    state: Data<State>,
    ids: Path<(DirectoryId, TokenId)>,
    _: NoQuery,
) -> ApiResult {
    let (directory, token) = ids.into_inner();
    super::find(&state, &directory)?;
    state.store.delete_token(&directory, &token).await?;
    Ok(json::no_content())
}
