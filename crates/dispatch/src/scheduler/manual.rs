//! Sends that the owner asked for: one attempt each, outside the lane's order. A paused or disabled
//! endpoint still gets them; a quarantined one does not.
//!
//! Cast: a **line** for each endpoint with requests. Plot: requests are read in the order in which
//! they were made, whatever is under way; each line's turn comes in rotation; its events are looked
//! up one after the other and sent a few at a time, those of one subject one after the other. A
//! request for an event that is asked for already is carried out with that one.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    rc::Rc,
    sync::Arc,
};

use rollcall_domain::{
    delivery::{DeliveryId, Trigger},
    endpoint::EndpointState,
    event::LoggedEvent,
    ids::{EndpointId, EventId},
};
use rollcall_store::{
    ledger::{ManualSend, ManualSendWhat},
    read::ReadError,
};
use tokio::time::sleep;

use super::{
    Scheduler,
    flights::{Cargo, Landed},
    reads::{AGAIN, Side},
};
use crate::{
    attempt::{Courier, Marks},
    log::Log,
};

/// Under way for one endpoint, so that one that hangs does not keep the others waiting.
const OF_ENDPOINT: usize = 8;
/// Events under way in all.
const EVENTS: usize = 64;
/// Under way in all: somebody looks at the screen while a test is sent.
const ALL: usize = 128;
/// Requests that are known at a time; the others wait in the store.
const KNOWN: usize = 16_384;
/// Further requests that are read at a time, at least.
const PAGE: usize = 256;

/// What is known of the requests.
#[derive(Default)]
pub(super) struct Manual {
    /// There may be some in the store that are not known.
    pub(super) due: bool,
    reading: bool,
    /// Those that are known, until the store knows that they are done.
    seen: HashSet<i64>,
    /// Those that became done while a read was under way, which may still give them.
    gone: HashSet<i64>,
    lines: HashMap<EndpointId, Line>,
    /// The lines that have something to begin.
    turns: VecDeque<EndpointId>,
    /// The requests for each event that is asked for.
    same: HashMap<(EndpointId, u64), Vec<i64>>,
    under_way: usize,
}

#[derive(Default)]
struct Line {
    tests: VecDeque<(i64, EventId, String)>,
    events: VecDeque<(i64, u64)>,
    /// The next event is being looked up. One at a time, so that they keep their order.
    finding: bool,
    /// Those being looked up, sent, or waiting for their subject.
    under_way: usize,
    /// The subjects that are being sent, each with what waits for it.
    subjects: HashMap<Box<str>, VecDeque<Found>>,
    in_turns: bool,
}

/// An event that was looked up.
pub(super) struct Found {
    id: i64,
    event: Arc<LoggedEvent>,
    /// Attempts so far.
    attempts: u32,
}

impl Manual {
    /// There may be some from before the start.
    pub(super) fn new() -> Self {
        Self { due: true, ..Self::default() }
    }

    /// Requests that are done are known to be to the store.
    pub(super) fn saved(&mut self, ids: impl Iterator<Item = i64>) {
        for id in ids {
            self.seen.remove(&id);
            if self.reading {
                self.gone.insert(id);
            }
        }
    }

    fn turn(&mut self, endpoint: &EndpointId) {
        let Some(line) = self.lines.get_mut(endpoint) else { return };
        if line.is_over() {
            self.lines.remove(endpoint);
        } else if !line.in_turns && line.may_begin() {
            line.in_turns = true;
            self.turns.push_back(endpoint.clone());
        }
    }

    fn line_freed(&mut self, endpoint: &EndpointId) {
        self.under_way -= 1;
        if let Some(line) = self.lines.get_mut(endpoint) {
            line.under_way -= 1;
        }
    }
}

impl Line {
    fn is_over(&self) -> bool {
        self.under_way == 0 && self.tests.is_empty() && self.events.is_empty()
    }

