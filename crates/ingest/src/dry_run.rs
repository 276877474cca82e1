//! What a request would do: understood, decided and answered like any other, and never written.
//!
//! It runs for the owner and not for a provider: no token is asked for, a disabled directory refuses it as it would
//! refuse the request, and neither the metrics nor the request log count it.

use std::cell::RefCell;

use actix_web::{
    dev::Payload,
    http::{Method, header::HeaderMap},
};
use bytes::Bytes;
use rollcall_domain::{
    directory::DirectoryState,
    ids::{DirectoryId, RequestId},
};
use rollcall_scim::Reason;
use rollcall_store::clock;

use crate::{
    State,
    answer::Answer,
    call::{Call, Carrier},
    failure::Failure,
    routes,
    serve::{Noted, guarded, method_name},
    target::{Route, Target},
};

/// A request to be tried.
#[derive(Clone, Debug)]
pub struct DryRunRequest {
    /// Of which directory.
    pub directory_id: DirectoryId,
    /// `POST`, `PUT`, `PATCH`, …
    pub method: String,
    /// Path and query behind the directory's base URL, as `/Users/usr_…`.
    pub path: String,
    /// The body, or nothing.
    pub body: Bytes,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The status that it would be answered with.
    pub status: u16,
    /// The body that it would be answered with, if any: JSON; a group's members are not in it.
    pub body: Vec<u8>,
    /// Why it would be refused, if it would.
    pub reason: Option<Reason>,
    /// The compatibility rules that it would need.
    pub rules: Vec<&'static str>,
    /// The bodies of the events that it would give. Their ids and sequences are nobody's.
    pub events: Vec<Bytes>,
}

impl State {
    /// Tries a request without its headers: no `If-Match` is known of it. `None` for a bulk request, each of whose
    /// operations has to find what the ones before it wrote.
    pub async fn dry_run(&self, asked: &DryRunRequest) -> Option<DryRun> {
        let whole = format!("/scim/v2/{}{}", asked.directory_id, asked.path);
        let (path, query) = whole.split_once('?').unwrap_or((&whole, ""));
        let target = Target::parse(path, query);
        if target.route == Route::Bulk {
            return None;
        }
        let (noted, events) = (Noted::default(), RefCell::new(Vec::new()));
        let raw_query = (!query.is_empty()).then_some(query);
        let answer = guarded(try_out(self, asked, &target, raw_query, &noted, &events)).await;
        Some(DryRun {
            status: answer.status.as_u16(),
            reason: answer.reason,
            body: answer.body,
            rules: noted.applied.get().iter().collect(),
            events: events.into_inner(),
        })
    }
}

async fn try_out(
    state: &State,
    asked: &DryRunRequest,
    target: &Target<'_>,
    raw_query: Option<&str>,
    noted: &Noted,
    events: &RefCell<Vec<Bytes>>,
) -> Result<Answer, Failure> {
    let method = Method::from_bytes(asked.method.as_bytes()).map_or("OTHER", |method| method_name(&method));
    if target.route.is_discovery() {
        return routes::discovery(state, &asked.directory_id, &target.route, method, target.query);
    }
    let catalog = state.store.catalog();
    let entry = catalog.directories.get(&asked.directory_id).cloned().ok_or(Failure::NoSuchEndpoint)?;
    if entry.directory.state != DirectoryState::Active {
        return Err(Failure::Disabled);
    }
    let mut call = Call {
        state,
        headers: &HeaderMap::new(),
        raw_query,
        payload: Payload::from(asked.body.clone()),
        rules: entry.directory.compatibility.rules(),
        entry,
        request_id: &RequestId::from_uuid(clock::new_uuid()),
        method,
        query: target.query,
        token_digest: [0; 32],
        noted,
        carrier: Carrier::Preview(events),
    };
    routes::dispatch(&mut call, &target.route).await
}
