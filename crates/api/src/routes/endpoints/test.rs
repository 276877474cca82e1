//! `POST /v1/endpoints/{id}/test`: 202 with the id of a test event that is sent to this endpoint
//! alone, outside the order of its events. It is not in the log.

use actix_web::web::{Data, Path};
use jiff::Timestamp;
use rollcall_domain::ids::{EndpointId, EventId};
use rollcall_store::{clock, ledger::ManualSendWhat};
use serde_json::json;

use crate::{
    State,
    body::{NoFields, OptionalBody},
    error::ApiResult,
    json,
    query::NoQuery,
};

pub(crate) async fn send_test(
    state: Data<State>,
    id: Path<EndpointId>,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    super::find(&state, &id)?;
    let event_id = EventId::from_uuid(clock::new_uuid());
    let body = body(&event_id, &id, clock::now());
    state.store.request_manual_send(&id, ManualSendWhat::Test { event_id: event_id.clone(), body }).await?;
    Ok(json::accepted(&json!({ "event_id": event_id })))
}

/// An event's shape without a place in any directory.
fn body(event_id: &EventId, endpoint_id: &EndpointId, now: Timestamp) -> String {
    json!({
        "id": event_id,
        "type": "endpoint.test",
        "timestamp": format!("{now:.3}"),
        "subject": { "type": "endpoint", "id": endpoint_id },
        "data": { "endpoint_id": endpoint_id, "message": "A test event that the owner asked for." },
        "changes": [],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_shape_of_an_event() {
        let uuid = "018f0000-0000-7000-8000-000000000001".parse().expect("it is a UUID");
        let body = body(&EventId::from_uuid(uuid), &EndpointId::from_uuid(uuid), Timestamp::UNIX_EPOCH);
        assert_eq!(
            body,
            concat!(
                r#"{"id":"evt_018f0000000070008000000000000001","type":"endpoint.test","#,
                r#""timestamp":"1970-01-01T00:00:00.000Z","#,
                r#""subject":{"type":"endpoint","id":"ep_018f0000000070008000000000000001"},"#,
                r#""data":{"endpoint_id":"ep_018f0000000070008000000000000001","#,
                r#""message":"A test event that the owner asked for."},"changes":[]}"#
            )
        );
    }
}
