//! What processes tell each other about endpoints, if they can: hints, which may be lost, late, or
//! missing altogether. Whoever believes one that is wrong sends a little later, or a little more.

use jiff::Timestamp;
use tokio::sync::watch;

/// What the other processes say, and what they are told. Called from the dispatcher's thread, often:
/// no method may wait. An endpoint is named by its id.
pub trait Hints: Send + Sync {
    /// A breaker is open until then.
    fn breaker_opened(&self, endpoint: &str, until: Timestamp);
    /// It answers again.
    fn breaker_closed(&self, endpoint: &str);
    /// Until when somebody's breaker is open, if that lies ahead.
    fn breaker(&self, endpoint: &str) -> Option<Timestamp>;
    /// Changes when [`breaker`](Self::breaker) may say something else; `None` if nobody says so.
    fn breaker_changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }
    /// This process sends there now.
    fn active_at(&self, endpoint: &str);
    /// Which part (above 0, up to 1) of what the endpoint stands is this process's.
    fn share(&self, endpoint: &str) -> f64;
}
