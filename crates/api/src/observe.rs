//! What is seen of each request: an id that the answer carries, one line in the log, one metric.
//! Neither bodies nor query strings are recorded.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderName, header::HeaderValue},
    middleware::Next,
};
use rollcall_domain::ids::RequestId;
use rollcall_store::clock;

use crate::metric;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn observe<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let id = RequestId::from_uuid(clock::new_uuid());
    request.extensions_mut().insert(id.clone());
    let method = method_label(request.method());
    let route = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());

    let mut response = next.call(request).await?;

    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    let duration = started.elapsed();
    tracing::info!(request_id = %id, method, route, status, duration_ms = duration.as_millis() as u64, "api request");
    metric::request(method, &route, status, duration);
    Ok(response)
}

/// The id that this request was given.
pub(crate) fn request_id(request: &HttpRequest) -> RequestId {
    request.extensions().get().cloned().unwrap_or_else(|| RequestId::from_uuid(clock::new_uuid()))
}

/// Strangers may send any method; a metric's labels are a closed set.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
