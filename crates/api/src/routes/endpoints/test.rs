//! `POST /v1/endpoints/{id}/test`: sends a test event to this endpoint alone, outside the order of
//! its events, and waits for what comes of it. The event is not in the log.
//!
//! 200 with the attempt, or 202 without one: it came too late, or the server shuts down.

use std::{sync::Arc, time::Duration};

use actix_web::web::{Data, Path};
use jiff::Timestamp;
use rollcall_domain::{
    delivery::Attempt,
    endpoint::{Endpoint, EndpointState},
    ids::{EndpointId, EventId},
    timestamp::rfc3339,
};
use rollcall_store::{Store, clock, ledger::ManualSendWhat};
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    State,
    body::{NoFields, OptionalBody},
    error::ApiResult,
    json,
    query::NoQuery,
};

/// Beyond the attempt itself: for its start and for saving what came of it.
const GRACE: Duration = Duration::from_secs(3);
/// A busy ledger changes all the time; so often it is looked at.
const BETWEEN_READS: Duration = Duration::from_millis(50);

#[derive(Serialize)]
struct Tested<'a> {
    event_id: &'a EventId,
    delivered: bool,
    attempt: &'a Attempt,
}

pub(crate) async fn send_test(
    state: Data<State>,
    id: Path<EndpointId>,
    _: NoQuery,
    _: OptionalBody<NoFields>,
) -> ApiResult {
    let endpoint = super::find(&state, &id)?;
    let event_id = EventId::from_uuid(clock::new_uuid());
    let body = body(&event_id, &id, clock::now());
    let changes = state.store.ledger_changes();
    state.store.request_manual_send(&id, ManualSendWhat::Test { event_id: event_id.clone(), body }).await?;
    Ok(match outcome(&state, &endpoint, &event_id, changes).await {
        Some(attempt) => {
            json::ok(&Tested { event_id: &event_id, delivered: attempt.succeeded(), attempt: &attempt })
        }
        None => json::accepted(&json!({ "event_id": event_id })),
    })
}

/// The attempt, if it is made in time.
async fn outcome(
    state: &State,
    endpoint: &Arc<Endpoint>,
    event_id: &EventId,
    changes: watch::Receiver<u64>,
) -> Option<Attempt> {
    if endpoint.state == EndpointState::Quarantined {
        // It is not sent to.
        return None;
    }
    let patience = Duration::from_secs(endpoint.timeout_seconds.into()) + GRACE;
    tokio::select! {
        biased;
        made = timeout(patience, attempt(&state.store, &endpoint.id, event_id, changes)) => made.ok().flatten(),
        () = state.shut_down() => None,
    }
}

/// The attempt, once it is made; `None` if nobody is left to make it.
async fn attempt(
    store: &Store,
    endpoint: &EndpointId,
    event_id: &EventId,
    mut changes: watch::Receiver<u64>,
) -> Option<Attempt> {
    loop {
        // Before the read, so that what is saved during it is read after it.
        changes.borrow_and_update();
        match store.test_attempts(endpoint, event_id).await {
            Ok(attempts) => {
                if let Some(made) = attempts.into_iter().next() {
                    return Some(made);
                }
                changes.changed().await.ok()?;
            }
            // The test is on its way; this is no reason to tell the caller that it is not.
            Err(error) => tracing::debug!(%error, "the outcome of a test cannot be read yet"),
        }
        sleep(BETWEEN_READS).await;
    }
}

/// An event's shape without a place in any directory.
fn body(event_id: &EventId, endpoint_id: &EndpointId, now: Timestamp) -> String {
    json!({
        "id": event_id,
        "type": "endpoint.test",
        "timestamp": rfc3339(now).to_string(),
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
