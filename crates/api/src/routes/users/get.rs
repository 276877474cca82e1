//! `GET /v1/users/{id}`.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::UserId;

use crate::{
    State,
    error::{ApiError, ApiResult},
    json,
    query::NoQuery,
    views::user::{Managers, UserView},
};

pub(crate) async fn get(state: Data<State>, id: Path<UserId>, _: NoQuery) -> ApiResult {
    let user = state.store.find_user(&id).await?.ok_or_else(|| ApiError::not_found("user"))?;
    let managers = Managers::load(&state, std::slice::from_ref(&user)).await?;
    Ok(json::ok(&UserView::new(&state.store.catalog(), &managers, &user)))
}
