//! Sends that the owner asked for.

use rollcall_domain::{
    delivery::DeliveryId,
    ids::{EndpointId, EventId},
};
use rusqlite::{Connection, Row, params};

use super::{ManualSend, ManualSendWhat, endpoints::Endpoints, writer::Task};
use crate::{
    Store,
    read::ReadError,
    sql::{int, optional_parsed, parsed, uint},
};

impl Store {
    /// Manual sends that are not done, the oldest first.
    pub async fn manual_sends(&self, limit: u32) -> Result<Vec<ManualSend>, ReadError> {
        self.read(move |c| {
            Ok(c.prepare_cached(
                "SELECT m.id, e.id, m.shard, m.position, m.event_id, m.body
                 FROM ledger.manual_sends m JOIN ledger.endpoints e ON e.pk = m.endpoint_pk
                 ORDER BY m.id LIMIT $1",
            )?
            .query_map([limit], manual_send)?
            .collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// The endpoint's oldest dead letters, at most `limit`, without those that a manual send that is
    /// not done asks for.
    pub async fn dead_letters_to_recover(
        &self,
        endpoint: &EndpointId,
        limit: u32,
    ) -> Result<Vec<DeliveryId>, ReadError> {
        let endpoint_id = endpoint.clone();
        self.read(move |c| {
            let mut statement = c.prepare_cached(
                "SELECT d.shard, d.position
                 FROM ledger.endpoints e JOIN ledger.dead_letters d ON d.endpoint_pk = e.pk
                 WHERE e.id = $1 AND d.position NOT IN (
                     SELECT m.position FROM ledger.manual_sends m
                     WHERE m.endpoint_pk = e.pk AND m.position IS NOT NULL)
                 ORDER BY d.position LIMIT $2",
            )?;
            let rows = statement.query_map(params![endpoint_id.as_str(), limit], |row| {
                let endpoint_id = endpoint_id.clone();
                Ok(DeliveryId { endpoint_id, shard: row.get(0)?, position: uint(row, 1)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Asks for a manual send. The dispatcher is woken through [`Store::manual_changes`].
    pub async fn request_manual_send(
        &self,
        endpoint: &EndpointId,
        what: ManualSendWhat,
    ) -> Result<(), ReadError> {
        self.inner.ledger.submit(Task::Manual(endpoint.clone(), what)).await
    }
}

fn manual_send(row: &Row<'_>) -> rusqlite::Result<ManualSend> {
    let what = match optional_parsed(row, 4, EventId::parse)? {
        Some(event_id) => ManualSendWhat::Test { event_id, body: row.get(5)? },
        None => ManualSendWhat::Event { shard: row.get(2)?, position: uint(row, 3)? },
    };
    Ok(ManualSend { id: row.get(0)?, endpoint_id: parsed(row, 1, EndpointId::parse)?, what })
}

/// Adds a request.
pub(super) fn insert(
    c: &Connection,
    endpoints: &mut Endpoints,
    endpoint: &EndpointId,
    what: &ManualSendWhat,
) -> rusqlite::Result<()> {
    let Some(number) = endpoints.number(c, endpoint)? else { return Ok(()) };
    let (shard, position, event_id, body) = match what {
        ManualSendWhat::Event { shard, position } => (Some(shard), Some(int(*position)), None, None),
        ManualSendWhat::Test { event_id, body } => (None, None, Some(event_id.as_str()), Some(body)),
    };
    c.prepare_cached(
        "INSERT INTO manual_sends (endpoint_pk, shard, position, event_id, body) VALUES ($1, $2, $3, $4, $5)",
    )?
    .execute(params![number, shard, position, event_id, body])
    .map(drop)
}
