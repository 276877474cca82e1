//! Endpoints: who receives webhooks.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod lanes;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod recover;
pub(crate) mod resume;
pub(crate) mod rotate_secret;
pub(crate) mod test;
pub(crate) mod update;

use std::sync::Arc;

use rollcall_domain::{endpoint::Endpoint, ids::EndpointId};
use rollcall_store::config_ops::EndpointPatch;

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

/// Carries out a change. One that changes nothing is not made: `updated_at` tells of changes only.
async fn change(state: &State, endpoint: Arc<Endpoint>, patch: EndpointPatch) -> ApiResult<Arc<Endpoint>> {
    if changes_nothing(&endpoint, &patch) {
        return Ok(endpoint);
    }
    let endpoint = state.store.update_endpoint(&endpoint.id, patch).await?;
    state.store.dispatchers_follow().await;
    Ok(Arc::new(endpoint))
}

fn changes_nothing(endpoint: &Endpoint, patch: &EndpointPatch) -> bool {
    fn same<T: PartialEq>(new: &Option<T>, old: &T) -> bool {
        new.as_ref().is_none_or(|new| new == old)
    }
    // Every field by name, so that a new one is not forgotten.
    let EndpointPatch {
        url,
        description,
        event_types,
        retry_schedule,
        timeout_seconds,
        on_exhausted,
        headers,
        state,
        asymmetric,
    } = patch;
    same(url, &endpoint.url)
        && same(description, &endpoint.description)
        && same(event_types, &endpoint.event_types)
        && same(retry_schedule, &endpoint.retry_schedule)
        && same(timeout_seconds, &endpoint.timeout_seconds)
        && same(on_exhausted, &endpoint.on_exhausted)
        && same(headers, &endpoint.headers)
        && same(asymmetric, &!endpoint.public_keys.is_empty())
        && state
            .as_ref()
            .is_none_or(|(state, reason)| *state == endpoint.state && *reason == endpoint.state_reason)
}
