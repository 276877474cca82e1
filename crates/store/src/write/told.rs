//! Tells those who wait what is on the disk now.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use rollcall_domain::event::LoggedEvent;

use super::{Committed, WriteError, WriteTicket, meters::Meters};
use crate::CommitListener;

/// Tells the listener of events that were committed.
pub(super) fn events(listener: &dyn CommitListener, meters: &Meters, events: &[Arc<LoggedEvent>]) {
    if events.is_empty() {
        return;
    }
    for event in events {
        if let Some(counter) = meters.events.get(usize::from(event.kind as u8)) {
            counter.increment(1);
        }
    }
    if catch_unwind(AssertUnwindSafe(|| listener.committed(events))).is_err() {
        tracing::error!("the listener for committed events panicked");
    }
}

/// Resolves a request's ticket.
pub(super) fn outcome(meters: &Meters, ticket: WriteTicket, outcome: Result<Committed, WriteError>) {
    match &outcome {
        Ok(_) => meters.done.increment(1),
        Err(WriteError::Refused(_)) => meters.refused.increment(1),
        Err(WriteError::Unavailable { .. }) => meters.unavailable.increment(1),
        Err(WriteError::Failed) => meters.failed.increment(1),
    }
    // Whoever asked may be gone; what it asked for is done all the same.
    let _ = ticket.send(outcome);
}
