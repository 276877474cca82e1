//! A lane: one endpoint's cursor through one shard of the log. Pure: no I/O, time and chance are
//! arguments.
//!
//! Cast: the **frontier**, below which all is settled or belongs to a parked subject; the
//! **scan**, up to which events were looked at; the **window** of admitted events between them
//! ([`window`]), each with the number of events it waits for; the **parked** subjects ([`park`]),
//! each with the backlog that it will be sent in order; the **gates** ([`gate`]), the rules between
//! a group and its memberships where a parked subject is involved; the **breaker** and the
//! **limit**, which say whether and how much may be sent.
//!
//! Plot: [`Lane::admit`] takes events in order of position; [`Lane::next`] names one that waits
//! for nobody; [`Lane::finish`] hears what came of it, and settles the event, parks its subject, or
//! opens the breaker, which empties the window and takes the scan back to the frontier.
//! [`Lane::progress`] hands out what must be saved so that [`Lane::restore`] can go on from there.
//!
//! Order. What an event waits for is [`order::before`](rollcall_domain::order::before)'s to say, and
//! nothing else waits. A subject that parked for reasons of its own holds up only itself and, if it is
//! a group, that group's memberships.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
pub(crate) use rollcall_domain::verdict::{Fault, Halt, Verdict};
use rollcall_domain::{
    endpoint::{OnExhausted, RetrySchedule},
    event::LoggedEvent,
    ids::EndpointId,
};

mod breaker;
mod coalesce;
mod gate;
mod limit;
mod park;
mod probe;
mod progress;
mod ready;
mod send;
#[cfg(test)]
mod tests;
mod window;

use breaker::Breaker;
use limit::Limit;
use park::Parked;
use ready::Ready;
use window::Entry;

#[cfg(test)]
pub(crate) use tests::event as test_event;

pub(crate) use breaker::State as BreakerState;
pub(crate) use coalesce::GivenUp;
pub(crate) use send::Finished;

/// The most events between the frontier and the scan, and the most that are settled above it.
pub(crate) const MAX_WINDOW: usize = 1_024;
const MIN_WINDOW: usize = 64;
/// So many failures without a success in between say something of the endpoint.
const MEANINGFUL: u32 = 5;
/// Parked subjects whose backlogs are sent at the same time.
const MAX_DRAINS: usize = 64;
/// Events of a parked subject's backlog that are read at once.
pub(crate) const BACKLOG_READ: u32 = 64;

/// What the endpoint's configuration says to its lane.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The waits before each attempt.
    pub(crate) schedule: RetrySchedule,
    /// What becomes of an event after the last attempt.
    pub(crate) on_exhausted: OnExhausted,
    /// Beyond so many parked subjects nothing is admitted. Those whose turn it is at that moment
    /// can still park, so that there can be a window's worth more.
    pub(crate) max_parked: usize,
}

/// A read of a parked subject's backlog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BacklogRead {
    pub(crate) subject: Box<str>,
    /// From this position (inclusive)…
    pub(crate) from: u64,
    /// …to this one (inclusive).
    pub(crate) up_to: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Lane {
    endpoint: EndpointId,
    shard: u16,
    policy: Policy,
    frontier: u64,
    scan: u64,
    /// Settled positions above the frontier.
    settled: BTreeSet<u64>,
    window: BTreeMap<u64, Entry>,
    /// The window's positions by subject, ascending.
    queues: HashMap<Box<str>, VecDeque<u64>>,
    /// The window's memberships by group.
    members: HashMap<Box<str>, BTreeSet<u64>>,
    /// Window entries whose last predecessor went: they are looked at next.
    turn: Vec<u64>,
    ready: Ready,
    /// Events whose first attempt is not due yet.
    delayed: BTreeSet<(Timestamp, u64)>,
    /// Window entries that wait for a parked subject's claim.
    held: BTreeSet<u64>,
    parked: HashMap<Box<str>, Box<Parked>>,
    /// Parked subjects that do nothing until then.
    due: BTreeSet<(Timestamp, Box<str>)>,
    /// Parked subjects whose backlog is being sent.
    draining: HashSet<Box<str>>,
    /// Of these, those whose backlog must be read.
    unread: BTreeSet<Box<str>>,
    /// Of these, those whose head waits for the window or for a claim.
    held_heads: BTreeSet<Box<str>>,
    /// The parked subject of each head that is ready or under way.
    heads: HashMap<u64, Box<str>>,
    /// By group: the subjects that are parked only because the group was.
    claims: HashMap<Box<str>, BTreeSet<Box<str>>>,
    flights: BTreeSet<u64>,
    breaker: Breaker,
    limit: Limit,
    window_size: usize,
    window_max: usize,
    failing_since: Option<Timestamp>,
    /// Attempts that failed since then, as far as this process knows.
    failures: u32,
    /// The half-open breaker's probe that is under way.
    probe: Option<u64>,
    dirty: bool,
    touched: BTreeSet<Box<str>>,
    /// Not told yet.
    given_up: Vec<GivenUp>,
}

