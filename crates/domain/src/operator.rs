//! The operator's stream: what the owner of Rollcall is told of how it fares.
//!
//! Its events stand in the log as all others do, in a directory that is none: the *stream*, with an id
//! of zeros and sequences of its own. Their subject is the endpoint that they are about. A [`Notice`]
//! is what a dispatcher has to say; it becomes an event unless the same was [`Told`] before.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    event::EventType,
    ids::{DirectoryId, EndpointId, EventId, OrganizationId},
};

/// The directory that stands for the stream.
pub fn stream() -> DirectoryId {
    DirectoryId::from_uuid(Uuid::nil())
}

/// The organization that stands for the operator.
pub fn organization() -> OrganizationId {
    OrganizationId::from_uuid(Uuid::nil())
}

/// Something to tell the operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The event's id: a notice that comes again is told once.
    pub id: EventId,
    /// Which endpoint it is about.
    pub endpoint_id: EndpointId,
    /// One of the operator's types.
    pub kind: EventType,
    /// When it was noticed.
    pub at: Timestamp,
    /// The event's `data`, beside `endpoint_id` and `at`: an object.
    pub data: Value,
}

// A JSON value may hold a float, which no notice does.
impl Eq for Notice {}

/// What was told of an endpoint before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// This very notice.
    pub already: bool,
    /// How many events there are about the endpoint.
    pub events: u64,
    /// How it stood by the last of them that says so.
    pub state: Option<EventType>,
}

impl Told {
    /// Whether a notice of this type says something new: lanes of several shards and processes each
    /// notice that an endpoint fails and that it is back.
    pub fn is_news(&self, kind: EventType) -> bool {
        let was = |kind| self.state == Some(kind);
        !self.already
            && match kind {
                EventType::EndpointFailing => !was(EventType::EndpointFailing),
                EventType::EndpointRecovered => {
                    was(EventType::EndpointFailing) || was(EventType::EndpointDisabled)
                }
                _ => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_not_told_again() {
        use EventType::{
            DeliveryExhausted as Exhausted, EndpointDisabled as Disabled, EndpointFailing as Failing,
            EndpointRecovered as Recovered,
        };
        for (state, news) in [
            (None, vec![Failing, Disabled, Exhausted]),
            (Some(Failing), vec![Disabled, Recovered, Exhausted]),
            (Some(Disabled), vec![Failing, Disabled, Recovered, Exhausted]),
            (Some(Recovered), vec![Failing, Disabled, Exhausted]),
        ] {
            let told = Told { state, ..Told::default() };
            let all = [Failing, Disabled, Recovered, Exhausted];
            let found: Vec<_> = all.into_iter().filter(|kind| told.is_news(*kind)).collect();
            assert_eq!(found, news, "{state:?}");
            let already = Told { already: true, ..told };
            assert!(all.into_iter().all(|kind| !already.is_news(kind)), "{state:?}");
        }
    }
}
