//! What the dispatcher asks of the store, so that its tests can bring a store of their own.

use std::{collections::HashSet, sync::Arc};

use rollcall_domain::{
    delivery::DeliveryId,
    endpoint::{Endpoint, EndpointState},
    event::LoggedEvent,
    ids::{EndpointId, OrganizationId},
    operator::Notice,
    replay::Replay,
    shard::Positions,
};
use rollcall_store::{
    Catalog, Store, WriteError,
    config_ops::{ConfigError, EndpointPatch},
    ledger::{HeldShard, LaneRecord, ManualSend, ParkedRecord, ProgressBatch, SaveError},
    read::{LaneQuery, LaneRead, ReadError},
};
use tokio::sync::watch;

/// The methods of [`Store`] that the dispatcher uses.
pub(crate) trait Log: Clone + 'static {
    fn catalog(&self) -> Arc<Catalog>;
    fn catalog_changes(&self) -> watch::Receiver<u64>;
    fn manual_changes(&self) -> watch::Receiver<u64>;
    /// How many shards the log has.
    fn shards(&self) -> u16;
    /// The newest committed position of each shard.
    async fn heads(&self) -> Result<Positions, ReadError>;
    async fn claim_shards(&self, holder: &str, shards: &[u16]) -> Result<Vec<HeldShard>, ReadError>;
    /// `revision`: that of the configuration by which all of these shards' events are sent.
    async fn renew_shards(&self, held: &[HeldShard], revision: u64) -> Result<Vec<HeldShard>, ReadError>;
    async fn release_shards(&self, held: &[HeldShard]) -> Result<(), ReadError>;
    /// The organizations that have or ever had a directory in the shard; `None` for «any».
    async fn organizations_in(&self, shard: u16) -> Result<Option<HashSet<OrganizationId>>, ReadError>;
    async fn load_lanes(&self, shard: u16) -> Result<Vec<LaneRecord>, ReadError>;
    async fn load_parked(&self, endpoint: &EndpointId, shard: u16) -> Result<Vec<ParkedRecord>, ReadError>;
    async fn lane_events(&self, query: LaneQuery) -> Result<LaneRead, ReadError>;
    async fn subject_events(
        &self,
        shard: u16,
        subject: &str,
        from: u64,
        up_to: u64,
        limit: u32,
    ) -> Result<LaneRead, ReadError>;
    async fn save_progress(&self, batch: ProgressBatch) -> Result<(), SaveError>;
    /// Those of a shard: a test event is in one too.
    async fn manual_sends(&self, shard: u16, limit: u32) -> Result<Vec<ManualSend>, ReadError>;
    /// What the operator is to be told by the shard's dispatcher.
    async fn notices(&self, shard: u16, limit: u32) -> Result<Vec<Notice>, ReadError>;
    async fn tell_operator(&self, notice: Notice) -> Result<(), WriteError>;
    /// An event and how many attempts were made to bring it to the endpoint.
    async fn delivery(&self, id: &DeliveryId) -> Result<Option<(Arc<LoggedEvent>, u32)>, ReadError>;
    async fn set_state(
        &self,
        endpoint: &EndpointId,
        state: EndpointState,
        reason: Option<String>,
    ) -> Result<(), ConfigError>;
    /// Those of these positions that the endpoint was never delivered, nor will be by its own lane.
    async fn undelivered(
        &self,
        endpoint: &Arc<Endpoint>,
        shard: u16,
        positions: Vec<u64>,
    ) -> Result<HashSet<u64>, ReadError>;
    /// A replay is over in a shard: ends it if it is in all.
    async fn finish_replay(&self, replay: &Replay) -> Result<(), ReadError>;
}

impl Log for Store {
    fn catalog(&self) -> Arc<Catalog> {
        self.catalog()
    }

    fn catalog_changes(&self) -> watch::Receiver<u64> {
        self.catalog_changes()
    }

    fn manual_changes(&self) -> watch::Receiver<u64> {
        self.manual_changes()
    }

    fn shards(&self) -> u16 {
        self.shards()
    }

    async fn heads(&self) -> Result<Positions, ReadError> {
        self.heads().await
    }

    async fn claim_shards(&self, holder: &str, shards: &[u16]) -> Result<Vec<HeldShard>, ReadError> {
        self.claim_shards(holder, shards).await
    }

    async fn renew_shards(&self, held: &[HeldShard], revision: u64) -> Result<Vec<HeldShard>, ReadError> {
        self.renew_shards(held, revision).await
    }

    async fn release_shards(&self, held: &[HeldShard]) -> Result<(), ReadError> {
        self.release_shards(held).await
    }

    async fn organizations_in(&self, shard: u16) -> Result<Option<HashSet<OrganizationId>>, ReadError> {
        self.organizations_in(shard).await
    }

    async fn load_lanes(&self, shard: u16) -> Result<Vec<LaneRecord>, ReadError> {
        self.load_lanes(shard).await
    }

    async fn load_parked(&self, endpoint: &EndpointId, shard: u16) -> Result<Vec<ParkedRecord>, ReadError> {
        self.load_parked(endpoint, shard).await
    }

    async fn lane_events(&self, query: LaneQuery) -> Result<LaneRead, ReadError> {
        self.lane_events(query).await
    }

    async fn subject_events(
        &self,
        shard: u16,
        subject: &str,
        from: u64,
        up_to: u64,
        limit: u32,
    ) -> Result<LaneRead, ReadError> {
        self.subject_events(shard, subject, from, up_to, limit).await
    }

    async fn save_progress(&self, batch: ProgressBatch) -> Result<(), SaveError> {
        self.save_progress(batch).await
    }

    async fn manual_sends(&self, shard: u16, limit: u32) -> Result<Vec<ManualSend>, ReadError> {
        self.manual_sends(shard, limit).await
    }

    async fn notices(&self, shard: u16, limit: u32) -> Result<Vec<Notice>, ReadError> {
        self.notices(shard, limit).await
    }

    async fn tell_operator(&self, notice: Notice) -> Result<(), WriteError> {
        self.tell_operator(notice).await
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<(Arc<LoggedEvent>, u32)>, ReadError> {
        Ok(self.delivery(id).await?.map(|(delivery, _)| (delivery.event, delivery.attempts)))
    }

    async fn set_state(
        &self,
        endpoint: &EndpointId,
        state: EndpointState,
        reason: Option<String>,
    ) -> Result<(), ConfigError> {
        let patch = EndpointPatch { state: Some((state, reason)), ..EndpointPatch::default() };
        self.update_endpoint(endpoint, patch).await.map(|_| ())
    }

    async fn undelivered(
        &self,
        endpoint: &Arc<Endpoint>,
        shard: u16,
        positions: Vec<u64>,
    ) -> Result<HashSet<u64>, ReadError> {
        self.undelivered(endpoint, shard, positions).await
    }

    async fn finish_replay(&self, replay: &Replay) -> Result<(), ReadError> {
        self.finish_replay(replay).await
    }
}
