//! A delivery's status: what the lane, the parked subjects, the dead letters and the attempts say
//! of one event at one endpoint.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{Attempt, DeliveryId, DeliveryStatus, ErrorClass},
    endpoint::Endpoint,
    event::LoggedEvent,
    ids::{AttemptId, EndpointId, EventId},
};
use uuid::Uuid;

use super::{BreakerState, Delivery, LaneRecord, ParkedRecord, lanes, upkeep::attempts_kept_since};
use crate::{
    Store,
    db::{Db, DbError, Row, bind},
    names,
    read::{ReadError, events},
    resources::statement,
    rows,
};

impl Store {
    /// One delivery with its attempts, the oldest first. `None` if the event does not go to the
    /// endpoint and never went there: it may have passed before the endpoint wanted its type.
    pub async fn delivery(&self, id: &DeliveryId) -> Result<Option<(Delivery, Vec<Attempt>)>, ReadError> {
        let Some(entry) = self.catalog().endpoints.get(&id.endpoint_id).cloned() else { return Ok(None) };
        let id = id.clone();
        let kept_since = attempts_kept_since(self.inner.attempts_retention_days);
        self.read(move |c| {
            let Some(event) = events::at(c, id.shard, id.position)? else { return Ok(None) };
            let view = View::of(c, &entry.endpoint, id.shard, kept_since)?;
            let Some(delivery) = view.delivery(&event)? else { return Ok(None) };
            let attempts = view.attempts(id.position)?;
            Ok(Some((delivery, attempts)))
        })
        .await
    }

    /// The attempts at a test event, which is in no log, at this endpoint, the oldest first; at most
    /// 100. Empty while the send has not been made, and if there is no such endpoint.
    pub async fn test_attempts(
        &self,
        endpoint: &EndpointId,
        event: &EventId,
    ) -> Result<Vec<Attempt>, ReadError> {
        let (endpoint, event) = (endpoint.clone(), event.clone());
        self.read(move |c| {
            let Some(number) = lanes::number(c, &endpoint)? else { return Ok(Vec::new()) };
            Ok(c.rows(
                statement!(
                    "SELECT ",
                    ATTEMPT,
                    " FROM ledger.attempts a
                     WHERE a.cause = 'test' AND a.event_id = $1 AND a.endpoint_pk = $2 ORDER BY a.pk LIMIT 100"
                ),
                bind![event.uuid().as_bytes(), number],
                |row| attempt(row, &endpoint),
            )?)
        })
        .await
    }
}

/// An endpoint's progress through a shard, for looking at many events.
pub(super) struct View<'a> {
    pub(super) c: &'a Db,
    pub(super) endpoint: &'a Endpoint,
    pub(super) shard: u16,
    /// The endpoint's number; `None` while nothing was saved for it.
    pub(super) number: Option<i64>,
    pub(super) frontier: u64,
    /// Ascending.
    pub(super) settled_above: Vec<u64>,
    pub(super) failing_since: Option<Timestamp>,
    pub(super) breaker: BreakerState,
    /// Attempts that began before this may be gone.
    kept_since: Timestamp,
}

/// What the ledger says of some events at one endpoint.
#[derive(Default)]
struct Known {
    tried: HashMap<u64, Tried>,
    dead: HashSet<u64>,
    /// By which later position.
    replaced: HashMap<u64, u64>,
    parked: HashMap<String, ParkedRecord>,
}

/// What the attempts at one delivery come to.
#[derive(Clone, Copy, Default)]
struct Tried {
    attempts: u32,
    succeeded: bool,
    last_at: Option<Timestamp>,
    last_status: Option<u16>,
}

impl<'a> View<'a> {
    pub(super) fn of(
        c: &'a Db,
        endpoint: &'a Endpoint,
        shard: u16,
        kept_since: Timestamp,
    ) -> Result<Self, DbError> {
        let number = lanes::number(c, &endpoint.id)?;
        let lane = number.map(|number| lanes::lane_of(c, number, shard)).transpose()?.flatten();
        Ok(Self::new(c, endpoint, shard, number, lane, kept_since))
    }

    /// Of these shards, in their order.
    pub(super) fn of_each(
        c: &'a Db,
        endpoint: &'a Endpoint,
        shards: &[u16],
        kept_since: Timestamp,
    ) -> Result<Vec<Self>, DbError> {
        if let [shard] = shards {
            return Ok(vec![Self::of(c, endpoint, *shard, kept_since)?]);
        }
        let number = lanes::number(c, &endpoint.id)?;
        let saved = number.map(|number| lanes::lanes_of(c, number)).transpose()?.unwrap_or_default();
        let mut saved: HashMap<u16, LaneRecord> = saved.into_iter().map(|lane| (lane.shard, lane)).collect();
        Ok(shards
            .iter()
            .map(|shard| Self::new(c, endpoint, *shard, number, saved.remove(shard), kept_since))
            .collect())
    }

