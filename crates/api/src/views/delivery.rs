//! A delivery, and the attempts at it.

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{Attempt, DeliveryId, DeliveryStatus},
    event::{EventType, Subject},
    ids::{DirectoryId, EndpointId, EventId},
    timestamp,
};
use rollcall_store::ledger::Delivery;
use serde::Serialize;

/// Where one event stands on its way to one endpoint.
#[derive(Serialize)]
pub(crate) struct DeliveryView<'a> {
    id: &'a DeliveryId,
    endpoint_id: &'a EndpointId,
    event_id: &'a EventId,
    event_type: EventType,
    directory_id: &'a DirectoryId,
    sequence: u64,
    subject: &'a Subject,
    status: DeliveryStatus,
    attempt_count: u32,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    last_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_response_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    next_attempt_at: Option<Timestamp>,
    /// The event that stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<&'a EventId>,
    /// When the event was decided.
    #[serde(serialize_with = "timestamp::serialize")]
    created_at: Timestamp,
}

impl<'a> From<&'a Delivery> for DeliveryView<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        let event = &delivery.event;
        Self {
            id: &delivery.id,
            endpoint_id: &delivery.id.endpoint_id,
            event_id: &event.id,
            event_type: event.kind,
            directory_id: &event.directory_id,
            sequence: event.sequence,
            subject: &event.subject,
            status: delivery.status,
            attempt_count: delivery.attempts,
            last_attempt_at: delivery.last_attempt_at,
            last_response_status: delivery.last_status,
            next_attempt_at: delivery.next_attempt_at,
            replaced_by: delivery.replaced_by.as_ref(),
            created_at: event.timestamp,
        }
    }
}

/// A delivery with its attempts, the oldest first.
#[derive(Serialize)]
pub(crate) struct DeliveryReport<'a> {
    #[serde(flatten)]
    pub(crate) delivery: DeliveryView<'a>,
    pub(crate) attempts: &'a [Attempt],
}
