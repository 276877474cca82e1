//! What the operator is told: that an endpoint fails, is disabled, is back, or has exhausted
//! deliveries.
//!
//! Plot: a notice is saved together with the progress that it is about; then it is put into the log, by
//! way of the store, and removed. After a crash in between it is put there again, and the log knows it
//! by its id. That events exhaust their attempts is summed up, and what exhausts itself on the way to
//! the operator is not told of again: nothing here makes itself.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use rollcall_domain::{
    delivery::{DeliveryId, ErrorClass},
    endpoint::{EndpointState, OnExhausted, Scope},
    event::{EventType, LoggedEvent},
    ids::{EndpointId, EventId},
    operator::Notice,
    timestamp::rfc3339,
    verdict::Verdict,
};
use rollcall_store::clock;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    Scheduler,
    reads::{AGAIN, Side},
    tell::Outcome,
};
use crate::{attempt::Courier, lane::BreakerState, log::Log};

/// Notices that are put into the log in one go.
const PAGE: u32 = 64;
/// Of an endpoint's exhausted deliveries one notice is given in so long…
const EVERY: Duration = Duration::from_secs(60);
/// …that names so many of them.
const NAMED: usize = 20;

/// What of notices is under way.
pub(super) struct Notices {
    /// There may be some that are saved and not told.
    pub(super) due: bool,
    /// The save under way has some.
    pub(super) saving: bool,
    telling: bool,
}

impl Notices {
    /// There may be some from before the start.
    pub(super) fn new() -> Self {
        Self { due: true, saving: false, telling: false }
    }
}

/// An endpoint's exhausted deliveries that were not told of yet.
#[derive(Debug, Default)]
pub(super) struct Exhausted {
    told_at: Option<Instant>,
    count: u64,
    named: Vec<(EventId, DeliveryId)>,
}

impl Exhausted {
    fn note(&mut self, event: &LoggedEvent, endpoint: &EndpointId) {
        self.count += 1;
        if self.named.len() < NAMED {
            let delivery =
                DeliveryId { endpoint_id: endpoint.clone(), shard: event.shard, position: event.position };
            self.named.push((event.id.clone(), delivery));
        }
    }

