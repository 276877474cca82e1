//! What is counted. The names and labels are part of the product: dashboards and alerts depend on them.
//! Every label has a closed set of values, whatever clients send.

use std::time::Duration;

use rollcall_scim::Applied;

/// Requests answered. `method` (`GET` … `OTHER`), `resource` (`User`, `Group`, `Schema` … `Unknown`), `status`.
pub const REQUESTS: &str = "rollcall_scim_requests_total";
/// How long they took, from the head of the request to the answer, in seconds. `method`, `resource`.
pub const DURATION: &str = "rollcall_scim_request_duration_seconds";
/// Requests in which a compatibility rule changed something. `rule` (its name in the configuration).
pub const RULE_APPLIED: &str = "rollcall_scim_rule_applied_total";
/// Requests refused. `reason` (the `scimType`, or a word such as `unauthorized` or `unavailable`).
pub const REFUSED: &str = "rollcall_scim_refused_total";
/// Operations of bulk requests. `method` (`POST`, `PUT`, `PATCH`, `DELETE`, `OTHER`), `status`.
pub const BULK_OPERATIONS: &str = "rollcall_scim_bulk_operations_total";
/// Requests with the right token, by who seems to have sent them. `sender` (`entra_id`, `okta` … `unknown`).
pub const SENDERS: &str = "rollcall_scim_senders_total";

/// Registers the descriptions with the installed recorder. Called once, after it is installed.
pub fn describe() {
    metrics::describe_counter!(REQUESTS, "SCIM requests answered");
    metrics::describe_histogram!(DURATION, metrics::Unit::Seconds, "Time to answer a SCIM request");
    metrics::describe_counter!(RULE_APPLIED, "SCIM requests that a compatibility rule changed");
    metrics::describe_counter!(REFUSED, "SCIM requests refused");
    metrics::describe_counter!(SENDERS, "SCIM requests by the product that seems to have sent them");
    metrics::describe_counter!(BULK_OPERATIONS, "Operations of SCIM bulk requests");
}

pub(crate) fn answered(method: &'static str, resource: &'static str, status: u16, took: Duration) {
    metrics::counter!(REQUESTS, "method" => method, "resource" => resource, "status" => status_label(status))
        .increment(1);
    metrics::histogram!(DURATION, "method" => method, "resource" => resource).record(took.as_secs_f64());
}

pub(crate) fn refused(reason: &'static str) {
    metrics::counter!(REFUSED, "reason" => reason).increment(1);
}

pub(crate) fn applied(rules: Applied) {
    for rule in rules.iter() {
        metrics::counter!(RULE_APPLIED, "rule" => rule).increment(1);
    }
}

pub(crate) fn sent_by(sender: &'static str) {
    metrics::counter!(SENDERS, "sender" => sender).increment(1);
}

pub(crate) fn bulk_operation(method: &'static str, status: u16) {
    metrics::counter!(BULK_OPERATIONS, "method" => method, "status" => status_label(status)).increment(1);
}

fn status_label(status: u16) -> &'static str {
    match status {
        200 => "200",
        201 => "201",
        204 => "204",
        304 => "304",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        412 => "412",
        413 => "413",
        415 => "415",
        500 => "500",
        501 => "501",
        503 => "503",
        _ => "other",
    }
}
