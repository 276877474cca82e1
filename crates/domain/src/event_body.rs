//! An event as JSON: serialized once when it is decided, and never again.
//!
//! The order of the keys is part of what receivers see. The same bytes go into the log, to every
//! webhook, to `/v1/events` and to the public feed.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    event::{Cause, Change, EventType, Subject},
    ids::{DirectoryId, EndpointId, EventId, OrganizationId},
    timestamp,
};

#[derive(Serialize)]
pub(crate) struct EventBody<'a, D> {
    pub(crate) id: &'a EventId,
    #[serde(rename = "type")]
    pub(crate) kind: EventType,
    #[serde(serialize_with = "timestamp::serialize")]
    pub(crate) timestamp: Timestamp,
    pub(crate) organization_id: &'a OrganizationId,
    pub(crate) directory_id: &'a DirectoryId,
    pub(crate) sequence: u64,
    /// Written only where it is true.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) sandbox: bool,
    pub(crate) subject: &'a Subject,
    pub(crate) data: &'a D,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changes: Option<&'a [Change]>,
    pub(crate) cause: &'a Cause,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Compact JSON. `capacity` is a guess at its length in bytes.
pub(crate) fn to_bytes(body: &impl Serialize, capacity: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(capacity);
    // Writing to memory does not fail, and no map here has keys other than strings.
    let written = serde_json::to_writer(&mut bytes, body);
    debug_assert!(written.is_ok(), "an event body is always JSON");
    Bytes::from(bytes)
}

/// The body of a test that the owner sends to an endpoint. It is in no log and has no sequence:
/// `{"id","type":"endpoint.test","timestamp","data":{"endpoint_id","message"}}`.
pub fn test_event(id: &EventId, at: Timestamp, endpoint_id: &EndpointId, message: &str) -> Bytes {
    #[derive(Serialize)]
    struct Body<'a> {
        id: &'a EventId,
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(serialize_with = "timestamp::serialize")]
        timestamp: Timestamp,
        data: Data<'a>,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        endpoint_id: &'a EndpointId,
        message: &'a str,
    }
    let data = Data { endpoint_id, message };
    to_bytes(&Body { id, kind: "endpoint.test", timestamp: at, data }, 256)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_test_event_says_what_it_is() {
        let body = test_event(
            &EventId::from_uuid(Uuid::from_u128(1)),
            Timestamp::UNIX_EPOCH,
            &EndpointId::from_uuid(Uuid::from_u128(2)),
            "hello",
        );
        assert_eq!(
            body,
            concat!(
                r#"{"id":"evt_00000000000000000000000000000001","type":"endpoint.test","#,
                r#""timestamp":"1970-01-01T00:00:00.000Z","#,
                r#""data":{"endpoint_id":"ep_00000000000000000000000000000002","message":"hello"}}"#
            )
        );
    }
}
