//! Lists of deliveries. Nothing is stored per delivery, so each kind of question has its own way:
//! dead letters and parked subjects by their rows, the rest by looking at the newest events.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{DeliveryId, DeliveryStatus},
    endpoint::{Endpoint, Scope},
    event::LoggedEvent,
    ids::EndpointId,
};
use rusqlite::{Connection, params};

use super::{Delivery, DeliveryQuery, deliveries::View, upkeep::attempts_kept_since};
use crate::{
    Catalog, Store,
    read::{
        ReadError, events,
        lanes::{OF_ALL, OF_DIRECTORY, matches},
    },
    resources::statement,
    rows::{self, EVENT_HEAD, EVENT_TABLES},
    sql::{int, parsed, uint},
};

/// The embedded profile's only shard.
const SHARD: u16 = 0;
/// Most events or attempts that one call looks at before it returns a short page.
const SCAN: usize = 10_000;
/// And most if it has found nothing yet, so that an empty page is the end.
const SCAN_FOR_ONE: usize = 200_000;

impl Store {
    /// The deliveries that match.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<Vec<Delivery>, ReadError> {
        let catalog = self.catalog();
        let kept_since = attempts_kept_since(self.inner.attempts_retention_days);
        self.read(move |c| Ok(list(&Source { c, catalog: &catalog, kept_since }, &query)?)).await
    }
}

/// What a list is made from.
#[derive(Clone, Copy)]
struct Source<'a> {
    c: &'a Connection,
    catalog: &'a Catalog,
    /// Attempts that began before this may be gone.
    kept_since: Timestamp,
}

