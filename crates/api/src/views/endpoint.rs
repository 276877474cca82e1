//! An endpoint, and how it fares.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollcall_domain::{
    endpoint::{Endpoint, EndpointState, Format, OnExhausted, RetrySchedule, Scope},
    event::EventType,
    ids::{DirectoryId, EndpointId, OrganizationId},
    timestamp,
};
use rollcall_store::{
    clock,
    ledger::{BreakerState, Lag},
};
use serde::Serialize;

use crate::field::Signature;

/// What the owner set, and its state.
#[derive(Serialize)]
pub(crate) struct EndpointView<'a> {
    id: &'a EndpointId,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a OrganizationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory_id: Option<&'a DirectoryId>,
    event_types: &'a [EventType],
    format: Format,
    retry_schedule: &'a RetrySchedule,
    timeout_seconds: u8,
    on_exhausted: OnExhausted,
    headers: &'a BTreeMap<String, String>,
    signatures: &'static [Signature],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    public_keys: Vec<&'a str>,
    state: EndpointState,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<&'a str>,
    #[serde(serialize_with = "timestamp::serialize")]
    created_at: Timestamp,
    #[serde(serialize_with = "timestamp::serialize")]
    updated_at: Timestamp,
}

impl<'a> From<&'a Endpoint> for EndpointView<'a> {
    fn from(endpoint: &'a Endpoint) -> Self {
        let (organization_id, directory_id) = match &endpoint.scope {
            Scope::All => (None, None),
            Scope::Organization(id) => (Some(id), None),
            Scope::Directory(id) => (None, Some(id)),
        };
        let public_keys: Vec<&str> = endpoint.public_keys_at(clock::now()).collect();
        Self {
            id: &endpoint.id,
            url: &endpoint.url,
            description: endpoint.description.as_deref(),
            organization_id,
            directory_id,
            event_types: &endpoint.event_types,
            format: endpoint.format,
            retry_schedule: &endpoint.retry_schedule,
            timeout_seconds: endpoint.timeout_seconds,
            on_exhausted: endpoint.on_exhausted,
            headers: &endpoint.headers,
            signatures: if public_keys.is_empty() {
                &[Signature::V1]
            } else {
                &[Signature::V1, Signature::V1a]
            },
            public_keys,
            state: endpoint.state,
            state_reason: endpoint.state_reason.as_deref(),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// How far it is behind.
#[derive(Serialize)]
struct LagView {
    events: u64,
    oldest_age_seconds: i64,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    oldest_at: Option<Timestamp>,
}

/// Whether it is being sent to, and if not, when one attempt will find out how it fares.
#[derive(Serialize)]
pub(crate) struct BreakerView {
    breaker: &'static str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    next_probe_at: Option<Timestamp>,
}

impl From<BreakerState> for BreakerView {
    fn from(state: BreakerState) -> Self {
        let (breaker, next_probe_at) = match state {
            BreakerState::Closed => ("closed", None),
            BreakerState::Open { until } => ("open", Some(until)),
            BreakerState::HalfOpen => ("half_open", None),
        };
        Self { breaker, next_probe_at }
    }
}

/// An endpoint with how it fares.
#[derive(Serialize)]
pub(crate) struct EndpointReport<'a> {
    #[serde(flatten)]
    endpoint: EndpointView<'a>,
    lag: LagView,
    /// Null while it does not fail: programs poll this one.
    #[serde(serialize_with = "timestamp::serialize_option")]
    failing_since: Option<Timestamp>,
    #[serde(flatten)]
    breaker: BreakerView,
    parked_subjects: u64,
    dead_letters: u64,
}

impl<'a> EndpointReport<'a> {
    pub(crate) fn new(
        endpoint: &'a Endpoint,
        lag: Lag,
        failing_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let age = |oldest: Timestamp| now.duration_since(oldest).as_secs().max(0);
        Self {
            endpoint: endpoint.into(),
            lag: LagView {
                events: lag.events,
                oldest_age_seconds: lag.oldest.map_or(0, age),
                oldest_at: lag.oldest,
            },
            failing_since,
            breaker: lag.breaker.into(),
            parked_subjects: lag.parked_subjects,
            dead_letters: lag.dead_letters,
        }
    }
}
