//! A log in memory that several processes' feeds share, with leases as the store has them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::Timestamp;
use rollcall_domain::{
    event::{EventType, LoggedEvent, Subject, SubjectKind},
    ids::{DirectoryId, EventId, OrganizationId},
    shard::Positions,
};
use rollcall_store::{
    read::ReadError,
    relay::{RelayShard, Surplus},
};
use rollcall_stream::Log;
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct State {
    events: Vec<Vec<Arc<LoggedEvent>>>,
    relays: Vec<Relay>,
    seen: HashMap<String, Instant>,
}

#[derive(Clone, Default)]
struct Relay {
    holder: Option<(String, Instant)>,
    token: u64,
    published: u64,
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Mutex<State>>);

impl Memory {
    pub(crate) fn new(shards: u16) -> Self {
        let shards = usize::from(shards);
        Self(Arc::new(Mutex::new(State {
            events: vec![Vec::new(); shards],
            relays: vec![Relay::default(); shards],
            seen: HashMap::new(),
        })))
    }

    /// Commits an event to a shard.
    pub(crate) fn commit(&self, shard: u16) -> Arc<LoggedEvent> {
        let mut state = self.0.lock().unwrap();
        let events = &mut state.events[usize::from(shard)];
        let position = events.len() as u64 + 1;
        let directory = Uuid::from_u128(u128::from(shard));
        let event = Arc::new(LoggedEvent {
            shard,
            position,
            // Two logs have no event in common.
            id: EventId::from_uuid(Uuid::from_u128(
                (Arc::as_ptr(&self.0) as usize as u128) << 80
                    | u128::from(shard) << 64
                    | u128::from(position),
            )),
            kind: EventType::UserCreated,
            organization_id: OrganizationId::from_uuid(directory),
            directory_id: DirectoryId::from_uuid(directory),
            sequence: position,
            subject: Subject { kind: SubjectKind::User, id: "usr_1".into(), version: position },
            group_id: None,
            sandbox: false,
            timestamp: Timestamp::UNIX_EPOCH,
            body: Bytes::from(format!(r#"{{"sequence":{position}}}"#)),
        });
        events.push(Arc::clone(&event));
        event
    }

    /// How far each shard is known to be on the topic.
    pub(crate) fn published(&self) -> Vec<u64> {
        self.0.lock().unwrap().relays.iter().map(|relay| relay.published).collect()
    }

    /// Who relays how many shards.
    pub(crate) fn relays(&self) -> BTreeMap<String, usize> {
        let state = self.0.lock().unwrap();
        let mut counts = BTreeMap::new();
        for (holder, until) in state.relays.iter().filter_map(|relay| relay.holder.as_ref()) {
            if *until > Instant::now() {
                *counts.entry(holder.clone()).or_default() += 1;
            }
        }
        counts
    }
}

impl Log for Memory {
    fn store_id(&self) -> Box<str> {
        format!("{:p}", Arc::as_ptr(&self.0)).into()
    }

    async fn heads(&self) -> Result<Positions, ReadError> {
        let state = self.0.lock().unwrap();
        Ok(state.events.iter().map(|events| events.len() as u64).collect::<Vec<_>>().into())
    }

    async fn shard_events(
        &self,
        shard: u16,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Arc<LoggedEvent>>, ReadError> {
        let state = self.0.lock().unwrap();
        let events = &state.events[usize::from(shard)];
        let after = usize::try_from(after).unwrap().min(events.len());
        Ok(events[after..].iter().take(limit as usize).cloned().collect())
    }

    async fn relay_claim(&self, holder: &str, surplus: Surplus) -> Result<Vec<RelayShard>, ReadError> {
        let mut state = self.0.lock().unwrap();
        let now = Instant::now();
        state.seen.insert(holder.to_owned(), now + LEASE);
        state.seen.retain(|_, until| *until > now);
        let fair = state.relays.len().div_ceil(state.seen.len());
        let mut mine = 0;
        for relay in &mut state.relays {
            match &mut relay.holder {
                Some((who, until)) if *until > now && who == holder => {
                    mine += 1;
                    if mine > fair && surplus == Surplus::LetGo {
                        relay.holder = None;
                    } else {
                        *until = now + LEASE;
                    }
                }
                Some((_, until)) if *until > now => {}
                free => {
                    if mine < fair {
                        mine += 1;
                        *free = Some((holder.to_owned(), now + LEASE));
                        relay.token += 1;
                    }
                }
            }
        }
        Ok((0..)
            .zip(&state.relays)
            .filter(|(_, relay)| {
                relay.holder.as_ref().is_some_and(|(who, until)| who == holder && *until > now)
            })
            .map(|(shard, relay)| RelayShard { shard, token: relay.token, published: relay.published })
            .collect())
    }

    async fn relay_release(&self, holder: &str) -> Result<(), ReadError> {
        let mut state = self.0.lock().unwrap();
        state.seen.remove(holder);
        for relay in &mut state.relays {
            if relay.holder.as_ref().is_some_and(|(who, _)| who == holder) {
                relay.holder = None;
            }
        }
        Ok(())
    }

    async fn relay_published(&self, positions: &[(u16, u64, u64)]) -> Result<Vec<u16>, ReadError> {
        let mut state = self.0.lock().unwrap();
        let mut fenced = Vec::new();
        for (shard, token, position) in positions {
            let relay = &mut state.relays[usize::from(*shard)];
            if relay.token == *token {
                relay.published = relay.published.max(*position);
            } else {
                fenced.push(*shard);
            }
        }
        Ok(fenced)
    }

    async fn relay_rewind(&self, lost: &[(u16, u64)]) -> Result<(), ReadError> {
        let mut state = self.0.lock().unwrap();
        for (shard, token) in lost {
            let relay = &mut state.relays[usize::from(*shard)];
            if relay.token == *token {
                relay.published = 0;
                relay.token += 1;
            }
        }
        Ok(())
    }
}
