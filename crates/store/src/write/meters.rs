//! What the writer measures.

use metrics::{Counter, Histogram};
use rollcall_domain::event::EventType;

use crate::metric;

pub(super) struct Meters {
    pub(super) batch_size: Histogram,
    pub(super) batch_seconds: Histogram,
    pub(super) commit_seconds: Histogram,
    pub(super) commit_failures: Counter,
    pub(super) done: Counter,
    pub(super) refused: Counter,
    pub(super) failed: Counter,
    pub(super) unavailable: Counter,
    pub(super) events: Vec<Counter>,
    pub(super) queue: metrics::Gauge,
}

impl Meters {
    pub(super) fn new() -> Self {
        let codes = EventType::ALL.iter().map(|kind| usize::from(*kind as u8)).max().unwrap_or(0);
        let mut events = vec![Counter::noop(); codes + 1];
        for kind in EventType::ALL {
            events[usize::from(*kind as u8)] = metrics::counter!(metric::EVENTS, "type" => kind.as_str());
        }
        Self {
            batch_size: metrics::histogram!(metric::BATCH_SIZE),
            batch_seconds: metrics::histogram!(metric::BATCH_SECONDS),
            commit_seconds: metrics::histogram!(metric::COMMIT_SECONDS),
            commit_failures: metrics::counter!(metric::COMMIT_FAILURES),
            done: metrics::counter!(metric::WRITES, "outcome" => "done"),
            refused: metrics::counter!(metric::WRITES, "outcome" => "refused"),
            failed: metrics::counter!(metric::WRITES, "outcome" => "failed"),
            unavailable: metrics::counter!(metric::WRITES, "outcome" => "unavailable"),
            events,
            queue: metrics::gauge!(metric::WRITE_QUEUE),
        }
    }
}
