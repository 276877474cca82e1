//! Sends that the owner asked for: one attempt each, outside the lane's order. A paused or disabled
//! endpoint still gets them; a quarantined one does not.

use std::rc::Rc;

use rollcall_domain::{
    delivery::{DeliveryId, Trigger},
    endpoint::EndpointState,
};
use rollcall_store::{
    ledger::{ManualSend, ManualSendWhat},
    read::ReadError,
};
use tokio::time::sleep;

use super::{
    Log, Scheduler,
    flights::{Cargo, Landed, fly},
    reads::{AGAIN, Side},
};
use crate::attempt::Courier;

/// Requests that are carried out at the same time.
const AT_ONCE: u32 = 64;

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Asks for requests, if there may be some.
    pub(super) fn read_manual(&mut self) {
        if self.stopping || !self.manual_due || self.manual_reading || !self.manual_seen.is_empty() {
            return;
        }
        self.manual_due = false;
        self.manual_reading = true;
        let log = self.log.clone();
        self.side.push(Box::pin(async move { Side::Manual(log.manual_sends(AT_ONCE).await) }));
    }

    pub(super) fn manual(&mut self, result: Result<Vec<ManualSend>, ReadError>) {
        self.manual_reading = false;
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
        self.manual_due |= sends.len() >= AT_ONCE as usize;
        for send in sends {
            if !self.stopping && self.manual_seen.insert(send.id) {
                self.start_manual(send);
            }
        }
    }

    fn start_manual(&mut self, send: ManualSend) {
        let track = self.by_id.get(&send.endpoint_id).and_then(|i| Some((*i, self.tracks[*i].as_ref()?)));
        let Some((index, track)) = track.filter(|(_, t)| t.endpoint().state != EndpointState::Quarantined)
        else {
            self.flights.push(Box::pin(async move { Landed::Nothing(send.id) }));
            return;
        };
        let courier = Rc::clone(&self.courier);
        let target = Rc::clone(&track.target);
        let endpoint = send.endpoint_id;
        let manual = Some(send.id);
        match send.what {
            ManualSendWhat::Test { event_id, body } => {
                let trigger = Trigger::Test;
                let cargo = Cargo { index, endpoint, event_id, event: None, number: 1, trigger, manual };
                self.flights.push(Box::pin(fly(courier, target, cargo, body.into(), None)));
            }
            ManualSendWhat::Event { shard, position } => {
                let log = self.log.clone();
                self.flights.push(Box::pin(async move {
                    let id = DeliveryId { endpoint_id: endpoint.clone(), shard, position };
                    let found = loop {
                        match log.delivery(&id).await {
                            Ok(found) => break found,
                            Err(_) => sleep(AGAIN).await,
                        }
                    };
                    let Some((event, attempts)) = found else { return Landed::Nothing(send.id) };
                    let body = event.body.clone();
                    let cargo = Cargo {
                        index,
                        endpoint,
                        event_id: event.id.clone(),
                        event: Some(event),
                        number: attempts + 1,
                        trigger: Trigger::Resend,
                        manual,
                    };
                    fly(courier, target, cargo, body, None).await
                }));
            }
        }
    }
}
