//! What became of an event at each endpoint, and where an endpoint's lanes stand: for an owner who asks
//! why something has not arrived.
//!
//! Cast: [`Trace`], one event at many endpoints; [`LaneReport`], one endpoint's progress through one
//! shard. Plot: the rows that the dispatcher saved are read in one snapshot with the log; whether the
//! endpoint wants the event, what it waits for and what a failure meant is said by the same functions
//! of `rollcall_domain` that the dispatcher goes by (`waiting`).

mod waiting;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use rollcall_domain::{
    delivery::Attempt,
    endpoint::Endpoint,
    event::LoggedEvent,
    explain::{NotSent, Waiting},
    ids::{EndpointId, EventId},
};

use super::{BreakerState, Delivery, deliveries::View, scope::shards_of, upkeep::attempts_kept_since};
use crate::{
    Store, clock,
    db::{Db, DbError, bind},
    read::{LaneQuery, ReadError, events, head, lanes::lane_events},
};

/// Parked subjects of a lane that are told of one by one.
const PARKED: u32 = 20;
/// Events that are looked at for the first one that is neither settled nor parked.
const LOOK: u32 = 200;

/// What became of an event.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The event.
    pub event: Arc<LoggedEvent>,
    /// At these endpoints, by their ids.
    pub at: Vec<AtEndpoint>,
}

/// What became of an event at one endpoint.
#[derive(Clone, Debug)]
pub struct AtEndpoint {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an event at an endpoint.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It does not go there.
    NotSent(NotSent),
    /// It goes, or went, there.
    Sent {
        /// How it stands.
        delivery: Box<Delivery>,
        /// The attempts that were made, the oldest first.
        attempts: Vec<Attempt>,
        /// What it waits for; `None` if it is settled.
        waiting: Option<Waiting>,
    },
}

/// An endpoint's progress through one shard.
#[derive(Clone, Debug)]
pub struct LaneReport {
    /// Through which shard.
    pub shard: u16,
    /// All at or below this position is settled, or belongs to a parked subject.
    pub frontier: u64,
    /// How many positions above it are settled.
    pub settled_above: usize,
    /// The newest position of the shard.
    pub head: u64,
    /// Whether it is being sent to, as of now.
    pub breaker: BreakerState,
    /// Since when every attempt has failed, if so.
    pub failing_since: Option<Timestamp>,
    /// How many subjects are parked.
    pub parked_subjects: u64,
    /// The first 20 of these: the event that each is at, the attempts that failed at it, and what it
    /// waits for.
    pub parked: Vec<(Arc<LoggedEvent>, u32, Waiting)>,
    /// The oldest event that is neither settled nor a parked subject's, among the first ones behind
    /// the frontier, and what it waits for.
    pub next: Option<(Arc<LoggedEvent>, Waiting)>,
}

impl Store {
    /// What became of an event at the endpoints after this one by id, at most so many; or at `only` this
    /// one. `None` if there is no such event.
    pub async fn trace(
        &self,
        event: &EventId,
        only: Option<EndpointId>,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Option<Trace>, ReadError> {
        let catalog = self.catalog();
        let event = event.clone();
        let kept_since = attempts_kept_since(self.inner.attempts_retention_days);
        self.read(move |c| {
            let Some(event) = events::by_id(c, &event)? else { return Ok(None) };
            let ids: BTreeSet<&EndpointId> = catalog
                .endpoints
                .keys()
                .filter(|id| only.as_ref().is_none_or(|only| only == *id))
                .filter(|id| after.as_ref().is_none_or(|after| *id > after))
                .collect();
            let mut at = Vec::new();
            for entry in ids.into_iter().take(limit).filter_map(|id| catalog.endpoints.get(id)) {
                let endpoint = Arc::clone(&entry.endpoint);
                let view = View::of(c, &endpoint, event.shard, kept_since)?;
                let fate = fate(&view, &event, clock::now())?;
                at.push(AtEndpoint { endpoint, fate });
            }
            Ok(Some(Trace { event, at }))
        })
        .await
    }

    /// Where the lanes of an endpoint stand, one for each shard that may have events for it. Empty if
    /// there is no such endpoint.
    pub async fn lane_reports(&self, endpoint: &EndpointId) -> Result<Vec<LaneReport>, ReadError> {
        let Some(entry) = self.catalog().endpoints.get(endpoint).cloned() else { return Ok(Vec::new()) };
        let kept_since = attempts_kept_since(self.inner.attempts_retention_days);
        let shards = self.shards();
        self.read(move |c| {
            let of = shards_of(c, &entry.endpoint.scope, shards)?;
            let views = View::of_each(c, &entry.endpoint, &of, kept_since)?;
            Ok(views.iter().map(|view| report(c, view, shards)).collect::<Result<_, DbError>>()?)
        })
        .await
    }
}

fn fate(view: &View<'_>, event: &Arc<LoggedEvent>, now: Timestamp) -> Result<Fate, DbError> {
    let Some(delivery) = view.delivery(event)? else {
        return Ok(Fate::NotSent(match view.endpoint.mismatch(event) {
            Some(mismatch) => NotSent::Unwanted(mismatch),
            None if event.position <= view.endpoint.start.at(event.shard) => NotSent::BeforeStart,
            None => NotSent::Passed,
        }));
    };
    Ok(Fate::Sent {
        attempts: view.attempts(event.position)?,
        waiting: match delivery.status.is_settled() {
            true => None,
            false => Some(view.waiting(event, now)?),
        },
        delivery: Box::new(delivery),
    })
}

fn report(c: &Db, view: &View<'_>, shards: u16) -> Result<LaneReport, DbError> {
    let now = clock::now();
    let head = head(c, view.shard)?;
    let (mut parked, mut parked_subjects) = (Vec::new(), 0);
    if let Some(number) = view.number {
        let of_lane = bind![number, view.shard];
        let sql = "SELECT COUNT(*) FROM ledger.parked WHERE endpoint_pk = $1 AND shard = $2";
        parked_subjects = c.row(sql, of_lane, |row| row.uint(0))?.unwrap_or(0);
        for row in view.first_parked(number, PARKED)? {
            if let Some(event) = view.head_of(&row)? {
                let waiting = view.waiting(&event, now)?;
                parked.push((event, row.attempts, waiting));
            }
        }
    }
    let query = LaneQuery {
        shard: view.shard,
        scope: view.endpoint.scope.clone(),
        types: view.endpoint.event_types.clone(),
        after: view.frontier,
        up_to: head,
        limit: LOOK,
    };
    let next = match view.first_unsettled(&lane_events(c, &query, shards)?.events)? {
        Some(event) => Some((Arc::clone(event), view.waiting(event, now)?)),
        None => None,
    };
    Ok(LaneReport {
        shard: view.shard,
        frontier: view.frontier,
        settled_above: view.settled_above.len(),
        head,
        breaker: view.breaker.at(now),
        failing_since: view.failing_since,
        parked_subjects,
        parked,
        next,
    })
}