impl Lane {
    /// A lane that begins after a position.
    pub(crate) fn new(endpoint: EndpointId, shard: u16, after: u64, policy: Policy) -> Self {
        Self {
            endpoint,
            shard,
            policy,
            frontier: after,
            scan: after,
            settled: BTreeSet::new(),
            window: BTreeMap::new(),
            queues: HashMap::new(),
            members: HashMap::new(),
            turn: Vec::new(),
            ready: Ready::default(),
            delayed: BTreeSet::new(),
            held: BTreeSet::new(),
            parked: HashMap::new(),
            due: BTreeSet::new(),
            draining: HashSet::new(),
            unread: BTreeSet::new(),
            held_heads: BTreeSet::new(),
            heads: HashMap::new(),
            claims: HashMap::new(),
            flights: BTreeSet::new(),
            breaker: Breaker::default(),
            limit: Limit::default(),
            window_size: MIN_WINDOW,
            window_max: MAX_WINDOW,
            failing_since: None,
            failures: 0,
            probe: None,
            dirty: false,
            touched: BTreeSet::new(),
            given_up: Vec::new(),
        }
    }

    /// The endpoint's configuration changed.
    pub(crate) fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Every position up to this one was looked at.
    pub(crate) fn scan(&self) -> u64 {
        self.scan
    }

    /// Every position up to this one is settled, or belongs to a parked subject.
    pub(crate) fn frontier(&self) -> u64 {
        self.frontier
    }

    /// How many subjects are parked.
    pub(crate) fn parked_len(&self) -> usize {
        self.parked.len()
    }

    /// Attempts under way.
    pub(crate) fn flights_len(&self) -> usize {
        self.flights.len()
    }

    pub(crate) fn breaker(&self) -> BreakerState {
        self.breaker.state()
    }

    /// The lane may have so many thousandths of what the endpoint stands.
    pub(crate) fn set_share(&mut self, share: usize) {
        self.limit.set_share(share);
    }

    /// Since when every attempt has failed, if that means something: two failures in a week of
    /// little traffic do not.
    pub(crate) fn failing_since(&self) -> Option<Timestamp> {
        self.failing_since.filter(|_| self.failures >= MEANINGFUL || !self.breaker.is_closed())
    }

    /// How many of the last twenty attempts failed for a reason of the endpoint's.
    pub(crate) fn recent_failures(&self) -> usize {
        self.breaker.failures()
    }

    /// Whether nothing that was admitted is unsettled.
    pub(crate) fn is_window_empty(&self) -> bool {
        self.window.is_empty()
    }

    /// When time alone makes something possible. What is due already counts only if `next` could
    /// not take it up yet.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        let drains = self.due.first().map(|(at, _)| *at);
        let delayed = self.delayed.first().map(|(at, _)| *at);
        match self.breaker.state() {
            BreakerState::Open { until, .. } => Some(until),
            // What falls due may be the probe, unless one is being chosen or under way.
            BreakerState::HalfOpen { .. } if self.flights.is_empty() && !self.is_choosing() => {
                [drains, delayed].into_iter().flatten().min()
            }
            BreakerState::HalfOpen { .. } => None,
            BreakerState::Closed => {
                [drains.filter(|_| self.may_drain()), delayed].into_iter().flatten().min()
            }
        }
    }

    /// The owner resumed the endpoint, or changed where it is: it has another chance at once.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        self.breaker.wake(now);
        self.forgive(now);
        self.failing_since = None;
        self.failures = 0;
        self.dirty = true;
        self.tick(now);
    }

    /// Others say that the endpoint fails. `false` if the lane does not believe it.
    pub(crate) fn suspect(&mut self, until: Timestamp, now: Timestamp) -> bool {
        let believed = self.breaker.suspect(until, now);
        if believed {
            self.dirty = true;
            self.retreat();
        }
        believed
    }

    /// Others say that the endpoint answers again.
    pub(crate) fn probe_now(&mut self, now: Timestamp) {
        self.breaker.wake(now);
        self.tick(now);
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        if self.breaker.tick(now) {
            self.dirty = true;
        }
        while let Some((at, position)) = self.delayed.first().copied() {
            if at > now {
                break;
            }
            self.delayed.pop_first();
            self.turn.push(position);
        }
        self.run_turns(now);
        if self.breaker.is_closed() {
            self.take_up_due(now);
        } else {
            self.choose_probe(now);
        }
    }
}

/// `seconds` with up to a fifth more or less (`jitter` is from -1 to 1), or what the endpoint asked
/// for (1 s to 24 h) if that is longer: it is not sent to earlier than it asked for, and asking for
/// less does not use up the schedule faster.
fn wait(seconds: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
    let jittered = Duration::from_secs_f64(f64::from(seconds) * (1.0 + 0.2 * jitter.clamp(-1.0, 1.0)));
    let asked = retry_after.map(|d| d.clamp(Duration::from_secs(1), Duration::from_secs(24 * 3600)));
    jittered.max(asked.unwrap_or_default())
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(now)
}

fn group_of(event: &Arc<LoggedEvent>) -> Option<&str> {
    event.group_id.as_ref().map(|group| group.as_str())
}