    fn new(
        c: &'a Db,
        endpoint: &'a Endpoint,
        shard: u16,
        number: Option<i64>,
        lane: Option<LaneRecord>,
        kept_since: Timestamp,
    ) -> Self {
        let mut view = Self {
            c,
            endpoint,
            shard,
            number,
            frontier: endpoint.start.at(shard),
            settled_above: Vec::new(),
            failing_since: None,
            breaker: BreakerState::Closed,
            kept_since,
        };
        if let Some(lane) = lane {
            view.frontier = view.frontier.max(lane.frontier);
            view.settled_above = lane.settled_above;
            view.failing_since = lane.failing_since;
            view.breaker = BreakerState::read(&lane.breaker);
        }
        view
    }

    /// Whether the lane has settled a position, its parked subjects apart.
    pub(super) fn settled(&self, position: u64) -> bool {
        position <= self.frontier || self.settled_above.binary_search(&position).is_ok()
    }

    /// The delivery of an event to this endpoint, if it goes (or went) there.
    pub(super) fn delivery(&self, event: &Arc<LoggedEvent>) -> Result<Option<Delivery>, DbError> {
        let found = self.deliveries(std::slice::from_ref(event), None)?;
        Ok(found.into_iter().next().flatten())
    }

    /// For each of these events of the shard its delivery to this endpoint, if it goes (or went)
    /// there and stands so. Events may be without their bodies: they are read if need be.
    pub(super) fn deliveries(
        &self,
        events: &[Arc<LoggedEvent>],
        only: Option<DeliveryStatus>,
    ) -> Result<Vec<Option<Delivery>>, DbError> {
        let known = self.known(events)?;
        events
            .iter()
            .map(|event| {
                let tried = known.tried.get(&event.position).copied().unwrap_or_default();
                let due = event.position > self.endpoint.start.at(self.shard) && self.endpoint.matches(event);
                if !due && tried.attempts == 0 {
                    return Ok(None);
                }
                match self.status(event, &tried, &known) {
                    Some((status, next_at)) if only.is_none_or(|only| only == status) => {
                        let by = known.replaced.get(&event.position).copied();
                        let by = by.filter(|_| status == DeliveryStatus::Discarded);
                        self.told(event, &tried, (status, next_at), by).map(Some)
                    }
                    _ => Ok(None),
                }
            })
            .collect()
    }

    fn told(
        &self,
        event: &Arc<LoggedEvent>,
        tried: &Tried,
        (status, next_attempt_at): (DeliveryStatus, Option<Timestamp>),
        replaced_by: Option<u64>,
    ) -> Result<Delivery, DbError> {
        let replaced_by = match replaced_by {
            Some(position) => self.c.row(
                "SELECT e.id FROM events e WHERE e.shard = $1 AND e.position = $2",
                bind![self.shard, position],
                |row| row.parsed(0, EventId::parse),
            )?,
            None => None,
        };
        let event = if event.body.is_empty() {
            Arc::new(rows::with_body(self.c, LoggedEvent::clone(event))?)
        } else {
            event.clone()
        };
        Ok(Delivery {
            id: DeliveryId {
                endpoint_id: self.endpoint.id.clone(),
                shard: event.shard,
                position: event.position,
            },
            event,
            status,
            attempts: tried.attempts,
            last_attempt_at: tried.last_at,
            last_status: tried.last_status,
            next_attempt_at,
            replaced_by,
        })
    }

    /// `None` if the lane passed the event without an attempt: when it did, the endpoint did not want
    /// the event's type yet.
    fn status(
        &self,
        event: &LoggedEvent,
        tried: &Tried,
        known: &Known,
    ) -> Option<(DeliveryStatus, Option<Timestamp>)> {
        if self.number.is_none() {
            return Some((DeliveryStatus::Pending, None));
        }
        if tried.succeeded {
            return Some((DeliveryStatus::Delivered, None));
        }
        if known.dead.contains(&event.position) {
            return Some((DeliveryStatus::Dead, None));
        }
        if known.replaced.contains_key(&event.position) {
            return Some((DeliveryStatus::Discarded, None));
        }
        let parked = known.parked.get(&*event.subject.id);
        Some(match parked.filter(|parked| parked.first_position <= event.position) {
            // One that has neither a time nor a group has no attempts left, and waits for the owner.
            Some(parked)
                if parked.first_position == event.position
                    && parked.attempts > 0
                    && (parked.next_at.is_some() || parked.waits_for.is_some()) =>
            {
                (DeliveryStatus::Retrying, parked.next_at.map(|at| self.breaker.defers(at)))
            }
            Some(_) => (DeliveryStatus::Parked, None),
            // Of an older one, the attempts may have been removed.
            None if self.settled(event.position)
                && tried.attempts == 0
                && event.timestamp >= self.kept_since =>
            {
                return None;
            }
            None if self.settled(event.position) => (DeliveryStatus::Delivered, None),
            None if tried.attempts > 0 => (DeliveryStatus::Retrying, None),
            None => (DeliveryStatus::Pending, None),
        })
    }

