//! What an attempt means: whether its event is settled, and if not, whose fault it looks like.

use std::time::Duration;

use crate::delivery::ErrorClass;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Answered 2xx: settled.
    Delivered,
    /// It failed; the event may be tried again.
    Failed {
        /// Whose fault it looks like.
        fault: Fault,
        /// What the endpoint asked for.
        retry_after: Option<Duration>,
        /// Whether it says that less should be sent at a time: a timeout, 429 or 503.
        too_much: bool,
    },
    /// The endpoint must not be sent to any more until its owner says so: the event keeps its place.
    Halted(Halt),
}

/// Whose fault a failure looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This event's: only its subject waits.
    Message,
    /// The endpoint's: it counts towards the breaker.
    Endpoint,
}

/// Why an endpoint is not sent to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// It answered 410 Gone.
    Gone,
    /// Its address is forbidden by the egress policy.
    Blocked,
}

impl Verdict {
    /// The verdict on an attempt that ended with this status, or failed in this way.
    ///
    /// A redirect is the endpoint's failure: it has moved, which no event can be blamed for.
    pub fn of(status: Option<u16>, error: Option<ErrorClass>, retry_after: Option<Duration>) -> Self {
        let failed = |fault, too_much| Self::Failed { fault, retry_after, too_much };
        match (error, status) {
            (None, _) => Self::Delivered,
            (Some(ErrorClass::BlockedAddress), _) => Self::Halted(Halt::Blocked),
            (Some(ErrorClass::Status), Some(410)) => Self::Halted(Halt::Gone),
            (Some(ErrorClass::Status), Some(429 | 503)) => failed(Fault::Endpoint, true),
            (Some(ErrorClass::Status), Some(300..400 | 408 | 500..)) => failed(Fault::Endpoint, false),
            (Some(ErrorClass::Status), _) => failed(Fault::Message, false),
            (Some(ErrorClass::Timeout), _) => failed(Fault::Endpoint, true),
            (Some(_), _) => failed(Fault::Endpoint, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_a_scope() {
        use Fault::{Endpoint, Message};
        for (status, fault) in [
            (302, Endpoint),
            (304, Endpoint),
            (400, Message),
            (401, Message),
            (404, Message),
            (422, Message),
            (408, Endpoint),
            (429, Endpoint),
            (500, Endpoint),
            (503, Endpoint),
            (599, Endpoint),
        ] {
            let verdict = Verdict::of(Some(status), Some(ErrorClass::Status), None);
            assert!(
                matches!(verdict, Verdict::Failed { fault: f, .. } if f == fault),
                "{status} {verdict:?}"
            );
        }
        assert_eq!(Verdict::of(Some(410), Some(ErrorClass::Status), None), Verdict::Halted(Halt::Gone));
        assert_eq!(Verdict::of(Some(204), None, None), Verdict::Delivered);
        assert_eq!(Verdict::of(None, Some(ErrorClass::BlockedAddress), None), Verdict::Halted(Halt::Blocked));
    }
}
