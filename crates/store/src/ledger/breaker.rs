//! What a lane's saved breaker says to its owner.
//!
//! The dispatcher writes it and knows more of it; here it is only read, and a form that is not known
//! is taken for a closed one: then all is as it would be without a breaker.

use jiff::Timestamp;
use serde::Deserialize;

/// Whether an endpoint is being sent to at all, or left alone for a while since it keeps failing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum BreakerState {
    /// Sending.
    #[default]
    Closed,
    /// Nothing is sent.
    Open {
        /// When an attempt may be made again, to see how it fares.
        until: Timestamp,
    },
    /// That time has come: the next attempt decides.
    HalfOpen,
}

impl BreakerState {
    pub(super) fn read(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// As it is now: a wait that is over ends, whether or not the dispatcher has saved that.
    pub(super) fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Open { until } if until <= now => Self::HalfOpen,
            state => state,
        }
    }

    /// When an attempt that is scheduled for this time is made.
    pub(super) fn defers(self, scheduled: Timestamp) -> Timestamp {
        if let Self::Open { until } = self { scheduled.max(until) } else { scheduled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_the_dispatcher_writes_is_read_and_anything_else_is_closed() {
        let open = BreakerState::Open { until: at(97) };
        for (json, expected) in [
            (r#"{"state":"closed"}"#, BreakerState::Closed),
            (r#"{"state":"open","until":"1970-01-01T00:01:37Z","index":1}"#, open),
            (r#"{"state":"half_open","index":1}"#, BreakerState::HalfOpen),
            (r#"{"state":"open","until":7}"#, BreakerState::Closed),
            (r#"{"state":"ajar"}"#, BreakerState::Closed),
            ("{}", BreakerState::Closed),
            ("", BreakerState::Closed),
        ] {
            assert_eq!(BreakerState::read(json), expected, "{json}");
        }
    }

    #[test]
    fn an_open_one_defers_what_is_due_earlier_until_its_wait_is_over() {
        let open = BreakerState::Open { until: at(97) };
        assert_eq!([open.defers(at(5)), open.defers(at(98))], [at(97), at(98)]);
        assert_eq!(BreakerState::Closed.defers(at(5)), at(5));
        assert_eq!(BreakerState::HalfOpen.defers(at(5)), at(5));
        assert_eq!(open.at(at(96)), open);
        assert_eq!(open.at(at(97)), BreakerState::HalfOpen);
        assert_eq!(BreakerState::Closed.at(at(97)), BreakerState::Closed);
    }
}