    fn known(&self, events: &[Arc<LoggedEvent>]) -> Result<Known, DbError> {
        let mut known = Known::default();
        let Some(number) = self.number else { return Ok(known) };
        let positions = serde_json::Value::from_iter(events.iter().map(|event| event.position)).to_string();
        self.c.each(
            "SELECT a.position, a.started_at, a.response_status, a.error IS NULL FROM ledger.attempts a
             WHERE a.endpoint_pk = $1 AND a.shard = $2
                AND a.position IN (SELECT CAST(value AS BIGINT) FROM json_each($3)) ORDER BY a.pk",
            bind![number, self.shard, &positions],
            |row| {
                let tried = known.tried.entry(row.uint(0)?).or_default();
                tried.attempts += 1;
                tried.succeeded |= row.get::<bool>(3)?;
                tried.last_at = Some(row.time(1)?);
                tried.last_status = row.get(2)?;
                Ok::<_, DbError>(ControlFlow::Continue(()))
            },
        )?;
        let dead = self.c.rows(
            "SELECT d.position FROM ledger.dead_letters d WHERE d.endpoint_pk = $1 AND d.shard = $2
                AND d.position IN (SELECT CAST(value AS BIGINT) FROM json_each($3))",
            bind![number, self.shard, &positions],
            |row| row.uint(0),
        )?;
        known.dead.extend(dead);
        let replaced = self.c.rows(
            "SELECT r.position, r.replaced_by FROM ledger.replaced r WHERE r.endpoint_pk = $1 AND r.shard = $2
                AND r.position IN (SELECT CAST(value AS BIGINT) FROM json_each($3))",
            bind![number, self.shard, &positions],
            |row| Ok::<_, DbError>((row.uint(0)?, row.uint(1)?)),
        )?;
        known.replaced.extend(replaced);
        let subjects: HashSet<&str> = events.iter().map(|event| &*event.subject.id).collect();
        let subjects = serde_json::Value::from_iter(subjects).to_string();
        let parked = lanes::parked_among(self.c, &self.endpoint.id, number, self.shard, &subjects)?;
        known.parked.extend(parked.into_iter().map(|parked| (parked.subject_id.clone(), parked)));
        Ok(known)
    }

    /// The attempts at a delivery, the oldest first.
    pub(super) fn attempts(&self, position: u64) -> Result<Vec<Attempt>, DbError> {
        let Some(number) = self.number else { return Ok(Vec::new()) };
        self.c.rows(
            statement!(
                "SELECT ",
                ATTEMPT,
                " FROM ledger.attempts a WHERE a.endpoint_pk = $1 AND a.position = $2 AND a.shard = $3
                 ORDER BY a.pk"
            ),
            bind![number, position, self.shard],
            |row| attempt(row, &self.endpoint.id),
        )
    }

    /// The last attempt's row at a delivery, which orders a list by attempts.
    pub(super) fn last_attempt(&self, position: u64) -> Result<Option<i64>, DbError> {
        let Some(number) = self.number else { return Ok(None) };
        let last = self.c.row(
            "SELECT MAX(a.pk) FROM ledger.attempts a
             WHERE a.endpoint_pk = $1 AND a.position = $2 AND a.shard = $3",
            bind![number, position, self.shard],
            |row| row.get::<Option<i64>>(0),
        )?;
        Ok(last.flatten())
    }

    /// The same of many deliveries, by position.
    pub(super) fn last_attempts(
        &self,
        positions: impl Iterator<Item = u64>,
    ) -> Result<HashMap<u64, i64>, DbError> {
        let Some(number) = self.number else { return Ok(HashMap::new()) };
        let rows = self.c.rows(
            "SELECT a.position, MAX(a.pk) FROM ledger.attempts a WHERE a.endpoint_pk = $1 AND a.shard = $2
                AND a.position IN (SELECT CAST(value AS BIGINT) FROM json_each($3)) GROUP BY a.position",
            bind![number, self.shard, serde_json::Value::from_iter(positions).to_string()],
            |row| Ok::<_, DbError>((row.uint(0)?, row.get::<i64>(1)?)),
        )?;
        Ok(rows.into_iter().collect())
    }
}

/// The columns of an attempt, which [`attempt`] reads.
const ATTEMPT: &str = "a.id, a.event_id, a.shard, a.position, a.number, a.cause, a.started_at, a.duration_ms,
    a.response_status, a.error, a.error_detail, a.response_body";

fn attempt(row: &Row<'_>, endpoint_id: &EndpointId) -> Result<Attempt, DbError> {
    Ok(Attempt {
        id: AttemptId::from_uuid(uuid(row, 0)?),
        endpoint_id: endpoint_id.clone(),
        event_id: EventId::from_uuid(uuid(row, 1)?),
        shard: row.get(2)?,
        position: row.uint(3)?,
        number: row.get(4)?,
        trigger: row.parsed(5, names::trigger)?,
        started_at: row.time(6)?,
        duration_ms: row.get(7)?,
        response_status: row.get(8)?,
        error: row.optional_parsed(9, ErrorClass::parse)?,
        error_detail: row.get(10)?,
        response_body: row.get(11)?,
    })
}

fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid, DbError> {
    Uuid::from_slice(row.get(column)?).map_err(|_| DbError::Corrupt { column, wanted: "a UUID" })
}
