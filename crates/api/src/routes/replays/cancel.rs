//! `POST /v1/replays/{id}/cancel`: ends a replay. What is under way may still arrive; one that has ended stays as it is.

use actix_web::web::{Data, Path};
use rollcall_domain::ids::ReplayId;

use crate::{
    State,
    body::{NoFields, OptionalBody},
    error::ApiResult,
    json,
    query::NoQuery,
    views::replay::ReplayView,
};

pub(crate) async fn cancel(
    state: Data<State>,
    id: Path<ReplayId>,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    super::find(&state, &id).await?;
    state.store.cancel_replay(&id).await?;
    Ok(json::ok(&ReplayView::from(&super::find(&state, &id).await?)))
}
