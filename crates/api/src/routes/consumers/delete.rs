//! `DELETE /v1/consumers/{name}`: 204. Its place is forgotten.

use actix_web::web::{Data, Path};

use crate::{State, error::ApiResult, json, query::NoQuery};

pub(crate) async fn delete(state: Data<State>, name: Path<String>, _: NoQuery) -> ApiResult {
    state.store.delete_consumer(&name).await?;
    Ok(json::no_content())
}
