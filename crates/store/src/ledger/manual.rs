//! Sends that the owner asked for.

use rollcall_domain::{
    delivery::DeliveryId,
    endpoint::Scope,
    ids::{EndpointId, EventId},
    shard::shard_of,
};

use super::{ManualSend, ManualSendWhat, Task, endpoints::Endpoints};
use crate::{
    Store,
    db::{Db, DbError, Row, bind},
    read::ReadError,
};

impl Store {
    /// Manual sends that are not done and that the dispatcher of this shard makes, the oldest first.
    /// An event's is its own; a test's, which has none, is its endpoint's directory's, or else 0.
    pub async fn manual_sends(&self, shard: u16, limit: u32) -> Result<Vec<ManualSend>, ReadError> {
        self.read(move |c| {
            Ok(c.rows(
                "SELECT m.id, e.id, m.shard, m.position, m.event_id, m.body
                 FROM ledger.manual_sends m JOIN ledger.endpoints e ON e.pk = m.endpoint_pk
                 WHERE m.shard = $1 AND e.deleted = 0 ORDER BY m.id LIMIT $2",
                bind![shard, limit],
                manual_send,
            )?)
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
            Ok(c.rows(
                "SELECT d.shard, d.position
                 FROM ledger.endpoints e JOIN ledger.dead_letters d ON d.endpoint_pk = e.pk
                 WHERE e.id = $1 AND NOT EXISTS (
                     SELECT 1 FROM ledger.manual_sends m
                     WHERE m.endpoint_pk = e.pk AND m.shard = d.shard AND m.position = d.position)
                 ORDER BY d.position, d.shard LIMIT $2",
                bind![endpoint_id.as_str(), limit],
                |row| {
                    let endpoint_id = endpoint_id.clone();
                    Ok::<_, DbError>(DeliveryId { endpoint_id, shard: row.get(0)?, position: row.uint(1)? })
                },
            )?)
        })
        .await
    }

    /// Asks for a manual send. The dispatcher is woken through [`Store::manual_changes`].
    pub async fn request_manual_send(
        &self,
        endpoint: &EndpointId,
        what: ManualSendWhat,
    ) -> Result<(), ReadError> {
        let shard = match &what {
            ManualSendWhat::Event { shard, .. } => *shard,
            ManualSendWhat::Test { .. } => self.shard_for_tests(endpoint),
        };
        self.inner.ledger.ask(Task::Manual { endpoint: endpoint.clone(), shard, what }).await
    }

    fn shard_for_tests(&self, endpoint: &EndpointId) -> u16 {
        match self.catalog().endpoints.get(endpoint).map(|entry| &entry.endpoint.scope) {
            Some(Scope::Directory(id)) => shard_of(id, self.shards()),
            _ => 0,
        }
    }
}

fn manual_send(row: &Row<'_>) -> Result<ManualSend, DbError> {
    let what = match row.optional_parsed(4, EventId::parse)? {
        Some(event_id) => ManualSendWhat::Test { event_id, body: row.get(5)? },
        None => ManualSendWhat::Event { shard: row.get(2)?, position: row.uint(3)? },
    };
    Ok(ManualSend { id: row.get(0)?, endpoint_id: row.parsed(1, EndpointId::parse)?, what })
}

/// Adds a request.
pub(super) fn insert(
    c: &Db,
    endpoints: &Endpoints,
    endpoint: &EndpointId,
    shard: u16,
    what: &ManualSendWhat,
) -> Result<(), DbError> {
    let Some(number) = endpoints.number(endpoint) else { return Ok(()) };
    let (position, event_id, body) = match what {
        ManualSendWhat::Event { position, .. } => (Some(*position), None, None),
        ManualSendWhat::Test { event_id, body } => (None, Some(event_id.as_str()), Some(body.as_str())),
    };
    c.execute(
        "INSERT INTO manual_sends (endpoint_pk, shard, position, event_id, body) VALUES ($1, $2, $3, $4, $5)",
        bind![number, shard, position, event_id, body],
    )
    .map(drop)
}