    /// What there is to tell now, or (`all`) at the end.
    fn due(&mut self, now: Instant, all: bool) -> Option<Value> {
        let may = all || self.told_at.is_none_or(|at| now.duration_since(at) >= EVERY);
        if self.count == 0 || !may {
            return None;
        }
        self.told_at = Some(now);
        let named: Vec<Value> = std::mem::take(&mut self.named)
            .into_iter()
            .map(|(event, delivery)| json!({"event_id": event, "delivery_id": delivery}))
            .collect();
        Some(json!({"count": std::mem::take(&mut self.count), "deliveries": named}))
    }
}

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// An attempt ended: the endpoint fails now, or is back.
    pub(super) fn note_health(&mut self, index: usize, verdict: Verdict, outcome: Outcome) {
        let Some(track) = self.tracks[index].as_ref() else { return };
        let known = &track.common.known_to_fail;
        match (track.lane.breaker(), verdict) {
            (BreakerState::Open { .. }, Verdict::Failed { .. }) if !known.get() => {
                known.set(true);
                let since = track.lane.failing_since().unwrap_or_else(|| self.process.clock.now());
                let limit = i64::try_from(self.process.settings.disable_after_seconds).unwrap_or(i64::MAX);
                let disabled_at = since.checked_add(SignedDuration::from_secs(limit)).ok();
                let data = json!({
                    "failing_since": rfc3339(since).to_string(),
                    "disabled_at": disabled_at.map(|at| rfc3339(at).to_string()),
                    "error": outcome.class.map(ErrorClass::as_str),
                    "response_status": outcome.status,
                });
                self.notice(index, EventType::EndpointFailing, data);
            }
            (BreakerState::Closed, Verdict::Delivered) if known.get() => {
                known.set(false);
                self.notice(index, EventType::EndpointRecovered, json!({}));
            }
            _ => {}
        }
    }

    /// The endpoint is not sent to any more.
    pub(super) fn note_disabled(&mut self, index: usize, state: EndpointState, reason: &str) {
        if let Some(track) = self.tracks[index].as_ref() {
            track.common.known_to_fail.set(true);
            let data = json!({"state": state.as_str(), "reason": reason});
            self.notice(index, EventType::EndpointDisabled, data);
        }
    }

    /// An event used up its attempts.
    pub(super) fn note_exhausted(&mut self, index: usize, event: &Arc<LoggedEvent>) {
        if event.kind.is_operator() {
            return;
        }
        let Some(track) = self.tracks[index].as_mut() else { return };
        let endpoint = track.entry.endpoint.id.clone();
        track.exhausted.note(event, &endpoint);
        self.give_notice_of_exhausted(index, false);
    }

    /// Tells of the exhausted deliveries that were only counted, where it is time to.
    pub(super) fn give_notice_of_what_is_due(&mut self) {
        (0..self.tracks.len()).for_each(|index| self.give_notice_of_exhausted(index, false));
    }

    /// The same of all.
    pub(super) fn give_notice_of_the_rest(&mut self) {
        (0..self.tracks.len()).for_each(|index| self.give_notice_of_exhausted(index, true));
    }

    fn give_notice_of_exhausted(&mut self, index: usize, all: bool) {
        let Some(track) = self.tracks[index].as_mut() else { return };
        let Some(mut data) = track.exhausted.due(Instant::now(), all) else { return };
        data["on_exhausted"] = match track.endpoint().on_exhausted {
            OnExhausted::DeadLetter => "dead_letter".into(),
            OnExhausted::Block => "block".into(),
            OnExhausted::Coalesce => "coalesce".into(),
        };
        self.notice(index, EventType::DeliveryExhausted, data);
    }

    fn notice(&mut self, index: usize, kind: EventType, mut data: Value) {
        let Some(track) = self.tracks[index].as_ref() else { return };
        let endpoint = track.endpoint();
        match &endpoint.scope {
            Scope::All => {}
            Scope::Organization(id) => data["organization_id"] = id.as_str().into(),
            Scope::Directory(id) => data["directory_id"] = id.as_str().into(),
        }
        if let Some(description) = &endpoint.description {
            data["description"] = description.as_str().into();
        }
        let notice = Notice {
            id: EventId::from_uuid(clock::new_uuid()),
            endpoint_id: endpoint.id.clone(),
            kind,
            at: clock::now(),
            data,
        };
        self.pending.notices.push((self.shard, notice));
    }

    /// Puts what is saved into the log.
    pub(super) fn start_telling(&mut self) {
        if !self.notices.due || self.notices.telling {
            return;
        }
        self.notices.due = false;
        self.notices.telling = true;
        let (log, shard) = (self.log.clone(), self.shard);
        self.side.push(Box::pin(async move {
            let mut told = Vec::new();
            let notices = match log.notices(shard, PAGE).await {
                Ok(notices) => notices,
                Err(error) => {
                    tracing::warn!(%error, "what the operator is to be told cannot be read");
                    sleep(AGAIN).await;
                    return Side::Told { told, more: true };
                }
            };
            let mut more = notices.len() >= PAGE as usize;
            for notice in notices {
                let id = notice.id.clone();
                if let Err(error) = log.tell_operator(notice).await {
                    tracing::warn!(%error, "the operator cannot be told yet");
                    sleep(AGAIN).await;
                    more = true;
                    break;
                }
                told.push(id);
            }
            Side::Told { told, more }
        }));
    }

    pub(super) fn told(&mut self, told: Vec<EventId>, more: bool) {
        self.notices.telling = false;
        // Until the ledger knows, a read would give the same ones again.
        let wait = more && !told.is_empty();
        self.pending.notices_told.extend(told);
        if wait {
            self.side.push(Box::pin(async {
                sleep(AGAIN).await;
                Side::TellAgain
            }));
        } else {
            self.notices.due |= more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::test_event;

    #[tokio::test(start_paused = true)]
    async fn a_thousand_exhausted_deliveries_are_two_notices() {
        let endpoint = EndpointId::from_uuid(uuid::Uuid::nil());
        let mut exhausted = Exhausted::default();
        let event = test_event(1, "u1");
        exhausted.note(&event, &endpoint);
        let first = exhausted.due(Instant::now(), false).unwrap();
        assert_eq!((&first["count"], first["deliveries"].as_array().unwrap().len()), (&json!(1), 1));
        for _ in 0..1_000 {
            exhausted.note(&event, &endpoint);
            assert_eq!(exhausted.due(Instant::now(), false), None);
        }
        tokio::time::advance(EVERY).await;
        let second = exhausted.due(Instant::now(), false).unwrap();
        assert_eq!(
            (&second["count"], second["deliveries"].as_array().unwrap().len()),
            (&json!(1_000), NAMED)
        );
        assert_eq!(exhausted.due(Instant::now(), true), None);
    }
}
