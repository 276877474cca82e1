//! A provider's request, as the request log has it.

use std::sync::Arc;

use rollcall_domain::{
    event::{EventType, LoggedEvent, Subject},
    ids::EventId,
};
use rollcall_scim::Reason;
use rollcall_store::requests::{RequestDetail, RequestSummary};
use serde::Serialize;
use serde_json::value::RawValue;

/// One request whole.
#[derive(Serialize)]
pub(crate) struct RequestReport<'a> {
    #[serde(flatten)]
    summary: &'a RequestSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Body<'a>>,
    /// The log has only a part of it, or nothing.
    request_body_cut: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<Body<'a>>,
    response_body_cut: bool,
    /// A password was taken out, or the URL was longer: what was sent meant something else.
    changed: bool,
    /// What the sender should do instead, if it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    /// What it gave: at most so many as are shown, the first ones.
    events: Vec<EventRow<'a>>,
}

/// A body: as JSON where it is that.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Body<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

impl<'a> Body<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        serde_json::from_str(text).map_or(Self::Text(text), Self::Json)
    }
}

#[derive(Serialize)]
struct EventRow<'a> {
    id: &'a EventId,
    #[serde(rename = "type")]
    kind: EventType,
    sequence: u64,
    subject: &'a Subject,
}

impl<'a> RequestReport<'a> {
    pub(crate) fn new(detail: &'a RequestDetail, events: &'a [Arc<LoggedEvent>]) -> Self {
        let reason = detail.summary.reason.as_deref().and_then(Reason::parse);
        let row = |event: &'a Arc<LoggedEvent>| EventRow {
            id: &event.id,
            kind: event.kind,
            sequence: event.sequence,
            subject: &event.subject,
        };
        Self {
            summary: &detail.summary,
            user_agent: detail.user_agent.as_deref(),
            request_body: detail.request_body.as_deref().map(Body::new),
            request_body_cut: detail.request_cut,
            response_body: detail.response_body.as_deref().map(Body::new),
            response_body_cut: detail.response_cut,
            changed: detail.changed,
            advice: reason.map(Reason::advice),
            events: events.iter().map(row).collect(),
        }
    }
}
