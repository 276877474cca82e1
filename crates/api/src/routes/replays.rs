//! Replays: a range of the log, sent to an endpoint once more.

pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod list;

use rollcall_domain::ids::ReplayId;
use rollcall_store::replays::ReplayReport;

use crate::{
    State,
    error::{ApiError, ApiResult},
};

/// The replay of this id, with what came of it so far.
async fn find(state: &State, id: &ReplayId) -> ApiResult<ReplayReport> {
    state.store.replay(id).await?.ok_or_else(|| ApiError::not_found("replay"))
}
