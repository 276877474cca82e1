//! Replays: tracks with an end, at a rate of their own.
//!
//! A replay's track stands beside its endpoint's and shares what is known of the endpoint; its lane is its own, saved
//! under [`Replay::lane_id`]. It never follows: it reads its range, sends, and ends. Nothing that it gives up becomes a
//! dead letter, since the endpoint may have had it before.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rollcall_domain::{
    event::LoggedEvent,
    ids::{EndpointId, GroupId},
    replay::Replay,
};
use rollcall_store::{
    Catalog,
    catalog::EndpointEntry,
    read::{LaneQuery, LaneRead, ReadError},
    replays::Replayed,
};
use tokio::time::sleep;

use super::{
    Scheduler,
    catalog::Saved,
    reads::{AGAIN, Side},
    track::Track,
};
use crate::{attempt::Courier, log::Log};

/// Attempts that could have begun in this time begin late.
const MAKES_UP: SignedDuration = SignedDuration::from_millis(50);

/// The part of a replay that is in this shard.
pub(super) struct Part {
    pub(super) replay: Arc<Replay>,
    /// Its last position here.
    pub(super) end: u64,
    /// Between two attempts.
    pause: Duration,
    /// When the next attempt may begin.
    next_at: Option<Timestamp>,
    /// All of it is settled here, and is saved or about to be.
    over: bool,
    /// The store was told so.
    told: bool,
}

impl Part {
    /// `None` if the replay has nothing in the shard. The rate is divided among the shards that it has a part of.
    pub(super) fn of(replay: &Arc<Replay>, shard: u16) -> Option<Self> {
        let (_, end) = replay.parts().find(|(of, _)| *of == shard)?;
        let parts = u32::try_from(replay.parts().count()).unwrap_or(u32::MAX);
        let pause = Duration::from_secs(1) * parts / replay.rate_per_second.max(1);
        Some(Self { replay: Arc::clone(replay), end, pause, next_at: None, over: false, told: false })
    }

    /// When an attempt may begin; `None`: now.
    pub(super) fn waits_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.next_at.filter(|at| *at > now)
    }

    /// An attempt begins. What was not begun in the last moment is made up for, and no more: timers are coarser than
    /// a high rate's pauses.
    pub(super) fn begins(&mut self, now: Timestamp) {
        let pause = SignedDuration::try_from(self.pause).unwrap_or_default();
        let earliest = now.checked_sub(MAKES_UP).unwrap_or(now);
        self.next_at = self.next_at.unwrap_or(now).max(earliest).checked_add(pause).ok();
    }
}

impl<T> Track<T> {
    /// Whose lane it is: an endpoint's, or a replay's.
    pub(super) fn lane_id(&self) -> EndpointId {
        self.part.as_ref().map_or_else(|| self.endpoint().id.clone(), |part| part.replay.lane_id())
    }

    /// Whether it is to be sent this event, as far as the event tells.
    pub(super) fn wants(&self, event: &LoggedEvent) -> bool {
        self.entry.endpoint.matches(event)
            && self.part.as_ref().is_none_or(|part| part.replay.filter.matches(event))
    }

    /// Up to where it reads, of what is known to be in the log.
    pub(super) fn goal(&self, followed: u64) -> u64 {
        self.part.as_ref().map_or(followed, |part| followed.min(part.end))
    }

    /// Has it saved that nothing of the replay is left here, once that is so.
    pub(super) fn notice_the_end(&mut self) {
        let (frontier, idle) = (self.lane.frontier(), self.lane.flights_len() == 0);
        if let Some(part) = self.part.as_mut().filter(|part| !part.over && frontier >= part.end)
            && self.lane.parked_len() == 0
            && idle
        {
            part.over = true;
            self.lane.save_again();
        }
    }
}

/// What a replay reads: those of the endpoint's events that it is about.
pub(super) async fn read<L: Log>(
    log: &L,
    entry: &EndpointEntry,
    replay: &Replay,
    query: LaneQuery,
) -> Result<LaneRead, ReadError> {
    let (shard, after, up_to, limit) = (query.shard, query.after, query.up_to, query.limit);
    let found = match &replay.filter.subject_id {
        // Of a group, its memberships too, which are their users' events.
        Some(subject) if GroupId::parse(subject).is_none() => {
            log.subject_events(shard, subject, after + 1, up_to, limit).await?
        }
        _ => log.lane_events(query).await?,
    };
    undelivered(log, entry, replay, shard, found).await
}

/// Of what was read, what was not delivered, where the replay is only about that.
pub(super) async fn undelivered<L: Log>(
    log: &L,
    entry: &EndpointEntry,
    replay: &Replay,
    shard: u16,
    mut found: LaneRead,
) -> Result<LaneRead, ReadError> {
    if replay.filter.only_undelivered && !found.events.is_empty() {
        let positions = found.events.iter().map(|event| event.position).collect();
        let left = log.undelivered(&entry.endpoint, shard, positions).await?;
        found.events.retain(|event| left.contains(&event.position));
    }
    Ok(found)
}

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Counts what became of an event of a replay.
    pub(super) fn replayed(&mut self, index: usize, delivered: u64, failed: u64) {
        let Some(part) = self.tracks[index].as_ref().and_then(|track| track.part.as_ref()) else { return };
        let id = part.replay.id.clone();
        self.pending.replayed.push(Replayed { id, shard: self.shard, delivered, failed });
    }

    /// What is saved may be the end of a replay here: the store is told so, and looks at the other shards.
    pub(super) fn finish_replays(&mut self) {
        for index in 0..self.tracks.len() {
            let Some(track) = self.tracks[index].as_mut() else { continue };
            if track.dirty || track.lane.is_dirty() {
                continue;
            }
            let Some(part) = track.part.as_mut().filter(|part| part.over && !part.told) else { continue };
            part.told = true;
            let (log, replay) = (self.log.clone(), Arc::clone(&part.replay));
            self.side.push(Box::pin(async move {
                while let Err(error) = log.finish_replay(&replay).await {
                    tracing::warn!(replay = %replay.id, %error, "a replay cannot be ended yet");
                    sleep(AGAIN).await;
                }
                Side::ReplayOver
            }));
        }
    }

    /// Adds the parts of an endpoint's replays that are not there yet.
    pub(super) fn add_replays(
        &mut self,
        catalog: &Catalog,
        entry: &Arc<EndpointEntry>,
        mut record: impl FnMut(&EndpointId) -> Saved,
    ) {
        for replay in &entry.replays {
            let lane_id = replay.lane_id();
            if self.by_id.contains_key(&lane_id) {
                continue;
            }
            if let Some(part) = Part::of(replay, self.shard) {
                self.add(catalog, entry, record(&lane_id), Some(part));
            }
        }
    }
}
