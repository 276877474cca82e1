//! The list of all endpoints' deliveries: what was tried last comes first.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use rollcall_domain::{delivery::DeliveryStatus, ids::EndpointId};

use super::{CHUNK, Place, SCAN, Source, heads_at};
use crate::{
    db::{DbError, bind},
    ledger::{Delivery, DeliveryQuery},
};

/// A row of the attempts: its key, and the delivery.
struct Attempted {
    pk: i64,
    endpoint: EndpointId,
    place: Place,
}

/// The deliveries that match.
pub(super) fn by_attempts(
    source: &Source<'_>,
    query: &DeliveryQuery,
    limit: usize,
) -> Result<Vec<Delivery>, DbError> {
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
                Ok::<_, DbError>(Attempted {
                    pk: row.get(0)?,
                    endpoint: row.parsed(1, EndpointId::parse)?,
                    place,
                })
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
        let places: Vec<Place> =
            rows.iter().filter(|row| last.get(&row.place.1) == Some(&row.pk)).map(|row| row.place).collect();
        let deliveries = view.deliveries(&heads_at(source.c, &places)?, status)?;
        found.extend(
            deliveries
                .into_iter()
                .flatten()
                .filter_map(|delivery| last.get(&delivery.id.position).map(|pk| (*pk, delivery))),
        );
    }
    found.sort_unstable_by_key(|(pk, _)| Reverse(*pk));
    Ok(found.into_iter().map(|(_, delivery)| delivery).collect())
}
