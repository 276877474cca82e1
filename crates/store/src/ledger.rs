//! The ledger: what the dispatcher learned. It lives in a second file with `synchronous=NORMAL`, or in
//! a schema of its own on PostgreSQL, where its commits do not wait for the disk: losing its tail in a
//! power cut means that some deliveries are made again, never that one is missed.
//!
//! Cast: the `writer`, one thread that saves what waits in one transaction, `merged` so that each row
//! is written once; `shards`, who dispatches what, and on PostgreSQL `leases`, the thread that sees to
//! it; `lanes`, `manual`, `notices`, `deliveries`, `explain` and `lag`, which read, on the store's readers; `breaker`, what a
//! lane's says; `token_use` and `upkeep`, what the writer does when there is time.

mod breaker;
mod columns;
mod deliveries;
mod delivery_list;
mod endpoints;
mod explain;
mod lag;
mod lanes;
mod leases;
mod manual;
mod merged;
mod notices;
mod save;
mod scope;
mod shards;
mod task;
mod token_use;
mod upkeep;
mod writer;

pub use breaker::BreakerState;
pub(crate) use endpoints::{TABLES as OF_AN_ENDPOINT, reconcile};
pub use explain::{AtEndpoint, Fate, LaneReport, Trace};
pub(crate) use lag::health;
pub(crate) use lanes::number;
pub(crate) use leases::NOW;
pub(crate) use shards::Epochs;
pub use shards::{HeldShard, SHARD_LEASE, SaveError};
pub(crate) use task::Task;
pub(crate) use token_use::recall_token_use;
pub(crate) use writer::{Ledger, connect};

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{Attempt, DeliveryId, DeliveryStatus},
    event::LoggedEvent,
    ids::{EndpointId, EventId},
    operator::Notice,
};

use crate::replays::Replayed;

/// A lane's saved progress: all positions at or below `frontier` are settled (or belong to a
/// parked subject), and the few in `settled_above`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRecord {
    /// Whose lane.
    pub endpoint_id: EndpointId,
    /// Through which shard.
    pub shard: u16,
    /// See above.
    pub frontier: u64,
    /// Ascending, at most 1,024.
    pub settled_above: Vec<u64>,
    /// The breaker's state as the dispatcher writes it (JSON).
    pub breaker: String,
    /// Since when every attempt has failed, if so.
    pub failing_since: Option<Timestamp>,
}

/// A subject that waits in a lane because one of its events failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedRecord {
    /// Whose lane.
    pub endpoint_id: EndpointId,
    /// Through which shard.
    pub shard: u16,
    /// The subject's id.
    pub subject_id: String,
    /// Its first unsettled event.
    pub first_position: u64,
    /// Failed attempts at that event.
    pub attempts: u32,
    /// When it is tried again; `None`: not by itself (blocked, or it waits for a group).
    pub next_at: Option<Timestamp>,
    /// The group whose own events it waits for, if so.
    pub waits_for: Option<String>,
    /// Whether the last failure was of endpoint scope (then a recovered endpoint is tried at once).
    pub endpoint_scope: bool,
    /// The sequences of the events that the first unsettled one stands for, ascending.
    pub replaces: Vec<u64>,
}

/// An event that is not sent because a later one of its subject stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// To whom.
    pub endpoint_id: EndpointId,
    /// Its place in the log.
    pub shard: u16,
    /// Its place in the log.
    pub position: u64,
    /// The later one's position in the shard.
    pub by: u64,
}

/// An event that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// To whom.
    pub endpoint_id: EndpointId,
    /// Its place in the log.
    pub shard: u16,
    /// Its place in the log.
    pub position: u64,
    /// The event.
    pub event_id: EventId,
    /// Its subject.
    pub subject_id: String,
    /// How many attempts failed.
    pub attempts: u32,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// A send that the owner asked for, outside any lane's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualSend {
    /// Grows; names the request.
    pub id: i64,
    /// To whom.
    pub endpoint_id: EndpointId,
    /// What.
    pub what: ManualSendWhat,
}

/// What a manual send sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManualSendWhat {
    /// The event at this place of the log, again.
    Event {
        /// Its shard.
        shard: u16,
        /// Its position.
        position: u64,
    },
    /// A test event, which is not in the log.
    Test {
        /// The event's id.
        event_id: EventId,
        /// The body to send.
        body: String,
    },
}

/// What the dispatcher saves together, in one transaction.
#[derive(Clone, Debug, Default)]
pub struct ProgressBatch {
    /// Under which epochs the shards are held that it is about. All must still be the present ones.
    pub epochs: Vec<HeldShard>,
    /// Lanes that moved.
    pub lanes: Vec<LaneRecord>,
    /// Subjects that parked, or whose row changed.
    pub parked: Vec<ParkedRecord>,
    /// Subjects that go on: (endpoint, shard, subject).
    pub unparked: Vec<(EndpointId, u16, String)>,
    /// Attempts that were made.
    pub attempts: Vec<Attempt>,
    /// Events that were given up.
    pub dead: Vec<DeadLetter>,
    /// Events that later ones stand for.
    pub replaced: Vec<Replaced>,
    /// Dead letters that were delivered after all, by a resend.
    pub revived: Vec<(EndpointId, u16, u64)>,
    /// What came of events of replays.
    pub replayed: Vec<Replayed>,
    /// Manual sends that are done, by their ids.
    pub manual_done: Vec<i64>,
    /// What the operator is to be told, each with the shard whose dispatcher sees to it.
    pub notices: Vec<(u16, Notice)>,
    /// Notices that the operator has been told.
    pub notices_told: Vec<EventId>,
}

/// A delivery as the owner sees it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Names it.
    pub id: DeliveryId,
    /// The event.
    pub event: std::sync::Arc<LoggedEvent>,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts made so far.
    pub attempts: u32,
    /// When the last attempt began.
    pub last_attempt_at: Option<Timestamp>,
    /// The last answer's status.
    pub last_status: Option<u16>,
    /// When the next attempt is due: not before the endpoint's breaker lets it go.
    pub next_attempt_at: Option<Timestamp>,
    /// The event that stands for it, if it was discarded for that.
    pub replaced_by: Option<EventId>,
}

/// Which deliveries to list: of an endpoint the newest event first; of an event by endpoint; else
/// the latest attempt first, or with a status that has no attempts (`pending`, `parked`) and for
/// `retrying` and `dead` by endpoint. `after` goes on after the last one of the page before. A page
/// may be shorter than `limit` where most events are passed over: the end is an empty page.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field narrows the result")]
pub struct DeliveryQuery {
    pub endpoint_id: Option<EndpointId>,
    pub event_id: Option<EventId>,
    pub status: Option<DeliveryStatus>,
    /// Continue after this one.
    pub after: Option<DeliveryId>,
    /// 1 to 1,000.
    pub limit: u32,
}

/// How far an endpoint is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Matching events that are not settled, parked ones included; counted up to 10,000. At most so
    /// many rows of the log are looked at, so that it may say less where most of them go elsewhere or
    /// are settled already.
    pub events: u64,
    /// When the oldest of those counted was decided.
    pub oldest: Option<Timestamp>,
    /// Subjects that are parked.
    pub parked_subjects: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Whether it is being sent to, as of now.
    pub breaker: BreakerState,
}
