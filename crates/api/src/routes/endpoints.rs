//! Endpoints: who receives webhooks.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod recover;
pub(crate) mod resume;
pub(crate) mod rotate_secret;
pub(crate) mod test;
pub(crate) mod update;

use std::sync::Arc;

use rollcall_domain::{endpoint::Endpoint, ids::EndpointId};

use crate::{
    State,
    error::{ApiError, ApiResult},
};

/// The endpoint of this id.
pub(crate) fn find(state: &State, id: &EndpointId) -> ApiResult<Arc<Endpoint>> {
    let catalog = state.store.catalog();
    let entry = catalog.endpoints.get(id).ok_or_else(|| ApiError::not_found("endpoint"))?;
    Ok(Arc::clone(&entry.endpoint))
}
