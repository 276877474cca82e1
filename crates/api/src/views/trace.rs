//! Why something has not arrived: an event's way to each endpoint, and an endpoint's lanes.

use std::time::Duration;

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{Attempt, DeliveryId, DeliveryStatus},
    event::{EventType, LoggedEvent, Subject},
    explain::Waiting,
    ids::{DirectoryId, EndpointId, EventId, OrganizationId},
    order::Rule,
    timestamp,
    verdict::{Fault, Halt, Verdict},
};
use rollcall_store::ledger::{AtEndpoint, BreakerState, Fate, LaneReport};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::page::Page;

/// An event with what became of it.
#[derive(Serialize)]
pub(crate) struct TraceView<'a> {
    event: HeadView<'a>,
    /// The request that caused it, as the event tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Value>,
    /// What changed, as the event tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Value>,
    log: PlaceView,
    #[serde(flatten)]
    endpoints: Page<AtEndpointView<'a>>,
}

/// An event without its data.
#[derive(Serialize)]
struct HeadView<'a> {
    id: &'a EventId,
    #[serde(rename = "type")]
    kind: EventType,
    #[serde(serialize_with = "timestamp::serialize")]
    timestamp: Timestamp,
    organization_id: &'a OrganizationId,
    directory_id: &'a DirectoryId,
    sequence: u64,
    subject: &'a Subject,
    sandbox: bool,
}

impl<'a> From<&'a LoggedEvent> for HeadView<'a> {
    fn from(event: &'a LoggedEvent) -> Self {
        Self {
            id: &event.id,
            kind: event.kind,
            timestamp: event.timestamp,
            organization_id: &event.organization_id,
            directory_id: &event.directory_id,
            sequence: event.sequence,
            subject: &event.subject,
            sandbox: event.sandbox,
        }
    }
}

/// A place in the log.
#[derive(Serialize)]
struct PlaceView {
    shard: u16,
    position: u64,
}

/// What of a stored body a trace repeats.
#[derive(Deserialize)]
struct Told {
    cause: Option<Value>,
    changes: Option<Value>,
}

impl<'a> TraceView<'a> {
    pub(crate) fn new(event: &'a LoggedEvent, page: &'a Page<AtEndpoint>, now: Timestamp) -> Self {
        let told = serde_json::from_slice(&event.body).unwrap_or(Told { cause: None, changes: None });
        Self {
            event: event.into(),
            cause: told.cause,
            changes: told.changes,
            log: PlaceView { shard: event.shard, position: event.position },
            endpoints: page.views(|at| AtEndpointView::new(at, now)),
        }
    }
}

/// What became of an event at one endpoint.
#[derive(Serialize)]
struct AtEndpointView<'a> {
    endpoint_id: &'a EndpointId,
    url: &'a str,
    #[serde(flatten)]
    fate: FateView<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum FateView<'a> {
    NotSent {
        not_sent: NotSentView,
    },
    Sent {
        delivery_id: &'a DeliveryId,
        status: DeliveryStatus,
        attempts: Vec<AttemptView<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        waiting: Option<WaitingView<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        replaced_by: Option<&'a EventId>,
    },
}

#[derive(Serialize)]
struct NotSentView {
    reason: &'static str,
    in_words: &'static str,
}

impl<'a> AtEndpointView<'a> {
    fn new(at: &'a AtEndpoint, now: Timestamp) -> Self {
        let fate = match &at.fate {
            Fate::NotSent(why) => {
                FateView::NotSent { not_sent: NotSentView { reason: why.as_str(), in_words: why.words() } }
            }
            Fate::Sent { delivery, attempts, waiting } => FateView::Sent {
                delivery_id: &delivery.id,
                status: delivery.status,
                attempts: attempts.iter().map(AttemptView::from).collect(),
                waiting: waiting.as_ref().map(|waiting| WaitingView::new(waiting, now)),
                replaced_by: delivery.replaced_by.as_ref(),
            },
        };
        Self { endpoint_id: &at.endpoint.id, url: &at.endpoint.url, fate }
    }
}

