//! How a moment is written for applications: RFC 3339 in UTC, always with milliseconds and `Z`, so that
//! the text has one length and sorts by time.

use std::fmt;

use jiff::Timestamp;
use serde::Serializer;

/// A moment as text, such as `2026-11-24T09:00:00.123Z`. What is below a millisecond is cut off.
pub fn rfc3339(moment: Timestamp) -> impl fmt::Display {
    Millis(moment)
}

/// For `#[serde(serialize_with = "…")]` on a [`Timestamp`]; see [`rfc3339`].
pub fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Millis(*moment))
}

/// As [`serialize`], for a moment that may be absent.
pub fn serialize_option<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => serializer.collect_str(&Millis(*moment)),
        None => serializer.serialize_none(),
    }
}

struct Millis(Timestamp);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_always_there_and_never_rounded_up() {
        for (nanoseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_999_999, "1970-01-01T00:00:00.001Z"),
            (1_700_000_000_123_999_999, "2023-11-14T22:13:20.123Z"),
            (1_700_000_000_120_000_000, "2023-11-14T22:13:20.120Z"),
        ] {
            let moment = Timestamp::from_nanosecond(nanoseconds).unwrap();
            assert_eq!(rfc3339(moment).to_string(), text);
        }
    }
}
