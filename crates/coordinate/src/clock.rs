//! The system's clock, in one place.

use jiff::Timestamp;

/// The present time, cut to microseconds (what is sent to other processes).
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
pub(crate) fn now() -> Timestamp {
    whole_microseconds(Timestamp::now())
}

/// What is below a microsecond is cut off.
pub(crate) fn whole_microseconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(moment.as_microsecond()).unwrap_or(moment)
}