/// An attempt with whose fault its failure looks like.
#[derive(Serialize)]
struct AttemptView<'a> {
    #[serde(flatten)]
    attempt: &'a Attempt,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_scope: Option<&'static str>,
}

impl<'a> From<&'a Attempt> for AttemptView<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        let failure_scope = match Verdict::of(attempt.response_status, attempt.error, None::<Duration>) {
            Verdict::Delivered => None,
            Verdict::Failed { fault: Fault::Message, .. } => Some("message"),
            Verdict::Failed { fault: Fault::Endpoint, .. } => Some("endpoint"),
            Verdict::Halted(Halt::Gone | Halt::Blocked) => Some("fatal"),
        };
        Self { attempt, failure_scope }
    }
}

/// What an event waits for.
#[derive(Serialize)]
struct WaitingView<'a> {
    reason: &'static str,
    in_words: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
}

impl<'a> WaitingView<'a> {
    fn new(waiting: &'a Waiting, now: Timestamp) -> Self {
        let (event_id, rule) = match waiting {
            Waiting::Earlier { event, rule, .. } => (Some(event), Some(*rule)),
            _ => (None, None),
        };
        Self {
            reason: waiting.as_str(),
            in_words: waiting.words(now),
            until: waiting.until(),
            event_id,
            rule,
        }
    }
}

/// An endpoint's lanes.
#[derive(Serialize)]
pub(crate) struct LanesView<'a> {
    data: Vec<LaneView<'a>>,
    next_cursor: Option<String>,
}

impl<'a> LanesView<'a> {
    pub(crate) fn new(reports: &'a [LaneReport], now: Timestamp) -> Self {
        Self { data: reports.iter().map(|report| LaneView::new(report, now)).collect(), next_cursor: None }
    }
}

/// One lane: the endpoint's progress through one shard of the log.
#[derive(Serialize)]
struct LaneView<'a> {
    shard: u16,
    frontier: u64,
    settled_above: usize,
    head: u64,
    breaker: &'static str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    next_probe_at: Option<Timestamp>,
    #[serde(serialize_with = "timestamp::serialize_option")]
    failing_since: Option<Timestamp>,
    parked_subjects: u64,
    parked: Vec<ParkedView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<NextView<'a>>,
}

/// A subject that is parked, at its first unsettled event.
#[derive(Serialize)]
struct ParkedView<'a> {
    subject_id: &'a str,
    event_id: &'a EventId,
    failed_attempts: u32,
    waiting: WaitingView<'a>,
}

/// The oldest event that is neither settled nor a parked subject's.
#[derive(Serialize)]
struct NextView<'a> {
    event_id: &'a EventId,
    subject_id: &'a str,
    waiting: WaitingView<'a>,
}

impl<'a> LaneView<'a> {
    fn new(report: &'a LaneReport, now: Timestamp) -> Self {
        let (breaker, next_probe_at) = match report.breaker {
            BreakerState::Closed => ("closed", None),
            BreakerState::Open { until } => ("open", Some(until)),
            BreakerState::HalfOpen => ("half_open", None),
        };
        Self {
            shard: report.shard,
            frontier: report.frontier,
            settled_above: report.settled_above,
            head: report.head,
            breaker,
            next_probe_at,
            failing_since: report.failing_since,
            parked_subjects: report.parked_subjects,
            parked: report
                .parked
                .iter()
                .map(|(event, attempts, waiting)| ParkedView {
                    subject_id: &event.subject.id,
                    event_id: &event.id,
                    failed_attempts: *attempts,
                    waiting: WaitingView::new(waiting, now),
                })
                .collect(),
            next: report.next.as_ref().map(|(event, waiting)| NextView {
                event_id: &event.id,
                subject_id: &event.subject.id,
                waiting: WaitingView::new(waiting, now),
            }),
        }
    }
}
