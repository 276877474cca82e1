//! The system's clock and source of ids, in one place.

use jiff::Timestamp;
use uuid::Uuid;

/// The present time, cut to microseconds (what the store keeps).
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// A new UUIDv7.
#[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
pub fn new_uuid() -> Uuid {
    Uuid::now_v7()
}
