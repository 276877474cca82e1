//! The configuration: tracks come, change and go with their endpoints.

use std::{collections::HashMap, rc::Rc, sync::Arc, time::Duration};

use rollcall_domain::{
    endpoint::{EndpointState, Scope},
    ids::EndpointId,
};
use rollcall_store::{
    Catalog,
    catalog::EndpointEntry,
    config_ops::ConfigError,
    ledger::{LaneRecord, ParkedRecord},
};
use tokio::time::sleep;

use super::{
    Log, SHARD, Scheduler,
    reads::{AGAIN, Side},
    tell::DeadTold,
    track::{Scan, Track},
};
use crate::{
    attempt::Courier,
    lane::{Lane, Policy},
    slots::{Speed, Tenant},
};

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Takes up the saved lanes. Tries again until the store can be read.
    pub(super) async fn load(&mut self) {
        let mut records: HashMap<EndpointId, (LaneRecord, Vec<ParkedRecord>)> = HashMap::new();
        let lanes = loop {
            match self.log.load_lanes(SHARD).await {
                Ok(lanes) => break lanes,
                Err(error) => tracing::warn!(%error, "the lanes cannot be read; trying again"),
            }
            sleep(AGAIN).await;
        };
        for lane in lanes.into_iter().filter(|lane| lane.shard == SHARD) {
            let parked = loop {
                match self.log.load_parked(&lane.endpoint_id, SHARD).await {
                    Ok(parked) => break parked,
                    Err(error) => tracing::warn!(%error, "parked subjects cannot be read; trying again"),
                }
                sleep(AGAIN).await;
            };
            records.insert(lane.endpoint_id.clone(), (lane, parked));
        }
        let catalog = self.log.catalog();
        self.revision = catalog.revision;
        for entry in catalog.endpoints.values() {
            let record = records.remove(&entry.endpoint.id);
            self.add(&catalog, entry, record);
        }
        self.release_quarantined();
    }

    /// Makes the quarantined endpoints active again whose URLs the policy accepts: what it was when
    /// they were quarantined may be a setting that was forgotten at one start. Whoever's address is
    /// still forbidden is quarantined again by its first attempt, before anything is sent.
    fn release_quarantined(&mut self) {
        for (index, track) in self.tracks.iter().enumerate() {
            let Some(track) = track.as_ref().filter(|t| t.endpoint().state == EndpointState::Quarantined)
            else {
                continue;
            };
            if !self.courier.accepts(&track.target) {
                continue;
            }
            let (log, id) = (self.log.clone(), track.endpoint().id.clone());
            self.side.push(Box::pin(async move {
                loop {
                    // Its owner may be quicker.
                    let catalog = log.catalog();
                    let entry = catalog.endpoints.get(&id);
                    if entry.is_none_or(|entry| entry.endpoint.state != EndpointState::Quarantined) {
                        break;
                    }
                    match log.set_state(&id, EndpointState::Active, None).await {
                        Ok(()) => {
                            tracing::info!(endpoint = %id, "a quarantined endpoint is tried again");
                            break;
                        }
                        Err(ConfigError::NotFound) => break,
                        Err(error) => {
                            tracing::warn!(endpoint = %id, %error, "an endpoint's state cannot be changed")
                        }
                    }
                    sleep(Duration::from_secs(5)).await;
                }
                Side::StateSet { index, id }
            }));
        }
    }

    /// Brings the tracks in line with the present configuration.
    pub(super) fn sync_catalog(&mut self) {
        let catalog = self.log.catalog();
        self.revision = catalog.revision;
        let gone: Vec<usize> = self
            .by_id
            .iter()
            .filter(|(id, _)| !catalog.endpoints.contains_key(*id))
            .map(|(_, index)| *index)
            .collect();
        for index in gone {
            self.remove(index);
        }
        for (id, entry) in &catalog.endpoints {
            match self.by_id.get(id).copied() {
                Some(index) => self.update(index, entry),
                None => self.add(&catalog, entry, None),
            }
        }
    }

    fn policy(&self, entry: &EndpointEntry) -> Policy {
        Policy {
            schedule: entry.endpoint.retry_schedule.clone(),
            on_exhausted: entry.endpoint.on_exhausted,
            max_parked: self.settings.max_parked_per_lane,
        }
    }

    fn add(
        &mut self,
        catalog: &Catalog,
        entry: &Arc<EndpointEntry>,
        record: Option<(LaneRecord, Vec<ParkedRecord>)>,
    ) {
        let endpoint = &entry.endpoint;
        let index = self.tracks.len();
        let policy = self.policy(entry);
        let lane = match record {
            Some((mut record, mut parked)) => {
                // A restored copy of the log may be older than the ledger. What lies beyond its end
                // has not happened, and other events will have these positions.
                let head = self.log.head(SHARD);
                if record.frontier > head {
                    tracing::warn!(endpoint = %endpoint.id, record.frontier, head, "the ledger is ahead of the log");
                }
                record.frontier = record.frontier.min(head);
                record.settled_above.retain(|position| *position <= head);
                parked.retain(|row| row.first_position <= head);
                Lane::restore(record, parked, policy, self.clock.now())
            }
            None => Lane::new(endpoint.id.clone(), SHARD, endpoint.start.at(SHARD), policy),
        };
        let heard = match &endpoint.scope {
            Scope::All => &mut self.hear_all,
            Scope::Organization(id) => self.hear_organization.entry(id.clone()).or_default(),
            Scope::Directory(id) => self.hear_directory.entry(id.clone()).or_default(),
        };
        heard.push(index);
        self.by_id.insert(endpoint.id.clone(), index);
        self.tracks.push(Some(Box::new(Track {
            target: Rc::new(self.courier.target(entry)),
            tenant: tenant(catalog, &endpoint.scope),
            saved_frontier: lane.frontier(),
            entry: Arc::clone(entry),
            lane,
            speed: Rc::new(Speed::default()),
            following: false,
            halting: false,
            scan: Scan::Idle,
            in_rotation: false,
            timer: None,
            dirty: false,
            touched: false,
            dead_told: DeadTold::default(),
        })));
        self.touch(index);
    }

    fn update(&mut self, index: usize, entry: &Arc<EndpointEntry>) {
        let now = self.clock.now();
        let policy = self.policy(entry);
        let Some(track) = self.tracks[index].as_mut() else { return };
        if Arc::ptr_eq(&track.entry, entry) {
            return;
        }
        // What it wants may change: up to here it has seen what it wanted before.
        track.catch_up_to(self.followed);
        let was = Arc::clone(&track.entry.endpoint);
        track.entry = Arc::clone(entry);
        track.target = Rc::new(self.courier.target(entry));
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
        let endpoint = track.endpoint();
        self.by_id.remove(&endpoint.id);
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
