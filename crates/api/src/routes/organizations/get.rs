//! `GET /v1/organizations/{id}`.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::OrganizationId;

use crate::{State, error::ApiResult, json, query::NoQuery};

pub(crate) async fn get(state: Data<State>, id: Path<OrganizationId>, _: NoQuery) -> ApiResult {
    Ok(json::ok(&*super::find(&state, &id)?))
}