    fn may_begin(&self) -> bool {
        let has = !self.tests.is_empty() || (!self.finding && !self.events.is_empty());
        has && self.under_way < OF_ENDPOINT
    }
}

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Asks for requests, if there may be some.
    pub(super) fn read_manual(&mut self) {
        let manual = &mut self.manual;
        if self.stopping || !manual.due || manual.reading || manual.seen.len() >= KNOWN {
            return;
        }
        manual.due = false;
        manual.reading = true;
        // They stay in the store until they are done, before those that are not known.
        let limit = manual.seen.len() + manual.seen.len().max(PAGE);
        let (log, shard) = (self.log.clone(), self.shard);
        self.side.push(Box::pin(async move {
            let result = log.manual_sends(shard, u32::try_from(limit).unwrap_or(u32::MAX)).await;
            Side::Manual { result, limit }
        }));
    }

    pub(super) fn manual(&mut self, result: Result<Vec<ManualSend>, ReadError>, limit: usize) {
        self.manual.reading = false;
        let gone = std::mem::take(&mut self.manual.gone);
        let sends = match result {
            Ok(sends) => sends,
            Err(error) => {
                tracing::warn!(%error, "the sends that were asked for cannot be read");
                self.side.push(Box::pin(async move {
                    sleep(AGAIN).await;
                    Side::ManualDue
                }));
                return;
            }
        };
        // There may be more than were read.
        self.manual.due |= sends.len() >= limit;
        for send in sends {
            if !gone.contains(&send.id) && self.manual.seen.insert(send.id) {
                self.enter(send);
            }
        }
        self.start_manual();
    }

    fn enter(&mut self, send: ManualSend) {
        let endpoint = send.endpoint_id;
        let line = self.manual.lines.entry(endpoint.clone()).or_default();
        match send.what {
            ManualSendWhat::Test { event_id, body } => line.tests.push_back((send.id, event_id, body)),
            ManualSendWhat::Event { position, .. } => {
                let same = self.manual.same.entry((endpoint.clone(), position)).or_default();
                same.push(send.id);
                if same.len() == 1 {
                    line.events.push_back((send.id, position));
                }
            }
        }
        self.manual.turn(&endpoint);
    }

    /// Begins what may begin, each line in its turn.
    fn start_manual(&mut self) {
        let mut idle = 0;
        while !self.stopping && idle < self.manual.turns.len() {
            let Some(endpoint) = self.manual.turns.pop_front() else { return };
            if self.start_one(&endpoint) {
                idle = 0;
                self.manual.turn(&endpoint);
            } else {
                // It keeps its turn until there is room.
                idle += 1;
                self.manual.turns.push_back(endpoint);
            }
        }
    }

    /// `false` if there is no room for what this line has.
    fn start_one(&mut self, endpoint: &EndpointId) -> bool {
        let under_way = self.manual.under_way;
        let Some(line) = self.manual.lines.get_mut(endpoint) else { return true };
        if !line.may_begin() {
            line.in_turns = false;
            return true;
        }
        let test = !line.tests.is_empty() && under_way < ALL;
        if !test && (line.finding || line.events.is_empty() || under_way >= EVENTS) {
            return false;
        }
        line.in_turns = false;
        line.under_way += 1;
        self.manual.under_way += 1;
        if test {
            let Some((id, event_id, body)) = line.tests.pop_front() else { return true };
            self.send_by_hand(endpoint, id, None, event_id, 1, body.into());
        } else {
            let Some((id, position)) = line.events.pop_front() else { return true };
            line.finding = true;
            self.find(endpoint.clone(), id, position);
        }
        true
    }

    fn find(&mut self, endpoint: EndpointId, id: i64, position: u64) {
        let (log, shard) = (self.log.clone(), self.shard);
        self.flights.push(Box::pin(async move {
            let delivery = DeliveryId { endpoint_id: endpoint.clone(), shard, position };
            let found = loop {
                match log.delivery(&delivery).await {
                    Ok(found) => break found,
                    Err(_) => sleep(AGAIN).await,
                }
            };
            let found = found.map(|(event, attempts)| Found { id, event, attempts });
            Landed::Found { endpoint, position, found }
        }));
    }

    /// An event was looked up.
    pub(super) fn found(&mut self, endpoint: &EndpointId, position: u64, found: Option<Found>) {
        if let Some(line) = self.manual.lines.get_mut(endpoint) {
            line.finding = false;
            match found {
                Some(found) => {
                    if let Some(waiting) = line.subjects.get_mut(&found.event.subject.id) {
                        waiting.push_back(found);
                    } else {
                        line.subjects.insert(found.event.subject.id.clone(), VecDeque::new());
                        self.send_found(endpoint, found);
                    }
                }
                // There is no such event (any more).
                None => {
                    self.manual_event_done(endpoint, position);
                    self.manual.line_freed(endpoint);
                }
            }
        }
        self.manual.turn(endpoint);
        self.start_manual();
    }

    fn send_found(&mut self, endpoint: &EndpointId, found: Found) {
        let Found { id, event, attempts } = found;
        let (event_id, body) = (event.id.clone(), event.body.clone());
        self.send_by_hand(endpoint, id, Some(event), event_id, attempts + 1, body);
    }

    fn send_by_hand(
        &mut self,
        endpoint: &EndpointId,
        id: i64,
        event: Option<Arc<LoggedEvent>>,
        event_id: EventId,
        number: u32,
        body: bytes::Bytes,
    ) {
        // When stopping, the request stays in the store.
        if self.stopping {
            return;
        }
        let trigger = if event.is_some() { Trigger::Resend } else { Trigger::Test };
        let index = self.by_id.get(endpoint).copied();
        let target = match index.and_then(|index| self.tracks[index].as_ref()) {
            Some(track) => Some((track.endpoint().state, Rc::clone(&track.target))),
            // Its events are in other shards.
            None => self
                .log
                .catalog()
                .endpoints
                .get(endpoint)
                .map(|entry| (entry.endpoint.state, Rc::new(self.courier.target(entry)))),
        };
        let target = target.filter(|(state, _)| *state != EndpointState::Quarantined);
        let cargo = Cargo {
            index,
            endpoint: endpoint.clone(),
            event_id,
            event,
            number,
            trigger,
            manual: Some(id),
            marks: Marks::default(),
        };
        match target {
            Some((_, target)) => self.fly(target, cargo, body, None),
            // By the loop, so that a thousand of these are not a thousand calls deep.
            None => self.flights.push(Box::pin(std::future::ready(Landed::Refused { cargo }))),
        }
    }

    /// A request was carried out, or is not going to be.
    pub(super) fn manual_over(&mut self, cargo: &Cargo) {
        let endpoint = &cargo.endpoint;
        match &cargo.event {
            Some(event) => {
                self.manual_event_done(endpoint, event.position);
                if let Some(line) = self.manual.lines.get_mut(endpoint) {
                    match line.subjects.get_mut(&event.subject.id).and_then(VecDeque::pop_front) {
                        Some(next) => self.send_found(endpoint, next),
                        None => {
                            line.subjects.remove(&event.subject.id);
                        }
                    }
                }
            }
            None => self.pending.manual_done.extend(cargo.manual),
        }
        self.manual.line_freed(endpoint);
        self.manual.turn(endpoint);
        self.start_manual();
    }

    fn manual_event_done(&mut self, endpoint: &EndpointId, position: u64) {
        let same = self.manual.same.remove(&(endpoint.clone(), position));
        self.pending.manual_done.extend(same.into_iter().flatten());
    }
}
