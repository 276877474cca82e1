//! `PUT /v1/consumers/{name}`: the consumer has handled everything up to a cursor. It is made by that.

use actix_web::web::{Data, Path};
use rollcall_store::{config_ops::ConfigError, consumers::MAX_CONSUMERS};
use serde::Deserialize;

use super::ConsumerView;
use crate::{
    State,
    body::Body,
    error::{ApiError, ApiResult, ErrorCode},
    feed_reader::{Filter, place_of},
    json,
    query::NoQuery,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handled {
    /// A `next_cursor`, or the id of the last event.
    cursor: String,
    /// Back to there, too.
    #[serde(default)]
    rewind: bool,
}

pub(crate) async fn put(
    state: Data<State>,
    name: Path<String>,
    _: NoQuery,
    Body(handled): Body<Handled>,
) -> ApiResult {
    super::checked("name", &name)?;
    let place = place_of(&state, &Filter::default(), &handled.cursor).await;
    let place = place.map_err(|error| error.of_field("cursor"))?;
    let consumer =
        state.store.consumer_is_at(&name, place, handled.rewind).await.map_err(|error| match error {
            ConfigError::Conflict(_) => ApiError::new(
                ErrorCode::Conflict,
                format!("There are {MAX_CONSUMERS} consumers: delete one."),
            ),
            error => error.into(),
        })?;
    Ok(json::ok(&ConsumerView::new(&state, &state.store.heads().await?, consumer)))
}
