//! What the operator is told.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Context, Decision, Reply};
use crate::{
    event::{DecidedEvent, EventType, Subject, SubjectKind},
    event_body::to_bytes,
    ids::{EndpointId, EventId},
    operator::{Notice, Told},
    timestamp,
};

/// An event of the operator's stream. It has no directory, no changes and no provider's request.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a EventId,
    #[serde(rename = "type")]
    kind: EventType,
    #[serde(serialize_with = "timestamp::serialize")]
    timestamp: Timestamp,
    stream: &'static str,
    sequence: u64,
    subject: &'a Subject,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    endpoint_id: &'a EndpointId,
    #[serde(serialize_with = "timestamp::serialize")]
    at: Timestamp,
    #[serde(flatten)]
    more: &'a Value,
}

/// One event, or none if the operator knows.
pub(super) fn tell(notice: &Notice, told: &Told, context: &Context<'_>) -> Decision {
    let mut events = Vec::new();
    if told.is_news(notice.kind) {
        let sequence = context.last_sequence + 1;
        let subject = Subject {
            kind: SubjectKind::Endpoint,
            id: notice.endpoint_id.as_str().into(),
            version: told.events + 1,
        };
        let body = Body {
            id: &notice.id,
            kind: notice.kind,
            timestamp: context.now,
            stream: "operator",
            sequence,
            subject: &subject,
            data: Data { endpoint_id: &notice.endpoint_id, at: notice.at, more: &notice.data },
        };
        let body = to_bytes(&body, 1024);
        events.push(DecidedEvent {
            id: notice.id.clone(),
            kind: notice.kind,
            sequence,
            subject,
            group_id: None,
            timestamp: context.now,
            body,
        });
    }
    Decision { writes: Vec::new(), events, reply: Reply::Told }
}
