//! Lists of deliveries. Nothing is stored per delivery, so each kind of question has its own way:
//! dead letters and parked subjects by their rows, the rest by looking at the newest events.
//!
//! The events of one shard are listed by their positions. Those of several have no order but time,
//! which their ids begin with (UUIDv7, RFC 9562 §5.7): by these, shards are merged.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{DeliveryId, DeliveryStatus},
    endpoint::{Endpoint, Scope},
    event::LoggedEvent,
    ids::{EndpointId, EventId},
};
use uuid::Uuid;

use super::{Delivery, DeliveryQuery, deliveries::View, scope::shards_of, upkeep::attempts_kept_since};
use crate::{
    Catalog, Store,
    db::{Db, DbError, Value, bind},
    read::{ReadError, events, lanes::matches},
    resources::statement,
    rows::{self, EVENT_HEAD, EVENT_TABLES},
};

/// Most events or attempts that one call looks at before it returns a short page.
const SCAN: usize = 10_000;
/// And most if it has found nothing yet, so that an empty page is the end.
const SCAN_FOR_ONE: usize = 200_000;
/// So many are looked at together.
const CHUNK: usize = 500;
/// Greater than every id.
const NEWEST: &str = "\u{10ffff}";
/// How far the clocks of processes may be apart, at most, in milliseconds.
const SKEW: u64 = 60_000;

/// An event's place: its shard and its position.
type Place = (u16, u64);

impl Store {
    /// The deliveries that match.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<Vec<Delivery>, ReadError> {
        let catalog = self.catalog();
        let shards = self.shards();
        let kept_since = attempts_kept_since(self.inner.attempts_retention_days);
        self.read(move |c| Ok(list(&Source { c, catalog: &catalog, shards, kept_since }, &query)?)).await
    }
}

/// What a list is made from.
#[derive(Clone, Copy)]
struct Source<'a> {
    c: &'a Db,
    catalog: &'a Catalog,
    /// How many the log has.
    shards: u16,
    /// Attempts that began before this may be gone.
    kept_since: Timestamp,
}

