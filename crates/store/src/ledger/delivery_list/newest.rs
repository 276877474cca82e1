//! The list that looks at the events themselves, from the newest on.

use std::sync::Arc;

use rollcall_domain::{
    delivery::DeliveryStatus,
    endpoint::{Endpoint, Scope},
    event::LoggedEvent,
    ids::EventId,
};
use uuid::Uuid;

use super::{CHUNK, List, Place, SCAN, append};
use crate::{
    db::{Db, DbError, Value, bind},
    ledger::{Delivery, deliveries::View},
    read::lanes::matches,
    resources::statement,
    rows::{self, EVENT_HEAD, EVENT_TABLES},
};

/// Most events that one call looks at if it has found nothing yet, so that an empty page is the end.
const SCAN_FOR_ONE: usize = 200_000;
/// How far the clocks of processes may be apart, at most, in milliseconds.
const SKEW: u64 = 60_000;

/// The endpoint's deliveries that stand so.
pub(super) fn newest(
    c: &Db,
    endpoint: &Endpoint,
    views: &[View<'_>],
    mut list: List<'_>,
    status: Option<DeliveryStatus>,
    limit: usize,
) -> Result<Vec<Delivery>, DbError> {
    // Nothing at or below the frontier is pending.
    let from = |view: &View<'_>| match status {
        Some(DeliveryStatus::Pending) => view.frontier,
        _ => endpoint.start.at(view.shard),
    };
    let oldest = if let List::OfMany { views, .. } = &list {
        let Some(oldest) = oldest_above(c, views, from)? else { return Ok(Vec::new()) };
        oldest
    } else {
        String::new()
    };
    let chunk = if status.is_none() { limit.clamp(50, CHUNK) } else { CHUNK };
    let mut found = Vec::new();
    let mut looked_at = 0;
    loop {
        let heads = match &list {
            List::OfOne { view, before } => page_of_one(view, from(view), *before, chunk)?,
            List::OfMany { before, .. } => page_of_many(c, &oldest, before, chunk)?,
        };
        looked_at += heads.len();
        let Some(last) = heads.last() else { break };
        match &mut list {
            List::OfOne { before, .. } => *before = last.place.1,
            List::OfMany { before, .. } => last.id.clone_into(before),
        }
        let end = heads.len() < chunk;
        let events: Vec<Arc<LoggedEvent>> = heads
            .into_iter()
            .filter_map(|head| head.event)
            .filter(|event| {
                let view = views.iter().find(|view| view.shard == event.shard);
                view.is_some_and(|view| event.position > from(view)) && endpoint.matches(event)
            })
            .collect();
        let enough = append(views, &events, status, limit, &mut found)?;
        if end || enough || looked_at > SCAN && !found.is_empty() || looked_at > SCAN_FOR_ONE {
            break;
        }
    }
    Ok(found)
}

/// A row of the log that was looked at.
struct Head {
    place: Place,
    id: String,
    /// Unless it is known already that the endpoint does not want it.
    event: Option<Arc<LoggedEvent>>,
}

fn page_of_one(view: &View<'_>, from: u64, before: u64, chunk: usize) -> Result<Vec<Head>, DbError> {
    const DESCENDING: &str = " AND e.position > $2 AND e.position < $3 ORDER BY e.position DESC LIMIT $4";
    let (sql, key) = match &view.endpoint.scope {
        Scope::Directory(id) => (
            statement!(
                "SELECT ",
                EVENT_HEAD,
                " FROM ",
                EVENT_TABLES,
                " WHERE e.directory_pk = (SELECT pk FROM directories WHERE id = $1)",
                DESCENDING
            ),
            Value::from(id.as_str()),
        ),
        _ => (
            statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, " WHERE e.shard = $1", DESCENDING),
            Value::from(view.shard),
        ),
    };
    view.c.rows(sql, &[key, from.into(), before.into(), (chunk as u64).into()], |row| {
        let wanted = matches(row, &view.endpoint.scope, &view.endpoint.event_types)?;
        let event = wanted.then(|| rows::event_head(row).map(Arc::new)).transpose()?;
        Ok(Head { place: (view.shard, row.uint(0)?), id: String::new(), event })
    })
}

fn page_of_many(c: &Db, oldest: &str, before: &str, chunk: usize) -> Result<Vec<Head>, DbError> {
    c.rows(
        statement!(
            "SELECT ",
            EVENT_HEAD,
            " FROM ",
            EVENT_TABLES,
            " WHERE e.id >= $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3"
        ),
        bind![oldest, before, chunk as u64],
        |row| {
            let event = rows::event_head(row)?;
            let place = (event.shard, event.position);
            Ok(Head { place, id: event.id.as_str().to_owned(), event: Some(Arc::new(event)) })
        },
    )
}

/// An id that no event above these positions is older than; `None` if there are no such events.
fn oldest_above(
    c: &Db,
    views: &[View<'_>],
    from: impl Fn(&View<'_>) -> u64,
) -> Result<Option<String>, DbError> {
    let mut oldest: Option<EventId> = None;
    for view in views {
        let first = c.row(
            "SELECT id FROM events WHERE shard = $1 AND position > $2 ORDER BY position LIMIT 1",
            bind![view.shard, from(view)],
            |row| row.parsed(0, EventId::parse),
        )?;
        oldest = match (oldest, first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(oldest.map(|id| {
        let milliseconds = id.uuid().as_u64_pair().0 >> 16;
        let before = Uuid::from_u64_pair(milliseconds.saturating_sub(SKEW) << 16, 0);
        EventId::from_uuid(before).as_str().to_owned()
    }))
}
