//! The names of the metrics that this crate gives.

use std::time::Duration;

use metrics::{counter, histogram};

/// A counter: requests answered, by `method`, `route` (the pattern, never the path) and `status`.
pub const REQUESTS_TOTAL: &str = "rollcall_api_requests_total";
/// A histogram in seconds: from the request to the answer's head, by `method` and `route`.
pub const REQUEST_SECONDS: &str = "rollcall_api_request_duration_seconds";

pub(crate) fn request(method: &'static str, route: &str, status: u16, duration: Duration) {
    let route = route.to_owned();
    counter!(REQUESTS_TOTAL, "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    histogram!(REQUEST_SECONDS, "method" => method, "route" => route).record(duration);
}