impl<'a> Source<'a> {
    fn view(&self, endpoint: &'a Endpoint, shard: u16) -> rusqlite::Result<View<'a>> {
        View::of(self.c, endpoint, shard, self.kept_since)
    }
}

fn list(source: &Source<'_>, query: &DeliveryQuery) -> rusqlite::Result<Vec<Delivery>> {
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
        let before =
            query.after.as_ref().filter(|after| after.endpoint_id == *id).map(|after| after.position);
        return of_endpoint(source, &entry.endpoint, query.status, before, limit);
    }
    if matches!(query.status, None | Some(DeliveryStatus::Delivered)) {
        return by_attempts(source, query, limit);
    }
    let mut found = Vec::new();
    for id in endpoints_from(catalog, query.after.as_ref(), true) {
        let before =
            query.after.as_ref().filter(|after| after.endpoint_id == *id).map(|after| after.position);
        let Some(entry) = catalog.endpoints.get(id) else { continue };
        found.extend(of_endpoint(source, &entry.endpoint, query.status, before, limit - found.len())?);
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
) -> rusqlite::Result<Vec<Delivery>> {
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
    before: Option<u64>,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let view = source.view(endpoint, SHARD)?;
    let before = before.unwrap_or(u64::MAX);
    match status {
        Some(DeliveryStatus::Dead) => {
            let sql = "SELECT position FROM ledger.dead_letters WHERE endpoint_pk = $1 AND position < $2
                       ORDER BY position DESC LIMIT $3";
            let positions = positions(&view, sql, before, limit)?;
            at_positions(&view, DeliveryStatus::Dead, positions, limit)
        }
        Some(DeliveryStatus::Parked) => {
            // The events behind the first one, and first ones never tried or not tried again.
            let sql = "SELECT e.position FROM ledger.parked p JOIN events e ON e.subject_id = p.subject_id
                       WHERE p.endpoint_pk = $1 AND e.position < $2 AND e.position >= p.first_position
                       ORDER BY e.position DESC LIMIT $3";
            let positions = positions(&view, sql, before, SCAN)?;
            at_positions(&view, DeliveryStatus::Parked, positions, limit)
        }
        Some(DeliveryStatus::Retrying) => {
            let sql =
                "SELECT first_position FROM ledger.parked WHERE endpoint_pk = $1 AND first_position < $2
                       ORDER BY first_position DESC LIMIT $3";
            let mut all = positions(&view, sql, before, SCAN)?;
            // What failed and has not been parked is above the frontier.
            if let Some(number) = view.number {
                let tried: Vec<u64> = view
                    .c
                    .prepare_cached(
                        "SELECT DISTINCT position FROM ledger.attempts
                         WHERE endpoint_pk = $1 AND position > $2 AND position < $3
                         ORDER BY position DESC LIMIT $4",
                    )?
                    .query_map(params![number, int(view.frontier), int(before), int(SCAN as u64)], |row| {
                        uint(row, 0)
                    })?
                    .collect::<rusqlite::Result<_>>()?;
                all.extend(tried);
                all.sort_unstable_by(|a, b| b.cmp(a));
                all.dedup();
            }
            at_positions(&view, DeliveryStatus::Retrying, all, limit)
        }
        _ => newest(&view, status, before, limit),
    }
}

fn positions(view: &View<'_>, sql: &str, before: u64, limit: usize) -> rusqlite::Result<Vec<u64>> {
    let Some(number) = view.number else { return Ok(Vec::new()) };
    view.c
        .prepare_cached(sql)?
        .query_map(params![number, int(before), int(limit as u64)], |row| uint(row, 0))?
        .collect()
}

fn at_positions(
    view: &View<'_>,
    status: DeliveryStatus,
    positions: Vec<u64>,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let mut found = Vec::new();
    for position in positions {
        let Some(event) = events::at(view.c, SHARD, position)? else { continue };
        found.extend(view.delivery(&event)?.filter(|delivery| delivery.status == status));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// Looks at the events from the newest on.
fn newest(
    view: &View<'_>,
    status: Option<DeliveryStatus>,
    before: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    const DESCENDING: &str = " ORDER BY e.position DESC";
    let (sql, key) = match &view.endpoint.scope {
        Scope::Directory(id) => (
            statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_DIRECTORY, DESCENDING),
            Some(id.as_str()),
        ),
        _ => (statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_ALL, DESCENDING), None),
    };
    // Nothing at or below the frontier is pending.
    let from = match status {
        Some(DeliveryStatus::Pending) => view.frontier,
        _ => view.endpoint.start.at(view.shard),
    };
    let mut statement = view.c.prepare_cached(sql)?;
    let mut rows = statement.query(params![key, int(from), int(before.saturating_sub(1))])?;
    let mut found = Vec::new();
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if looked_at > SCAN && !found.is_empty() || looked_at > SCAN_FOR_ONE {
            break;
        }
        if !matches(row, &view.endpoint.scope, &view.endpoint.event_types)? {
            continue;
        }
        let event = Arc::new(rows::event_head(row)?);
        found.extend(
            view.delivery(&event)?.filter(|delivery| status.is_none_or(|status| status == delivery.status)),
        );
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// Of all endpoints, what was tried last.
fn by_attempts(source: &Source<'_>, query: &DeliveryQuery, limit: usize) -> rusqlite::Result<Vec<Delivery>> {
    let Source { c, catalog, .. } = *source;
    let mut start = i64::MAX;
    if let Some(after) = &query.after {
        let Some(entry) = catalog.endpoints.get(&after.endpoint_id) else { return Ok(Vec::new()) };
        let last = source.view(&entry.endpoint, SHARD)?.last_attempt(after.position)?;
        let Some(last) = last else { return Ok(Vec::new()) };
        start = last;
    }
    let mut statement = c.prepare_cached(
        "SELECT a.pk, e.id, a.position FROM ledger.attempts a CROSS JOIN ledger.endpoints e
         WHERE e.pk = a.endpoint_pk AND a.pk < $1 AND a.position > 0 ORDER BY a.pk DESC LIMIT $2",
    )?;
    let mut rows = statement.query(params![start, int(SCAN as u64)])?;
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = parsed(row, 1, EndpointId::parse)?;
        let position = uint(row, 2)?;
        if !seen.insert((id.clone(), position)) {
            continue;
        }
        let Some(entry) = catalog.endpoints.get(&id) else { continue };
        let view = source.view(&entry.endpoint, SHARD)?;
        // A later attempt at it came on an earlier page.
        if view.last_attempt(position)? != Some(row.get(0)?) {
            continue;
        }
        let Some(event) = events::at(c, SHARD, position)? else { continue };
        found.extend(
            view.delivery(&event)?
                .filter(|delivery| query.status.is_none_or(|status| status == delivery.status)),
        );
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}