impl<'a> Source<'a> {
    fn view(&self, endpoint: &'a Endpoint, shard: u16) -> Result<View<'a>, DbError> {
        View::of(self.c, endpoint, shard, self.kept_since)
    }
}

fn list(source: &Source<'_>, query: &DeliveryQuery) -> Result<Vec<Delivery>, DbError> {
    let Source { c, catalog, .. } = *source;
    let limit = query.limit.clamp(1, 1000) as usize;
    if matches!(query.status, Some(DeliveryStatus::Delivering | DeliveryStatus::Discarded)) {
        return Ok(Vec::new());
    }
    if let Some(event_id) = &query.event_id {
        let Some(event) = events::by_id(c, event_id)? else { return Ok(Vec::new()) };
        return of_event(source, query, &event, limit);
    }
    if let Some(id) = &query.endpoint_id {
        let Some(entry) = catalog.endpoints.get(id) else { return Ok(Vec::new()) };
        let after = query.after.as_ref().filter(|after| after.endpoint_id == *id);
        return of_endpoint(source, &entry.endpoint, query.status, after, limit);
    }
    if matches!(query.status, None | Some(DeliveryStatus::Delivered)) {
        return by_attempts(source, query, limit);
    }
    let mut found = Vec::new();
    for id in endpoints_from(catalog, query.after.as_ref(), true) {
        let after = query.after.as_ref().filter(|after| after.endpoint_id == *id);
        let Some(entry) = catalog.endpoints.get(id) else { continue };
        found.extend(of_endpoint(source, &entry.endpoint, query.status, after, limit - found.len())?);
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// The endpoints by id, from the cursor's on.
fn endpoints_from<'a>(
    catalog: &'a Catalog,
    after: Option<&DeliveryId>,
    inclusive: bool,
) -> BTreeSet<&'a EndpointId> {
    catalog
        .endpoints
        .keys()
        .filter(|id| {
            after.is_none_or(|after| **id > after.endpoint_id || (inclusive && **id == after.endpoint_id))
        })
        .collect()
}

fn of_event(
    source: &Source<'_>,
    query: &DeliveryQuery,
    event: &Arc<LoggedEvent>,
    limit: usize,
) -> Result<Vec<Delivery>, DbError> {
    let mut found = Vec::new();
    for id in endpoints_from(source.catalog, query.after.as_ref(), false) {
        if query.endpoint_id.as_ref().is_some_and(|only| only != id) {
            continue;
        }
        let Some(entry) = source.catalog.endpoints.get(id) else { continue };
        let delivery = source.view(&entry.endpoint, event.shard)?.delivery(event)?;
        found.extend(delivery.filter(|delivery| query.status.is_none_or(|status| status == delivery.status)));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

fn of_endpoint(
    source: &Source<'_>,
    endpoint: &Endpoint,
    status: Option<DeliveryStatus>,
    after: Option<&DeliveryId>,
    limit: usize,
) -> Result<Vec<Delivery>, DbError> {
    let c = source.c;
    let shards = shards_of(c, &endpoint.scope, source.shards)?;
    let views = View::of_each(c, endpoint, &shards, source.kept_since)?;
    let list = match &views[..] {
        [] => return Ok(Vec::new()),
        [view] => List::OfOne { view, before: after.map_or(u64::MAX, |after| after.position) },
        views => {
            let before = match after {
                Some(after) => {
                    let sql = "SELECT id FROM events WHERE shard = $1 AND position = $2";
                    let id = c.row(sql, bind![after.shard, after.position], |row| row.get::<String>(0))?;
                    let Some(id) = id else { return Ok(Vec::new()) };
                    id
                }
                None => NEWEST.to_owned(),
            };
            List::OfMany { views, before }
        }
    };
    match status {
        Some(status @ (DeliveryStatus::Dead | DeliveryStatus::Parked | DeliveryStatus::Retrying)) => {
            let Some(number) = views[0].number else { return Ok(Vec::new()) };
            let places = match &list {
                List::OfOne { view, before } => places_in_one(view, number, status, *before, limit)?,
                List::OfMany { views, before } => places_in_many(c, views, number, status, before, limit)?,
            };
            at_places(c, &views, status, &places, limit)
        }
        _ => newest(c, endpoint, &views, list, status, limit),
    }
}

/// What is listed, newest first, and where.
enum List<'a> {
    /// By position, below this one.
    OfOne { view: &'a View<'a>, before: u64 },
    /// By the events' ids, below this one.
    OfMany { views: &'a [View<'a>], before: String },
}

/// Where there may be deliveries that stand so.
fn places_in_one(
    view: &View<'_>,
    number: i64,
    status: DeliveryStatus,
    before: u64,
    limit: usize,
) -> Result<Vec<Place>, DbError> {
    let (sql, most) = match status {
        DeliveryStatus::Dead => (
            "SELECT position FROM ledger.dead_letters WHERE endpoint_pk = $1 AND shard = $2 AND position < $3
             ORDER BY position DESC LIMIT $4",
            limit,
        ),
        // The events behind the first one, and first ones never tried or not tried again.
        DeliveryStatus::Parked => (
            "SELECT e.position FROM ledger.parked p JOIN events e ON e.subject_id = p.subject_id AND e.shard = p.shard
             WHERE p.endpoint_pk = $1 AND p.shard = $2 AND e.position < $3 AND e.position >= p.first_position
             ORDER BY e.position DESC LIMIT $4",
            SCAN,
        ),
        _ => (
            "SELECT first_position FROM ledger.parked WHERE endpoint_pk = $1 AND shard = $2 AND first_position < $3
             ORDER BY first_position DESC LIMIT $4",
            SCAN,
        ),
    };
    let c = view.c;
    let mut all = c.rows(sql, bind![number, view.shard, before, most as u64], |row| row.uint(0))?;
    if status == DeliveryStatus::Retrying {
        // What failed and has not been parked is above the frontier.
        all.extend(c.rows(
            "SELECT DISTINCT position FROM ledger.attempts
             WHERE endpoint_pk = $1 AND shard = $2 AND position > $3 AND position < $4
             ORDER BY position DESC LIMIT $5",
            bind![number, view.shard, view.frontier, before, SCAN as u64],
            |row| row.uint(0),
        )?);
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
    }
    Ok(all.into_iter().map(|position| (view.shard, position)).collect())
}

/// The same where shards are merged.
fn places_in_many(
    c: &Db,
    views: &[View<'_>],
    number: i64,
    status: DeliveryStatus,
    before: &str,
    limit: usize,
) -> Result<Vec<Place>, DbError> {
    let (sql, most) = match status {
        DeliveryStatus::Dead => (
            "SELECT event_id, shard, position FROM ledger.dead_letters WHERE endpoint_pk = $1 AND event_id < $2
             ORDER BY event_id DESC LIMIT $3",
            limit,
        ),
        DeliveryStatus::Parked => (
            "SELECT e.id, e.shard, e.position
             FROM ledger.parked p JOIN events e ON e.subject_id = p.subject_id AND e.shard = p.shard
             WHERE p.endpoint_pk = $1 AND e.id < $2 AND e.position >= p.first_position
             ORDER BY e.id DESC LIMIT $3",
            SCAN,
        ),
        _ => (
            "SELECT e.id, e.shard, e.position
             FROM ledger.parked p JOIN events e ON e.shard = p.shard AND e.position = p.first_position
             WHERE p.endpoint_pk = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3",
            SCAN,
        ),
    };
    let mut all = c.rows(sql, bind![number, before, most as u64], |row| {
        Ok::<_, DbError>((row.get::<String>(0)?, row.get::<u16>(1)?, row.uint(2)?))
    })?;
    if status == DeliveryStatus::Retrying {
        for view in views {
            let share = (SCAN / views.len()) as u64;
            all.extend(c.rows(
                "SELECT DISTINCT e.id, e.position
                 FROM ledger.attempts a JOIN events e ON e.shard = a.shard AND e.position = a.position
                 WHERE a.endpoint_pk = $1 AND a.shard = $2 AND a.position > $3 AND e.id < $4
                 ORDER BY e.id DESC LIMIT $5",
                bind![number, view.shard, view.frontier, before, share],
                |row| Ok::<_, DbError>((row.get(0)?, view.shard, row.uint(1)?)),
            )?);
        }
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
    }
    Ok(all.into_iter().map(|(_, shard, position)| (shard, position)).collect())
}

fn at_places(
    c: &Db,
    views: &[View<'_>],
    status: DeliveryStatus,
    places: &[Place],
    limit: usize,
) -> Result<Vec<Delivery>, DbError> {
    let mut found = Vec::new();
    for chunk in places.chunks(CHUNK.min(limit.max(50))) {
        if append(views, &heads_at(c, chunk)?, Some(status), limit, &mut found)? {
            break;
        }
    }
    Ok(found)
}

/// The events at these places, in their order, without bodies; those that are not there are left out.
fn heads_at(c: &Db, places: &[Place]) -> Result<Vec<Arc<LoggedEvent>>, DbError> {
    let mut by_shard: HashMap<u16, Vec<u64>> = HashMap::new();
    for (shard, position) in places {
        by_shard.entry(*shard).or_default().push(*position);
    }
    let mut heads: HashMap<Place, Arc<LoggedEvent>> = HashMap::with_capacity(places.len());
    for (shard, positions) in by_shard {
        let found = c.rows(
            statement!(
                "SELECT ",
                EVENT_HEAD,
                " FROM ",
                EVENT_TABLES,
                " WHERE e.shard = $1 AND e.position IN (SELECT CAST(value AS BIGINT) FROM json_each($2))"
            ),
            bind![shard, serde_json::Value::from(positions).to_string()],
            rows::event_head,
        )?;
        heads.extend(found.into_iter().map(|event| ((shard, event.position), Arc::new(event))));
    }
    Ok(places.iter().filter_map(|place| heads.remove(place)).collect())
}

/// Adds the deliveries of these events that stand so, in the events' order; true if it is enough.
fn append(
    views: &[View<'_>],
    events: &[Arc<LoggedEvent>],
    status: Option<DeliveryStatus>,
    limit: usize,
    found: &mut Vec<Delivery>,
) -> Result<bool, DbError> {
    let mut deliveries: Vec<Option<Delivery>> = std::iter::repeat_with(|| None).take(events.len()).collect();
    for view in views {
        let (at, of_shard): (Vec<usize>, Vec<Arc<LoggedEvent>>) = events
            .iter()
            .enumerate()
            .filter(|(_, event)| event.shard == view.shard)
            .map(|(at, event)| (at, event.clone()))
            .unzip();
        if at.is_empty() {
            continue;
        }
        for (at, delivery) in at.into_iter().zip(view.deliveries(&of_shard, status)?) {
            deliveries[at] = delivery;
        }
    }
    let room = limit.saturating_sub(found.len());
    found.extend(deliveries.into_iter().flatten().take(room));
    Ok(found.len() >= limit)
}

/// Looks at the events from the newest on.
fn newest(
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

/// A row of the attempts: its key, and the delivery.
struct Attempted {
    pk: i64,
    endpoint: EndpointId,
    place: Place,
}

/// Of all endpoints, what was tried last.
fn by_attempts(source: &Source<'_>, query: &DeliveryQuery, limit: usize) -> Result<Vec<Delivery>, DbError> {
    let Source { c, catalog, .. } = *source;
    let mut start = i64::MAX;
    if let Some(after) = &query.after {
        let Some(entry) = catalog.endpoints.get(&after.endpoint_id) else { return Ok(Vec::new()) };
        let last = source.view(&entry.endpoint, after.shard)?.last_attempt(after.position)?;
        let Some(last) = last else { return Ok(Vec::new()) };
        start = last;
    }
    let chunk = CHUNK.min(limit.max(50));
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut looked_at = 0;
    while looked_at < SCAN {
        let rows = c.rows(
            "SELECT a.pk, e.id, a.shard, a.position
             FROM ledger.attempts a CROSS JOIN ledger.endpoints e ON e.pk = a.endpoint_pk
             WHERE a.pk < $1 AND a.position > 0 ORDER BY a.pk DESC LIMIT $2",
            bind![start, chunk as u64],
            |row| {
                let place = (row.get(2)?, row.uint(3)?);
                Ok::<_, DbError>(Attempted { pk: row.get(0)?, endpoint: row.parsed(1, EndpointId::parse)?, place })
            },
        )?;
        looked_at += rows.len();
        let end = rows.len() < chunk;
        let Some(last) = rows.last() else { break };
        start = last.pk;
        let rows: Vec<Attempted> =
            rows.into_iter().filter(|row| seen.insert((row.endpoint.clone(), row.place))).collect();
        let deliveries = attempted(source, &rows, query.status)?;
        found.extend(deliveries.into_iter().take(limit.saturating_sub(found.len())));
        if end || found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// The deliveries of which these are the last attempts, in their order, that stand so.
fn attempted(
    source: &Source<'_>,
    rows: &[Attempted],
    status: Option<DeliveryStatus>,
) -> Result<Vec<Delivery>, DbError> {
    let mut groups: HashMap<(&EndpointId, u16), Vec<&Attempted>> = HashMap::new();
    for row in rows {
        groups.entry((&row.endpoint, row.place.0)).or_default().push(row);
    }
    let mut found: Vec<(i64, Delivery)> = Vec::new();
    for ((endpoint, shard), rows) in groups {
        let Some(entry) = source.catalog.endpoints.get(endpoint) else { continue };
        let view = source.view(&entry.endpoint, shard)?;
        let last = view.last_attempts(rows.iter().map(|row| row.place.1))?;
        // Of the others, a later attempt came on an earlier page.
        let places: Vec<Place> = rows
            .iter()
            .filter(|row| last.get(&row.place.1) == Some(&row.pk))
            .map(|row| row.place)
            .collect();
        let deliveries = view.deliveries(&heads_at(source.c, &places)?, status)?;
        found.extend(deliveries.into_iter().flatten().filter_map(|delivery| {
            last.get(&delivery.id.position).map(|pk| (*pk, delivery))
        }));
    }
    found.sort_unstable_by_key(|(pk, _)| std::cmp::Reverse(*pk));
    Ok(found.into_iter().map(|(_, delivery)| delivery).collect())
}
