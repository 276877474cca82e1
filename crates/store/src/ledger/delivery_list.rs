//! Lists of deliveries. Nothing is stored per delivery, so each kind of question has its own way:
//! dead letters and parked subjects by their rows, the rest by looking at the newest events.
//!
//! The events of one shard are listed by their positions. Those of several have no order but time,
//! which their ids begin with (UUIDv7, RFC 9562 §5.7): by these, shards are merged.

mod by_attempts;
mod newest;
mod places;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use by_attempts::by_attempts;
use newest::newest;

use jiff::Timestamp;
use rollcall_domain::{
    delivery::{DeliveryId, DeliveryStatus},
    endpoint::Endpoint,
    event::LoggedEvent,
    ids::EndpointId,
};

use super::{Delivery, DeliveryQuery, deliveries::View, scope::shards_of, upkeep::attempts_kept_since};
use crate::{
    Catalog, Store,
    db::{Db, DbError, bind},
    read::{ReadError, events},
    resources::statement,
    rows::{self, EVENT_HEAD, EVENT_TABLES},
};

/// Most events or attempts that one call looks at before it returns a short page.
const SCAN: usize = 10_000;
/// So many are looked at together.
const CHUNK: usize = 500;
/// Greater than every id.
const NEWEST: &str = "\u{10ffff}";

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
    if query.status == Some(DeliveryStatus::Delivering) {
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
        Some(
            status @ (DeliveryStatus::Dead
            | DeliveryStatus::Parked
            | DeliveryStatus::Retrying
            | DeliveryStatus::Discarded),
        ) => {
            let Some(number) = views[0].number else { return Ok(Vec::new()) };
            let places = match &list {
                List::OfOne { view, before } => places::in_one(view, number, status, *before, limit)?,
                List::OfMany { views, before } => places::in_many(c, views, number, status, before, limit)?,
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
