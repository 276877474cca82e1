//! A delivery's status: what the lane, the parked subjects, the dead letters and the attempts say
//! of one event at one endpoint.

use std::sync::Arc;

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{Attempt, DeliveryId, DeliveryStatus, ErrorClass},
    endpoint::Endpoint,
    event::LoggedEvent,
    ids::{AttemptId, EndpointId, EventId},
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{BreakerState, Delivery, lanes, upkeep::attempts_kept_since};
use crate::{
    Store, names,
    read::{ReadError, events},
    resources::statement,
    rows,
    sql::{corrupt, int, parsed, time, uint},
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
            Ok(c.prepare_cached(statement!(
                "SELECT ",
                ATTEMPT,
                " FROM ledger.attempts a
                 WHERE a.cause = 'test' AND a.event_id = $1 AND a.endpoint_pk = $2 ORDER BY a.pk LIMIT 100"
            ))?
            .query_map(params![event.uuid().as_bytes(), number], |row| attempt(row, &endpoint))?
            .collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

/// An endpoint's progress through a shard, for looking at many events.
pub(super) struct View<'a> {
    pub(super) c: &'a Connection,
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

/// What the attempts at one delivery come to.
#[derive(Default)]
struct Tried {
    attempts: u32,
    succeeded: bool,
    last_at: Option<Timestamp>,
    last_status: Option<u16>,
}

impl<'a> View<'a> {
    pub(super) fn of(
        c: &'a Connection,
        endpoint: &'a Endpoint,
        shard: u16,
        kept_since: Timestamp,
    ) -> rusqlite::Result<Self> {
        let number = lanes::number(c, &endpoint.id)?;
        let lane = number.map(|number| lanes::lane_of(c, number, shard)).transpose()?.flatten();
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
        Ok(view)
    }

    /// Whether the lane has settled a position, its parked subjects apart.
    pub(super) fn settled(&self, position: u64) -> bool {
        position <= self.frontier || self.settled_above.binary_search(&position).is_ok()
    }

    /// The delivery of an event to this endpoint, if it goes (or went) there. The event may be
    /// without its body: it is read if need be.
    pub(super) fn delivery(&self, event: &Arc<LoggedEvent>) -> rusqlite::Result<Option<Delivery>> {
        let tried = self.tried(event.position)?;
        let due = event.position > self.endpoint.start.at(self.shard) && self.endpoint.matches(event);
        if !due && tried.attempts == 0 {
            return Ok(None);
        }
        let Some((status, next_attempt_at)) = self.status(event, &tried)? else { return Ok(None) };
        let event = if event.body.is_empty() {
            Arc::new(rows::with_body(self.c, LoggedEvent::clone(event))?)
        } else {
            event.clone()
        };
        Ok(Some(Delivery {
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
        }))
    }

    /// `None` if the lane passed the event without an attempt: when it did, the endpoint did not want
    /// the event's type yet.
    fn status(
        &self,
        event: &LoggedEvent,
        tried: &Tried,
    ) -> rusqlite::Result<Option<(DeliveryStatus, Option<Timestamp>)>> {
        let Some(number) = self.number else { return Ok(Some((DeliveryStatus::Pending, None))) };
        if tried.succeeded {
            return Ok(Some((DeliveryStatus::Delivered, None)));
        }
        let dead = self
            .c
            .prepare_cached(
                "SELECT 1 FROM ledger.dead_letters WHERE endpoint_pk = $1 AND position = $2 AND shard = $3",
            )?
            .exists(params![number, int(event.position), event.shard])?;
        if dead {
            return Ok(Some((DeliveryStatus::Dead, None)));
        }
        let parked = lanes::parked_of(self.c, &self.endpoint.id, number, event.shard, &event.subject.id)?;
        Ok(Some(match parked.filter(|parked| parked.first_position <= event.position) {
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
                return Ok(None);
            }
            None if self.settled(event.position) => (DeliveryStatus::Delivered, None),
            None if tried.attempts > 0 => (DeliveryStatus::Retrying, None),
            None => (DeliveryStatus::Pending, None),
        }))
    }

    fn tried(&self, position: u64) -> rusqlite::Result<Tried> {
        let mut tried = Tried::default();
        let Some(number) = self.number else { return Ok(tried) };
        let mut statement = self.c.prepare_cached(
            "SELECT a.started_at, a.response_status, a.error IS NULL FROM ledger.attempts a
             WHERE a.endpoint_pk = $1 AND a.position = $2 AND a.shard = $3 ORDER BY a.pk",
        )?;
        let mut rows = statement.query(params![number, int(position), self.shard])?;
        while let Some(row) = rows.next()? {
            tried.attempts += 1;
            tried.succeeded |= row.get::<_, bool>(2)?;
            tried.last_at = Some(time(row, 0)?);
            tried.last_status = row.get(1)?;
        }
        Ok(tried)
    }

    fn attempts(&self, position: u64) -> rusqlite::Result<Vec<Attempt>> {
        let Some(number) = self.number else { return Ok(Vec::new()) };
        self.c
            .prepare_cached(statement!(
                "SELECT ",
                ATTEMPT,
                " FROM ledger.attempts a WHERE a.endpoint_pk = $1 AND a.position = $2 AND a.shard = $3
                 ORDER BY a.pk"
            ))?
            .query_map(params![number, int(position), self.shard], |row| attempt(row, &self.endpoint.id))?
            .collect()
    }

    /// The last attempt's row at a delivery, which orders a list by attempts.
    pub(super) fn last_attempt(&self, position: u64) -> rusqlite::Result<Option<i64>> {
        let Some(number) = self.number else { return Ok(None) };
        self.c
            .prepare_cached(
                "SELECT MAX(a.pk) FROM ledger.attempts a
                 WHERE a.endpoint_pk = $1 AND a.position = $2 AND a.shard = $3",
            )?
            .query_row(params![number, int(position), self.shard], |row| row.get(0))
            .optional()
            .map(Option::flatten)
    }
}

/// The columns of an attempt, which [`attempt`] reads.
const ATTEMPT: &str = "a.id, a.event_id, a.shard, a.position, a.number, a.cause, a.started_at, a.duration_ms,
    a.response_status, a.error, a.error_detail, a.response_body";

fn attempt(row: &Row<'_>, endpoint_id: &EndpointId) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        id: AttemptId::from_uuid(uuid(row, 0)?),
        endpoint_id: endpoint_id.clone(),
        event_id: EventId::from_uuid(uuid(row, 1)?),
        shard: row.get(2)?,
        position: uint(row, 3)?,
        number: row.get(4)?,
        trigger: parsed(row, 5, names::trigger)?,
        started_at: time(row, 6)?,
        duration_ms: row.get(7)?,
        response_status: row.get(8)?,
        error: row
            .get_ref(9)?
            .as_str_or_null()?
            .map(|name| ErrorClass::parse(name).ok_or_else(|| corrupt(9, "a class of errors")))
            .transpose()?,
        error_detail: row.get(10)?,
        response_body: row.get(11)?,
    })
}

fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Uuid::from_slice(row.get_ref(column)?.as_blob()?).map_err(|_| corrupt(column, "a UUID"))
}
