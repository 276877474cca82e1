//! The configuration: tracks come, change and go with their endpoints.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};

use futures_util::{StreamExt, stream};
use rollcall_domain::{
    endpoint::{EndpointState, OnExhausted, Scope},
    ids::EndpointId,
    shard::shard_of,
};
use rollcall_store::{
    Catalog,
    catalog::EndpointEntry,
    ledger::{LaneRecord, ParkedRecord},
    read::ReadError,
};
use tokio::time::sleep;

use super::{Scheduler, reads::AGAIN, replay::Part, track::Track};
use crate::{
    attempt::Courier,
    lane::{BreakerState, Lane, Policy},
    log::Log,
    slots::Tenant,
};

/// What is saved of a lane, if anything.
pub(super) type Saved = Option<(LaneRecord, Vec<ParkedRecord>)>;

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Takes up the saved lanes. Tries again until the store can be read.
    pub(super) async fn load(&mut self) {
        let shard = self.shard;
        let mut records: HashMap<EndpointId, (LaneRecord, Vec<ParkedRecord>)> = HashMap::new();
        let lanes = self.insist("the lanes", async |log| log.load_lanes(shard).await).await;
        let mut parked = stream::iter(lanes)
            .map(|lane| async {
                let _turn = self.process.backlogs.acquire().await;
                let id = &lane.endpoint_id;
                let parked = self.insist("parked subjects", async |log| log.load_parked(id, shard).await);
                let parked = parked.await;
                (lane, parked)
            })
            .buffer_unordered(self.reads_each());
        while let Some((lane, parked)) = parked.next().await {
            records.insert(lane.endpoint_id.clone(), (lane, parked));
        }
        drop(parked);
        self.known = self.insist("the organizations", async |log| log.organizations_in(shard).await).await;
        // After the lanes: none is ahead of it.
        let heads = self.insist("the heads", async |log| log.heads().await).await;
        self.head = heads.at(shard);
        self.followed = self.head;
        self.head = self.head.max(self.process.feed.head(shard));
        let catalog = self.log.catalog();
        self.note_revision(catalog.revision);
        for entry in catalog.endpoints.values() {
            let record = records.remove(&entry.endpoint.id);
            if record.is_some() || self.concerns(&catalog, &entry.endpoint.scope) {
                self.add(&catalog, entry, record, None);
            }
            self.add_replays(&catalog, entry, |lane| records.remove(lane));
        }
    }

    async fn insist<T>(&self, what: &str, read: impl AsyncFn(&L) -> Result<T, ReadError>) -> T {
        loop {
            match read(&self.log).await {
                Ok(found) => return found,
                Err(error) => {
                    tracing::warn!(shard = self.shard, %error, "{what} cannot be read; trying again");
                }
            }
            sleep(AGAIN).await;
        }
    }

    fn note_revision(&mut self, revision: u64) {
        self.revision = revision;
        self.lease.applied.set(revision);
    }

    /// Whether this shard may have events of the scope. An organization that had a directory here
    /// once counts: its last events may not be sent yet.
    fn concerns(&self, catalog: &Catalog, scope: &Scope) -> bool {
        let shards = self.log.shards();
        let is_here = |directory| shard_of(directory, shards) == self.shard;
        match scope {
            Scope::All => true,
            Scope::Directory(id) => is_here(id),
            Scope::Organization(id) => match &self.known {
                None => true,
                Some(known) if known.contains(id) => true,
                Some(_) => self.process.organizations(catalog, shards).of(self.shard).contains(id),
            },
        }
    }

    /// Brings the tracks in line with the present configuration.
    pub(super) fn sync_catalog(&mut self) {
        let catalog = self.log.catalog();
        self.note_revision(catalog.revision);
        let replays: HashSet<EndpointId> = catalog
            .endpoints
            .values()
            .flat_map(|entry| &entry.replays)
            .map(|replay| replay.lane_id())
            .collect();
        let gone: Vec<usize> = self
            .by_id
            .iter()
            .filter(|(id, _)| !catalog.endpoints.contains_key(*id) && !replays.contains(*id))
            .map(|(_, index)| *index)
            .collect();
        for index in gone {
            self.remove(index);
        }
        for (id, entry) in &catalog.endpoints {
            match self.by_id.get(id).copied() {
                Some(index) => self.update(index, entry),
                None if self.concerns(&catalog, &entry.endpoint.scope) => {
                    self.add(&catalog, entry, None, None)
                }
                None => {}
            }
            for replay in &entry.replays {
                if let Some(index) = self.by_id.get(&replay.lane_id()).copied() {
                    self.update(index, entry);
                }
            }
            self.add_replays(&catalog, entry, |_| None);
        }
    }

    fn policy(&self, entry: &EndpointEntry, is_replay: bool) -> Policy {
        Policy {
            schedule: entry.endpoint.retry_schedule.clone(),
            // A replay goes on, and ends.
            on_exhausted: if is_replay { OnExhausted::DeadLetter } else { entry.endpoint.on_exhausted },
            max_parked: self.process.settings.max_parked_per_lane,
        }
    }

    pub(super) fn add(
        &mut self,
        catalog: &Catalog,
        entry: &Arc<EndpointEntry>,
        record: Saved,
        part: Option<Part>,
    ) {
        let endpoint = &entry.endpoint;
        let index = self.tracks.len();
        let policy = self.policy(entry, part.is_some());
        let lane_id = part.as_ref().map_or_else(|| endpoint.id.clone(), |part| part.replay.lane_id());
        let lane = match record {
            Some((mut record, mut parked)) => {
                // A restored copy of the log may be older than the ledger. What lies beyond its end
                // has not happened, and other events will have these positions.
                let head = self.followed;
                if record.frontier > head {
                    tracing::warn!(endpoint = %endpoint.id, record.frontier, head, "the ledger is ahead of the log");
                }
                record.frontier = record.frontier.min(head);
                record.settled_above.retain(|position| *position <= head);
                parked.retain(|row| row.first_position <= head);
                Lane::restore(record, parked, policy, self.process.clock.now())
            }
            None => {
                let start = part.as_ref().map_or(&endpoint.start, |part| &part.replay.after);
                Lane::new(lane_id.clone(), self.shard, start.at(self.shard), policy)
            }
        };
        if part.is_none() {
            let heard = match &endpoint.scope {
                Scope::All => &mut self.hear_all,
                Scope::Organization(id) => self.hear_organization.entry(id.clone()).or_default(),
                Scope::Directory(id) => self.hear_directory.entry(id.clone()).or_default(),
            };
            heard.push(index);
        }
        self.by_id.insert(lane_id, index);
        let target = Rc::new(self.courier.target(entry));
        let tenant = tenant(catalog, &endpoint.scope);
        let common = self.process.common(&endpoint.id);
        common.set_host(&endpoint.url);
        if lane.breaker() != BreakerState::Closed {
            common.known_to_fail.set(true);
        }
        self.tracks.push(Some(Box::new(Track::new(Arc::clone(entry), part, target, tenant, lane, common))));
        self.touch(index);
    }

    fn update(&mut self, index: usize, entry: &Arc<EndpointEntry>) {
        let now = self.process.clock.now();
        let is_replay = self.tracks[index].as_ref().is_some_and(|track| track.part.is_some());
        let policy = self.policy(entry, is_replay);
        let Some(track) = self.tracks[index].as_mut() else { return };
        if Arc::ptr_eq(&track.entry, entry) {
            return;
        }
        // What it wants may change: up to here it has seen what it wanted before.
        track.catch_up_to(self.followed);
        let was = Arc::clone(&track.entry.endpoint);
        track.entry = Arc::clone(entry);
        track.target = Rc::new(self.courier.target(entry));
        track.common.set_host(&entry.endpoint.url);
        track.lane.set_policy(policy);
        let active = EndpointState::Active;
        if entry.endpoint.state != active {
            track.lane.retreat();
            track.following = false;
        } else if was.updated_at != entry.endpoint.updated_at {
            // Resumed or changed by its owner: it has another chance at once.
            track.lane.wake(now);
        }
        self.touch(index);
    }

    fn remove(&mut self, index: usize) {
        let Some(track) = self.tracks[index].take() else { return };
        self.member.admitted(track.admitted, 0);
        let endpoint = track.endpoint();
        self.by_id.remove(&track.lane_id());
        if let Some(at) = track.timer {
            self.timers.remove(&(at, index));
        }
        let heard = match &endpoint.scope {
            Scope::All => Some(&mut self.hear_all),
            Scope::Organization(id) => self.hear_organization.get_mut(id),
            Scope::Directory(id) => self.hear_directory.get_mut(id),
        };
        if let Some(heard) = heard {
            heard.retain(|i| *i != index);
        }
        self.hear_organization.retain(|_, heard| !heard.is_empty());
        self.hear_directory.retain(|_, heard| !heard.is_empty());
    }
}

fn tenant(catalog: &Catalog, scope: &Scope) -> Tenant {
    match scope {
        Scope::All => None,
        Scope::Organization(id) => Some(id.clone()),
        Scope::Directory(id) => catalog.directories.get(id).map(|d| d.directory.organization_id.clone()),
    }
}
