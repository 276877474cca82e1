//! The table of routes. One operation per file.

use actix_web::web::ServiceConfig;

use crate::error::{ApiError, ApiResult};

pub(crate) fn configure(_config: &mut ServiceConfig) {}

/// Below `/v1`, and nothing is there.
pub(crate) async fn unknown_route() -> ApiResult {
    Err(ApiError::not_found("route"))
}
