//! What the service can do: RFC 7644 §4.

use actix_web::http::StatusCode;
use rollcall_domain::ids::DirectoryId;
use rollcall_scim::{DiscoverySettings, ScimError, discovery};

use crate::{State, answer::Answer, call::pairs, failure::Failure, target::Route};

/// A discovery document. A filter on these is forbidden, everything else in the query ignored.
///
/// # Errors
/// 403 for a `filter`, 400 for a query that is not UTF-8, 404 for an unknown resource type or schema.
pub(super) fn answer(
    state: &State,
    directory: &DirectoryId,
    route: &Route,
    query: &str,
) -> Result<Answer, Failure> {
    if pairs(query)?.iter().any(|(name, _)| name.eq_ignore_ascii_case("filter")) {
        return Err(ScimError::new(403, "This endpoint takes no filter.").into());
    }
    let base_url = state.base_url(directory);
    let document = match route {
        Route::ResourceTypes => Some(discovery::resource_types(&base_url)),
        Route::ResourceType(name) => discovery::resource_type(&base_url, name),
        Route::Schemas => Some(discovery::schemas(&base_url)),
        Route::Schema(urn) => discovery::schema(&base_url, urn),
        _ => Some(discovery::service_provider_config(&DiscoverySettings {
            base_url,
            max_results: state.settings.max_results,
            default_page_size: state.settings.default_page_size.min(state.settings.max_results),
            cursor_timeout_seconds: state.settings.cursor_timeout_seconds,
            bulk_operations: state.settings.bulk_operations,
            bulk_body_bytes: state.settings.bulk_body_bytes,
            documentation_uri: state.settings.documentation_uri.clone(),
        })),
    };
    document.map(|document| Answer::json(StatusCode::OK, &document)).ok_or(Failure::NoSuchResource)
}
