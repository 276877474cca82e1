//! Why an event has not arrived yet, in words for its owner.
//!
//! Cast: a [`Mismatch`] where the endpoint does not want the event at all; [`Waiting`], what stands
//! between the event and the endpoint. Plot: whoever knows the lane's state finds the `Waiting`;
//! [`Waiting::words`] says it.

use jiff::Timestamp;

use crate::{
    endpoint::{EndpointState, Mismatch},
    event::SubjectKind,
    ids::EventId,
    order::Rule,
    timestamp::rfc3339,
};

/// Why an endpoint does not get an event at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// It does not want it.
    Unwanted(Mismatch),
    /// The event was committed before the endpoint's start.
    BeforeStart,
    /// When its lane came by, the endpoint did not want events of the type.
    Passed,
}

impl NotSent {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unwanted(Mismatch::Organization) => "other_organization",
            Self::Unwanted(Mismatch::Directory) => "other_directory",
            Self::Unwanted(Mismatch::Sandbox) => "sandbox",
            Self::Unwanted(Mismatch::Type) => "event_type",
            Self::Unwanted(Mismatch::Scope) => "operator_event",
            Self::Unwanted(Mismatch::Itself) => "about_itself",
            Self::BeforeStart => "endpoint_created_later",
            Self::Passed => "unwanted_at_that_time",
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unwanted(Mismatch::Organization) => {
                "not sent: the endpoint hears of another organization only"
            }
            Self::Unwanted(Mismatch::Directory) => "not sent: the endpoint hears of another directory only",
            Self::Unwanted(Mismatch::Sandbox) => {
                "not sent: the event is of a sandbox directory, which the endpoint does not name"
            }
            Self::Unwanted(Mismatch::Type) => "not sent: the type is not among the endpoint's event_types",
            Self::Unwanted(Mismatch::Scope) => {
                "not sent: operator events go only to endpoints that hear of all organizations"
            }
            Self::Unwanted(Mismatch::Itself) => "not sent: the event is about the endpoint itself",
            Self::BeforeStart => "not sent: the event is older than the place where the endpoint starts",
            Self::Passed => {
                "not sent: when it was the event's turn, its type was not among the endpoint's event_types"
            }
        }
    }
}

/// What an event that an endpoint is to get waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The endpoint is not sent to.
    Endpoint(EndpointState),
    /// An attempt failed; the next one is due then.
    Retry {
        /// Not before the endpoint's breaker lets it go.
        at: Timestamp,
        /// The number of that attempt, from 1.
        attempt: u32,
    },
    /// The attempts are used up, and the endpoint's policy is to block.
    Owner,
    /// The endpoint fails; it is probed with another event then, or (`None`) right now.
    Probe(Option<Timestamp>),
    /// Another event goes first.
    Earlier {
        /// Which.
        event: EventId,
        /// Why.
        rule: Rule,
        /// What this event is about.
        subject: SubjectKind,
        /// What that event waits for in turn.
        behind: Box<Waiting>,
    },
    /// Nothing but its turn: so many positions of the log lie between it and what is settled, those
    /// that the endpoint does not want among them.
    Turn {
        /// See above.
        ahead: u64,
    },
}

