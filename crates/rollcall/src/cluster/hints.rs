//! What dispatchers tell each other of endpoints, over the coordination.

use rollcall_coordinate::Coordination;
use tokio::sync::watch;

/// See [`rollcall_dispatch::Hints`].
pub(super) struct Hints(pub(super) Coordination);

impl rollcall_dispatch::Hints for Hints {
    fn breaker_opened(&self, endpoint: &str, until: jiff::Timestamp) {
        self.0.breaker_opened(endpoint, until);
    }

    fn breaker_closed(&self, endpoint: &str) {
        self.0.breaker_closed(endpoint);
    }

    fn breaker(&self, endpoint: &str) -> Option<jiff::Timestamp> {
        self.0.breaker(endpoint)
    }

    fn breaker_changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.0.breaker_changes())
    }

    fn active_at(&self, endpoint: &str) {
        self.0.active_at(endpoint);
    }

    fn share(&self, endpoint: &str) -> f64 {
        self.0.share(endpoint)
    }
}
