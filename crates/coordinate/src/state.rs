//! Where this process stands with the others.

use jiff::Timestamp;

/// See [`crate::Coordination::state`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is one process; nothing is shared.
    Local,
    /// What this process says reaches the others.
    Connected,
    /// Redis cannot be reached: this process goes on by itself.
    Away {
        /// Since when; at the latest since the start.
        since: Timestamp,
    },
}