impl Waiting {
    /// The name on the wire.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Endpoint(EndpointState::Active) => "turn",
            Self::Endpoint(EndpointState::Paused) => "endpoint_paused",
            Self::Endpoint(EndpointState::Disabled) => "endpoint_disabled",
            Self::Endpoint(EndpointState::Quarantined) => "endpoint_quarantined",
            Self::Retry { .. } => "retry",
            Self::Owner => "owner",
            Self::Probe(_) => "probe",
            Self::Earlier { .. } => "earlier_event",
            Self::Turn { .. } => "turn",
        }
    }

    /// When something happens by itself, if that is known: the next attempt or probe that must go well.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Retry { at, .. } => Some(*at),
            Self::Probe(at) => *at,
            Self::Earlier { behind, .. } => behind.until(),
            Self::Endpoint(_) | Self::Owner | Self::Turn { .. } => None,
        }
    }

    /// In words, such as «waits for evt_… of the same user, next try in 41 s».
    pub fn words(&self, now: Timestamp) -> String {
        match self {
            Self::Endpoint(EndpointState::Active) => "waits for its turn".to_owned(),
            Self::Endpoint(EndpointState::Paused) => "waits for you: the endpoint is paused".to_owned(),
            Self::Endpoint(EndpointState::Disabled) => {
                "waits for you: the endpoint is disabled until it is resumed".to_owned()
            }
            Self::Endpoint(EndpointState::Quarantined) => {
                "waits for you: the endpoint's address is forbidden".to_owned()
            }
            Self::Retry { at, attempt } => format!("next try {} (attempt {attempt})", time(*at, now)),
            Self::Owner => {
                "waits for you: its attempts are used up, and the endpoint's policy is to block".to_owned()
            }
            Self::Probe(Some(at)) => {
                format!("waits for the endpoint, which fails: it is probed {}", time(*at, now))
            }
            Self::Probe(None) => "waits for the endpoint, which fails: it is being probed".to_owned(),
            Self::Earlier { event, rule, subject, behind } => {
                let what = match (rule, subject) {
                    (Rule::SameSubject, SubjectKind::User) => "of the same user",
                    (Rule::SameSubject, SubjectKind::Group) => "of the same group",
                    (Rule::SameSubject, SubjectKind::Directory) => "of the same directory",
                    (Rule::SameSubject, SubjectKind::Endpoint) => "of the same endpoint",
                    (Rule::GroupFirst, _) => "of its group",
                    (Rule::MembershipsFirst, _) => "of a member of the group",
                    (Rule::DirectoryLast, _) => "of its directory",
                };
                match &**behind {
                    Self::Turn { .. } | Self::Endpoint(EndpointState::Active) => {
                        format!("waits for {event} {what}, whose turn it is first")
                    }
                    Self::Retry { at, .. } => {
                        format!("waits for {event} {what}, next try {}", time(*at, now))
                    }
                    behind => format!("waits for {event} {what}, which {}", behind.words(now)),
                }
            }
            Self::Turn { ahead: 0 } => "is the next to be sent, or being sent".to_owned(),
            Self::Turn { ahead } => {
                format!("waits for its turn, or is being sent: {ahead} places of the log lie before it")
            }
        }
    }
}

/// «in 41 s», «now», or for what is far away the time itself too.
fn time(at: Timestamp, now: Timestamp) -> String {
    // A part of a second counts as one, so that what is ahead is never «in 0 s».
    let seconds = (at.duration_since(now).as_millis().max(0) + 999) / 1_000;
    match seconds {
        0 => "now".to_owned(),
        1..120 => format!("in {seconds} s"),
        120..7_200 => format!("in {} min", seconds / 60),
        _ => format!("in {} h, at {}", seconds / 3_600, rfc3339(at)),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_wait_is_told_in_words() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let now = at(0);
        let event = EventId::from_uuid(Uuid::from_u128(5));
        let behind = |rule, subject, behind| Waiting::Earlier {
            event: event.clone(),
            rule,
            subject,
            behind: Box::new(behind),
        };
        let retry = |millis| Waiting::Retry { at: at(millis), attempt: 3 };
        let (user, group) = (SubjectKind::User, SubjectKind::Group);
        for (waiting, name, words) in [
            (retry(40_001), "retry", "next try in 41 s (attempt 3)"),
            (retry(-1), "retry", "next try now (attempt 3)"),
            (retry(1_800_000), "retry", "next try in 30 min (attempt 3)"),
            (retry(7_200_000), "retry", "next try in 2 h, at 1970-01-01T02:00:00.000Z (attempt 3)"),
            (
                behind(Rule::SameSubject, user, retry(41_000)),
                "earlier_event",
                "waits for evt_00000000000000000000000000000005 of the same user, next try in 41 s",
            ),
            (
                behind(Rule::GroupFirst, group, Waiting::Owner),
                "earlier_event",
                "waits for evt_00000000000000000000000000000005 of its group, which waits for you: its \
                 attempts are used up, and the endpoint's policy is to block",
            ),
            (
                behind(Rule::MembershipsFirst, user, behind(Rule::SameSubject, user, retry(5_000))),
                "earlier_event",
                "waits for evt_00000000000000000000000000000005 of a member of the group, which waits for \
                 evt_00000000000000000000000000000005 of the same user, next try in 5 s",
            ),
            (
                behind(Rule::DirectoryLast, user, Waiting::Turn { ahead: 3 }),
                "earlier_event",
                "waits for evt_00000000000000000000000000000005 of its directory, whose turn it is first",
            ),
            (
                Waiting::Probe(Some(at(9_000))),
                "probe",
                "waits for the endpoint, which fails: it is probed in 9 s",
            ),
            (Waiting::Probe(None), "probe", "waits for the endpoint, which fails: it is being probed"),
            (
                Waiting::Endpoint(EndpointState::Paused),
                "endpoint_paused",
                "waits for you: the endpoint is paused",
            ),
            (Waiting::Turn { ahead: 0 }, "turn", "is the next to be sent, or being sent"),
            (
                Waiting::Turn { ahead: 12 },
                "turn",
                "waits for its turn, or is being sent: 12 places of the log lie before it",
            ),
        ] {
            assert_eq!((waiting.as_str(), waiting.words(now).as_str()), (name, words));
        }
    }
}
