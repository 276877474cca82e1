//! What an unsettled event waits for, from what its lane saved: the same rule of order by which the
//! lane decides (`rollcall_domain::order`), looked up in the log instead of in a window.

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;
use rollcall_domain::{
    endpoint::EndpointState,
    event::LoggedEvent,
    explain::Waiting,
    order::{Before, Rule, before},
};

use crate::{
    db::{DbError, Value, bind},
    ledger::{BreakerState, ParkedRecord, deliveries::View, lanes},
    rows::{self, EVENT_HEAD, EVENT_TABLES},
};

/// Earlier events that are looked at for one that is not settled.
const LOOK: u32 = 256;
/// Of a chain of events that wait for each other so many are named.
const CHAIN: u32 = 3;

impl View<'_> {
    /// What an event that the endpoint is to get, and that is not settled, waits for.
    pub(super) fn waiting(&self, event: &LoggedEvent, now: Timestamp) -> Result<Waiting, DbError> {
        self.waiting_in_chain(event, now, CHAIN)
    }

    fn waiting_in_chain(&self, event: &LoggedEvent, now: Timestamp, left: u32) -> Result<Waiting, DbError> {
        if self.endpoint.state != EndpointState::Active {
            return Ok(Waiting::Endpoint(self.endpoint.state));
        }
        let parked = self.parked(&event.subject.id)?.filter(|row| row.first_position <= event.position);
        if let Some(row) = parked {
            let first = self.head_of(&row)?;
            return match first.filter(|first| first.position < event.position) {
                Some(first) => self.behind(event, &first, Rule::SameSubject, now, left),
                None => self.head_waiting(event, &row, now, left),
            };
        }
        match self.breaker.at(now) {
            BreakerState::Closed => {}
            BreakerState::Open { until } => return Ok(Waiting::Probe(Some(until))),
            BreakerState::HalfOpen => return Ok(Waiting::Probe(None)),
        }
        for before in before(event) {
            if let Some(earlier) = self.first_before(event, &before)? {
                return self.behind(event, &earlier, before.rule(), now, left);
            }
        }
        Ok(Waiting::Turn { ahead: event.position.saturating_sub(self.frontier + 1) })
    }

    /// Of a parked subject's first unsettled event.
    fn head_waiting(
        &self,
        event: &LoggedEvent,
        row: &ParkedRecord,
        now: Timestamp,
        left: u32,
    ) -> Result<Waiting, DbError> {
        match (row.next_at, &row.waits_for) {
            (Some(at), _) => {
                Ok(Waiting::Retry { at: self.breaker.at(now).defers(at), attempt: row.attempts + 1 })
            }
            (None, Some(group)) => {
                let first = self.parked(group)?.map(|row| self.head_of(&row)).transpose()?.flatten();
                match first.filter(|first| first.position < event.position) {
                    Some(first) => self.behind(event, &first, Rule::GroupFirst, now, left),
                    None => Ok(Waiting::Turn { ahead: 0 }),
                }
            }
            (None, None) => Ok(Waiting::Owner),
        }
    }

    fn behind(
        &self,
        event: &LoggedEvent,
        earlier: &LoggedEvent,
        rule: Rule,
        now: Timestamp,
        left: u32,
    ) -> Result<Waiting, DbError> {
        let behind = match left.checked_sub(1) {
            Some(left) => self.waiting_in_chain(earlier, now, left)?,
            None => Waiting::Turn { ahead: 0 },
        };
        Ok(Waiting::Earlier {
            event: earlier.id.clone(),
            rule,
            subject: event.subject.kind,
            behind: Box::new(behind),
        })
    }

    /// The first unsettled one of these earlier events. A subject that is parked for reasons of its own
    /// holds up only itself, and its memberships if it is a group.
    fn first_before(
        &self,
        event: &LoggedEvent,
        before: &Before<'_>,
    ) -> Result<Option<Arc<LoggedEvent>>, DbError> {
        let (condition, key): (_, Value<'_>) = match before {
            Before::Subject(id) => (OF_SUBJECT, (*id).into()),
            Before::Group(id) => {
                let parked = self.parked(id)?.map(|row| self.head_of(&row)).transpose()?.flatten();
                if parked.as_ref().is_some_and(|first| first.position < event.position) {
                    return Ok(parked);
                }
                (OF_SUBJECT, (*id).into())
            }
            Before::Memberships(id) => {
                if let Some(row) = self.claim_before(id, event.position)? {
                    return self.head_of(&row);
                }
                (OF_GROUP, (*id).into())
            }
            Before::Directory(id) => (OF_DIRECTORY, id.as_str().into()),
        };
        let earlier = self.look(condition, key, self.frontier + 1, event.position, LOOK)?;
        Ok(self.first_unsettled(&earlier)?.cloned())
    }

    /// The first of these that the endpoint wants, that is not settled, and whose subject is not parked.
    pub(super) fn first_unsettled<'e>(
        &self,
        events: &'e [Arc<LoggedEvent>],
    ) -> Result<Option<&'e Arc<LoggedEvent>>, DbError> {
        let unsettled = |event: &&Arc<LoggedEvent>| {
            event.position > self.endpoint.start.at(self.shard)
                && !self.settled(event.position)
                && self.endpoint.matches(event)
        };
        let mut left = events.iter().filter(unsettled).peekable();
        let Some(number) = self.number.filter(|_| left.peek().is_some()) else { return Ok(left.next()) };
        let subjects: HashSet<&str> = left.clone().map(|event| &*event.subject.id).collect();
        let subjects = serde_json::Value::from_iter(subjects).to_string();
        let parked = lanes::parked_among(self.c, &self.endpoint.id, number, self.shard, &subjects)?;
        let is_parked = |event: &Arc<LoggedEvent>| {
            parked
                .iter()
                .any(|row| row.subject_id == *event.subject.id && row.first_position <= event.position)
        };
        Ok(left.find(|event| !is_parked(event)))
    }

    /// A subject's row, if it is parked.
    fn parked(&self, subject: &str) -> Result<Option<ParkedRecord>, DbError> {
        let Some(number) = self.number else { return Ok(None) };
        let subject = serde_json::Value::from_iter([subject]).to_string();
        let rows = lanes::parked_among(self.c, &self.endpoint.id, number, self.shard, &subject)?;
        Ok(rows.into_iter().next())
    }

    /// The first of the lane's parked subjects.
    pub(super) fn first_parked(&self, number: i64, limit: u32) -> Result<Vec<ParkedRecord>, DbError> {
        lanes::parked_where(self.c, &self.endpoint.id, number, self.shard, None, limit)
    }

    /// A subject that is parked only because this group was, at an event before this position.
    fn claim_before(&self, group: &str, position: u64) -> Result<Option<ParkedRecord>, DbError> {
        let Some(number) = self.number else { return Ok(None) };
        let rows = lanes::parked_where(self.c, &self.endpoint.id, number, self.shard, Some(group), 1)?;
        Ok(rows.into_iter().find(|row| row.first_position < position))
    }

    /// The event that a parked subject is at: its first one from its row's position on.
    pub(super) fn head_of(&self, row: &ParkedRecord) -> Result<Option<Arc<LoggedEvent>>, DbError> {
        let key = row.subject_id.as_str().into();
        let events = self.look(OF_SUBJECT, key, row.first_position, u64::MAX >> 1, LOOK)?;
        Ok(events.into_iter().find(|event| self.endpoint.matches(event)))
    }

    /// Events from a position (inclusive) to one (exclusive), without bodies.
    fn look(
        &self,
        condition: &'static str,
        key: Value<'_>,
        from: u64,
        below: u64,
        limit: u32,
    ) -> Result<Vec<Arc<LoggedEvent>>, DbError> {
        let sql = format!("SELECT {EVENT_HEAD} FROM {EVENT_TABLES} WHERE {condition} {RANGE}");
        self.c
            .rows(&sql, bind![key, self.shard, from, below, limit], |row| rows::event_head(row).map(Arc::new))
    }
}

const OF_SUBJECT: &str = "e.subject_id = $1";
const OF_GROUP: &str = "e.group_id = $1";
const OF_DIRECTORY: &str = "e.directory_pk = (SELECT pk FROM directories WHERE id = $1)";
const RANGE: &str = "AND e.shard = $2 AND e.position >= $3 AND e.position < $4 ORDER BY e.position LIMIT $5";
