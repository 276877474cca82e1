//! Organizations: the customers of the application.

pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod list;

use std::sync::Arc;

use rollcall_domain::{directory::Organization, ids::OrganizationId};

use crate::{
    State,
    error::{ApiError, ApiResult},
};

/// The organization of this id.
pub(crate) fn find(state: &State, id: &OrganizationId) -> ApiResult<Arc<Organization>> {
    state.store.catalog().organizations.get(id).cloned().ok_or_else(|| ApiError::not_found("organization"))
}

/// The organization that a field of a body names.
pub(crate) fn named(state: &State, field: &str, id: &str) -> ApiResult<OrganizationId> {
    OrganizationId::parse(id)
        .and_then(|id| find(state, &id).ok())
        .map(|organization| organization.id.clone())
        .ok_or_else(|| ApiError::not_found("organization").at(field))
}
