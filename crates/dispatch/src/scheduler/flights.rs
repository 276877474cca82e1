//! Flights: attempts that start when it is their lane's turn and there is a slot, and what comes
//! of them when they land.

use std::{pin::pin, rc::Rc, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use metrics::{counter, histogram};
use rollcall_domain::{
    delivery::{Attempt, ErrorClass, Trigger},
    endpoint::EndpointState,
    event::LoggedEvent,
    ids::{AttemptId, EndpointId, EventId},
};
use rollcall_store::{
    clock,
    config_ops::ConfigError,
    ledger::{DeadLetter, Replaced},
};
use tokio::time::{Instant, sleep, timeout};

use super::{Scheduler, manual::Found, reads::Side, tell::Outcome};
use crate::{
    attempt::{Answer, Courier, Marks},
    lane::{Finished, GivenUp, Halt, Verdict},
    log::Log,
    metric,
    process::{Inbox, Turn},
    slots::{Pool, SLOW, Slot},
};

/// Attempts of a pool that start before the scheduler looks at anything else.
const ROUND: usize = 128;

/// What was sent, and why.
#[derive(Clone, Debug)]
pub(super) struct Cargo {
    /// The endpoint's track; a send that the owner asked for may have none.
    pub(super) index: Option<usize>,
    pub(super) endpoint: EndpointId,
    pub(super) event_id: EventId,
    /// The event in the log; a test event is not there.
    pub(super) event: Option<Arc<LoggedEvent>>,
    pub(super) number: u32,
    pub(super) trigger: Trigger,
    /// The owner's request, if it was one.
    pub(super) manual: Option<i64>,
    pub(super) marks: Marks,
}

/// What came of it.
pub(super) enum Landed {
    /// It was sent.
    Sent { cargo: Cargo, answer: Answer, started_at: Timestamp, took: Duration },
    /// An event that the owner asked for was looked up.
    Found { endpoint: EndpointId, position: u64, found: Option<Found> },
    /// The endpoint that the owner asked for it to be sent to is gone or quarantined.
    Refused { cargo: Cargo },
}

/// Sends; the slot is given back when the answer is there, or when this is dropped.
async fn fly<C: Courier>(
    courier: Rc<C>,
    target: Rc<C::Target>,
    cargo: Cargo,
    body: bytes::Bytes,
    mut slot: Option<(Slot, Rc<Inbox>)>,
) -> Landed {
    let started_at = clock::now();
    let start = Instant::now();
    let id = cargo.event_id.clone();
    let marks = cargo.marks.clone();
    let mut send = pin!(courier.send(&target, id.as_str(), body, &marks));
    let answer = match timeout(SLOW, &mut send).await {
        Ok(answer) => answer,
        Err(_) => {
            if let Some((slot, inbox)) = &mut slot {
                slot.age();
                // It left the quick ones' pool: somebody may have its place there.
                inbox.notify.notify_one();
            }
            send.await
        }
    };
    drop(slot);
    Landed::Sent { cargo, answer, started_at, took: start.elapsed() }
}

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Starts attempts, each for the lane whose turn it is; what is another shard's turn, its
    /// scheduler starts.
    pub(super) fn start_attempts(&mut self) {
        if !self.held_up.is_empty() && self.may_begin() {
            for index in std::mem::take(&mut self.held_up) {
                self.touch(index);
            }
            self.refresh_touched();
        }
        for pool in [Pool::Fast, Pool::Slow] {
            for _ in 0..ROUND {
                let process = Rc::clone(&self.process);
                match process.turn(pool, &self.member) {
                    Turn::Own(index) => self.take_turn(index, pool),
                    Turn::Granted => {}
                    Turn::Nobody => break,
                }
            }
        }
    }

    /// Starts what other shards' schedulers had slots for.
    pub(super) fn start_granted(&mut self) {
        loop {
            let granted = self.member.inbox.granted.borrow_mut().pop_front();
            let Some((index, slot)) = granted else { return };
            if self.is_ready(index) {
                self.send_next(index, Some(slot));
            }
        }
    }

    fn take_turn(&mut self, index: usize, pool: Pool) {
        if !self.is_ready(index) {
            return;
        }
        let Some(track) = self.tracks[index].as_ref() else { return };
        if track.common.speed.pool() == pool {
            self.send_next(index, None);
        } else {
            // It became slower or quicker: its turn comes in the other rotation.
            self.touch(index);
            self.refresh_touched();
        }
    }

    /// A lane has its turn; `true` if it still has something to send.
    fn is_ready(&mut self, index: usize) -> bool {
        let may_begin = self.may_begin();
        let Some(track) = self.tracks[index].as_mut() else { return false };
        track.in_rotation = false;
        if !may_begin {
            // Until the lease is renewed.
            self.held_up.push(index);
            return false;
        }
        track.share();
        let now = self.process.clock.now();
        if track.part.as_ref().is_some_and(|part| part.waits_until(now).is_some()) {
            self.touch(index);
            return false;
        }
        track.is_sending() && track.lane.is_ready() && self.heeds(index)
    }

    fn send_next(&mut self, index: usize, slot: Option<Slot>) {
        let Some(track) = self.tracks[index].as_mut() else { return };
        let caught_up = track.following || track.lane.scan() >= track.goal(self.followed);
        if let Some(sending) = track.lane.next(caught_up) {
            let now = self.process.clock.now();
            let replay = track.part.as_mut().map(|part| {
                part.begins(now);
                part.replay.id.clone()
            });
            let cargo = Cargo {
                index: Some(index),
                endpoint: track.endpoint().id.clone(),
                event_id: sending.event.id.clone(),
                number: sending.number,
                trigger: if replay.is_some() { Trigger::Replay } else { Trigger::Schedule },
                manual: None,
                marks: Marks { replaces: sending.replaces, replay },
                event: Some(Arc::clone(&sending.event)),
            };
            self.process.active_at(&track.entry.endpoint.id, &track.common);
            let slot = slot.unwrap_or_else(|| {
                self.process.slots.take(&track.common.speed, &track.tenant, &track.common.host())
            });
            let target = Rc::clone(&track.target);
            let slot = Some((slot, Rc::clone(&self.member.inbox)));
            self.fly(target, cargo, sending.event.body.clone(), slot);
            self.touch(index);
            self.refresh_touched();
        }
    }

    /// Sends, as long as the shard is held.
    pub(super) fn fly(
        &mut self,
        target: Rc<C::Target>,
        cargo: Cargo,
        body: bytes::Bytes,
        slot: Option<(Slot, Rc<Inbox>)>,
    ) {
        let flight = fly(Rc::clone(&self.courier), target, cargo, body, slot);
        let lease = Rc::clone(&self.lease);
        self.flights.push(Box::pin(async move {
            let sent = async {
                // For a lane it is looked at before its turn; the owner's sends wait here.
                lease.until_one_may_begin().await;
                flight.await
            };
            lease.while_it_lasts(sent).await
        }));
    }

    pub(super) fn landed(&mut self, landed: Landed) {
        let (cargo, answer, started_at, took) = match landed {
            Landed::Sent { cargo, answer, started_at, took } => (cargo, answer, started_at, took),
            Landed::Found { endpoint, position, found } => {
                self.found(&endpoint, position, found);
                return;
            }
            Landed::Refused { cargo } => {
                self.manual_over(&cargo);
                return;
            }
        };
        let name = answer.error.map_or("delivered", ErrorClass::as_str);
        counter!(metric::ATTEMPTS, "outcome" => name).increment(1);
        histogram!(metric::ATTEMPT_SECONDS).record(took.as_secs_f64());
        if cargo.manual.is_some() {
            self.manual_over(&cargo);
        }
        let position = cargo.event.as_ref().map_or(0, |e| e.position);
        let verdict = Verdict::of(answer.status, answer.error, answer.retry_after);
        let reason = answer.detail.clone();
        let outcome = Outcome { class: answer.error, status: answer.status };
        self.process.held_landed();
        let track = cargo.index.and_then(|index| self.tracks[index].as_ref());
        let is_known = match cargo.index {
            Some(_) => track.is_some_and(|t| t.endpoint().id == cargo.endpoint),
            None => self.log.catalog().endpoints.contains_key(&cargo.endpoint),
        };
        if !is_known {
            // Deleted meanwhile, and its attempts with it.
            return;
        }
        self.member.unsaved();
        self.pending.attempts.push(Attempt {
            id: AttemptId::from_uuid(clock::new_uuid()),
            endpoint_id: cargo.endpoint.clone(),
            event_id: cargo.event_id.clone(),
            shard: self.shard,
            position,
            number: cargo.number,
            trigger: cargo.trigger,
            started_at,
            duration_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            response_status: answer.status,
            error: answer.error,
            error_detail: answer.detail,
            response_body: answer.body,
        });
        if cargo.manual.is_some() {
            self.landed_by_hand(&cargo, verdict);
        } else if let Some(index) = cargo.index {
            self.landed_in_lane(index, &cargo, verdict, took, outcome, reason);
        }
        if let Some(index) = cargo.index {
            self.touch(index);
        }
    }

    fn landed_by_hand(&mut self, cargo: &Cargo, verdict: Verdict) {
        let now = self.process.clock.now();
        let (Some(event), Verdict::Delivered) = (&cargo.event, verdict) else { return };
        self.pending.revived.push((cargo.endpoint.clone(), self.shard, event.position));
        if let Some(track) = cargo.index.and_then(|index| self.tracks[index].as_mut()) {
            track.catch_up_to(self.followed);
            track.lane.settled_by_hand(&event.subject.id, event.position, now);
        }
    }

    fn landed_in_lane(
        &mut self,
        index: usize,
        cargo: &Cargo,
        verdict: Verdict,
        took: Duration,
        outcome: Outcome,
        reason: Option<String>,
    ) {
        let now = self.process.clock.now();
        let Some(event) = &cargo.event else { return };
        let Some(track) = self.tracks[index].as_mut() else { return };
        track.common.speed.note(took, outcome.class == Some(ErrorClass::Timeout));
        let breaker = track.lane.breaker();
        track.catch_up_to(self.followed);
        let jitter = rand::random::<f64>() * 2.0 - 1.0;
        let finished = track.lane.finish(event.position, verdict, now, jitter);
        if track.lane.scan() < self.followed {
            track.following = false;
        }
        let failing_since = track.lane.failing_since();
        track.tell_of_breaker(breaker, outcome);
        if track.part.is_some() {
            match finished {
                Finished::Settled => self.settled_by_replay(index, event),
                Finished::Dead { .. } => {
                    self.replayed(index, 0, 1);
                    self.note_exhausted(index, event);
                }
                Finished::Parked
                | Finished::Blocked
                | Finished::Exhausted
                | Finished::Kept
                | Finished::Unknown => {}
            }
            self.note_health(index, verdict, outcome);
            self.tell_others(index, breaker);
            self.halt_by(index, verdict, failing_since, reason);
            return;
        }
        match finished {
            Finished::Settled => {
                let latency = clock::now().duration_since(event.timestamp);
                histogram!(metric::LATENCY).record(latency.as_secs_f64().max(0.0));
            }
            Finished::Dead { attempts } => {
                track.tell_of_dead(&event.id, attempts, outcome);
                self.pending.dead.push(dead_letter(&cargo.endpoint, event, attempts, now));
            }
            Finished::Parked
            | Finished::Blocked
            | Finished::Exhausted
            | Finished::Kept
            | Finished::Unknown => {}
        }
        if let Finished::Dead { .. } | Finished::Blocked | Finished::Exhausted = finished {
            self.note_exhausted(index, event);
        }
        self.note_health(index, verdict, outcome);
        self.tell_others(index, breaker);
        self.halt_by(index, verdict, failing_since, reason);
    }

    /// An event arrived by a replay: it is no dead letter any more, and does not wait in the endpoint's own lane.
    fn settled_by_replay(&mut self, index: usize, event: &Arc<LoggedEvent>) {
        let now = self.process.clock.now();
        self.replayed(index, 1, 0);
        let Some(endpoint) = self.tracks[index].as_ref().map(|track| track.endpoint().id.clone()) else {
            return;
        };
        let own = self.by_id.get(&endpoint).copied();
        self.pending.revived.push((endpoint, self.shard, event.position));
        if let Some(own) = own
            && let Some(track) = self.tracks[own].as_mut()
        {
            track.catch_up_to(self.followed);
            track.lane.settled_by_hand(&event.subject.id, event.position, now);
            self.touch(own);
        }
    }

    /// Stops sending to an endpoint where what it answered, or how long it has failed, asks for it.
    fn halt_by(
        &mut self,
        index: usize,
        verdict: Verdict,
        failing_since: Option<Timestamp>,
        reason: Option<String>,
    ) {
        let now = self.process.clock.now();
        let limit = SignedDuration::from_secs(
            i64::try_from(self.process.settings.disable_after_seconds).unwrap_or(i64::MAX),
        );
        match verdict {
            Verdict::Halted(Halt::Gone) => {
                self.halt(index, EndpointState::Disabled, "the endpoint answered 410 Gone".to_owned());
            }
            Verdict::Halted(Halt::Blocked) => {
                let reason = reason.unwrap_or_else(|| "its address is forbidden".to_owned());
                self.halt(index, EndpointState::Quarantined, reason);
            }
            _ => {
                if let Some(since) = failing_since.filter(|since| now.duration_since(*since) > limit) {
                    let reason = format!("every attempt since {since} failed");
                    self.halt(index, EndpointState::Disabled, reason);
                }
            }
        }
    }

    /// Takes up what a lane gave up without another attempt.
    pub(super) fn take_given_up(&mut self, index: usize) {
        let now = self.process.clock.now();
        let Some(track) = self.tracks[index].as_mut() else { return };
        let endpoint = track.entry.endpoint.id.clone();
        let mut given_up_by_replay = 0;
        for given_up in track.lane.take_given_up() {
            match given_up {
                GivenUp::Dead { .. } if track.part.is_some() => given_up_by_replay += 1,
                GivenUp::Dead { event, attempts } => {
                    track.tell_of_dead(&event.id, attempts, Outcome { class: None, status: None });
                    self.pending.dead.push(dead_letter(&endpoint, &event, attempts, now));
                }
                GivenUp::Replaced { event, by } => self.pending.replaced.push(Replaced {
                    endpoint_id: endpoint.clone(),
                    shard: event.shard,
                    position: event.position,
                    by,
                }),
            }
        }
        if given_up_by_replay > 0 {
            self.replayed(index, 0, given_up_by_replay);
        }
    }

    /// Stops sending to an endpoint, and has the store say so.
    fn halt(&mut self, index: usize, state: EndpointState, reason: String) {
        let Some(track) = self.tracks[index].as_mut() else { return };
        track.lane.retreat();
        track.following = false;
        // A straggler's answer changes nothing more; nor does it undo what the owner did.
        if track.halting || track.endpoint().state != EndpointState::Active {
            return;
        }
        track.halting = true;
        let id = track.endpoint().id.clone();
        self.note_disabled(index, state, &reason);
        tracing::warn!(endpoint = %id, state = state.as_str(), reason, "an endpoint is not sent to any more");
        let log = self.log.clone();
        self.side.push(Box::pin(async move {
            loop {
                match log.set_state(&id, state, Some(reason.clone())).await {
                    Ok(()) | Err(ConfigError::NotFound) => break,
                    Err(error) => {
                        tracing::warn!(endpoint = %id, %error, "an endpoint's state cannot be changed")
                    }
                }
                sleep(Duration::from_secs(5)).await;
            }
            Side::StateSet { index, id }
        }));
    }
}

fn dead_letter(
    endpoint: &EndpointId,
    event: &Arc<LoggedEvent>,
    attempts: u32,
    died_at: Timestamp,
) -> DeadLetter {
    DeadLetter {
        endpoint_id: endpoint.clone(),
        shard: event.shard,
        position: event.position,
        event_id: event.id.clone(),
        subject_id: event.subject.id.to_string(),
        attempts,
        died_at,
    }
}
