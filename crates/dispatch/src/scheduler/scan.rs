//! How lanes come by their events: followers are handed each new one, laggards read the shared
//! tail, or the store where the tail does not reach back far enough.

use std::{rc::Rc, sync::Arc, time::Duration};

use rollcall_domain::event::LoggedEvent;
use rollcall_store::read::LaneQuery;
use tokio::time::Instant;

use super::{
    Scheduler,
    reads::{SHORT_READ, Side},
    replay,
    track::Scan,
};
use crate::{attempt::Courier, log::Log};

/// For so long an event that was heard of may be on its way to the tail.
const COMES: Duration = Duration::from_millis(50);
/// Events taken from the tail at once.
const TAIL: usize = 256;
/// Laggards that are served before the scheduler looks at anything else.
const ROUND: usize = 32;

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Hands new events to the followers that want them.
    pub(super) fn follow(&mut self) {
        if self.followed >= self.head {
            return;
        }
        let tail = self.process.feed.tail_after(self.shard, self.followed, TAIL);
        // The store shows a change of the configuration before the events that follow it. Whoever
        // asked for more types and was answered gets the very next event, so it is looked at now.
        if self.log.catalog().revision != self.revision {
            self.sync_catalog();
        }
        match tail {
            Some(events) if !events.is_empty() => {
                for event in &events {
                    self.hand_out(event);
                    self.followed = event.position;
                }
                self.head = self.head.max(self.followed);
                self.tail_keeps_up = true;
                self.expect_tail(None);
            }
            // Heard of before it is here: it comes, if the others before it did.
            _ if self.tail_keeps_up && self.tail_due.is_none_or(|due| Instant::now() < due) => {
                let due = self.tail_due.unwrap_or_else(|| Instant::now() + COMES);
                self.expect_tail(Some(due));
            }
            // The tail has moved past: everybody reads for themselves.
            _ => {
                for index in 0..self.tracks.len() {
                    let Some(track) = self.tracks[index].as_mut() else { continue };
                    if track.following {
                        track.catch_up_to(self.followed);
                        track.following = false;
                    }
                    self.touch(index);
                }
                self.followed = self.head;
                self.tail_keeps_up = false;
                self.expect_tail(None);
            }
        }
    }

    /// Waits for the tail until `due`, or not.
    fn expect_tail(&mut self, due: Option<Instant>) {
        self.tail_due = due;
        self.lease.waits_for_tail.set(due.is_some());
    }

    /// Whether `follow` would go on at once.
    pub(super) fn can_follow(&self) -> bool {
        self.followed < self.head && self.tail_due.is_none()
    }

    fn hand_out(&mut self, event: &Arc<LoggedEvent>) {
        let now = self.process.clock.now();
        let lists = [
            Some(&self.hear_all),
            self.hear_organization.get(&event.organization_id),
            self.hear_directory.get(&event.directory_id),
        ];
        for index in lists.into_iter().flatten().flatten().copied() {
            let Some(track) = self.tracks[index].as_mut() else { continue };
            if !track.following || !track.entry.endpoint.matches(event) {
                continue;
            }
            if !track.offer(event, now, &mut self.member) {
                track.following = false;
            }
            if !track.touched {
                track.touched = true;
                self.touched.push(index);
            }
        }
    }

    pub(super) fn can_scan(&self) -> bool {
        !self.laggards.is_empty() && self.scans_under_way < self.reads_each()
    }

    /// Lets those read on that could not because so much was held.
    pub(super) fn remember_laggards(&mut self) {
        if self.short_of_memory.is_empty() || self.process.is_full() {
            return;
        }
        for index in std::mem::take(&mut self.short_of_memory) {
            if let Some(track) = self.tracks[index].as_mut().filter(|track| track.scan == Scan::Short) {
                track.scan = Scan::Idle;
                self.touch(index);
            }
        }
    }

    /// Lets laggards read on.
    pub(super) fn scan_laggards(&mut self) {
        for _ in 0..ROUND {
            if !self.can_scan() {
                return;
            }
            let Some(index) = self.laggards.pop_front() else { return };
            self.scan_one(index);
        }
    }

    fn scan_one(&mut self, index: usize) {
        let now = self.process.clock.now();
        let followed = self.followed;
        let Some(track) = self.tracks[index].as_mut() else { return };
        track.scan = Scan::Idle;
        let room = track.lane.room();
        if !track.is_sending() || track.following || room == 0 {
            self.touch(index);
            return;
        }
        let after = track.lane.scan();
        let followed = track.goal(followed);
        // More than there is room for, since not all will match.
        let limit = (room * 2).clamp(32, TAIL);
        // Only the store knows what was delivered.
        let asks = track.part.as_ref().is_some_and(|part| part.replay.filter.only_undelivered);
        let tail = if asks { None } else { self.process.feed.tail_after(self.shard, after, limit) };
        if let Some(events) = tail.filter(|events| !events.is_empty()) {
            let admitted = events.iter().take_while(|e| e.position <= followed).all(|event| {
                let admitted = track.offer(event, now, &mut self.member);
                if admitted {
                    track.lane.advance_to(event.position);
                }
                admitted
            });
            // The tail may end before what is known to be in the log.
            if let Some(last) = events.last().filter(|_| admitted) {
                track.lane.advance_to(last.position.min(followed));
            }
        } else if self.process.is_full() && !track.lane.is_window_empty() {
            track.scan = Scan::Short;
            self.short_of_memory.push(index);
        } else {
            let most = if self.process.is_full() { SHORT_READ as usize } else { TAIL };
            track.scan = Scan::Reading;
            self.scans_under_way += 1;
            let query = LaneQuery {
                shard: self.shard,
                scope: track.part.as_ref().map_or_else(
                    || track.endpoint().scope.clone(),
                    |part| part.replay.filter.scope(&track.endpoint().scope),
                ),
                types: track.endpoint().event_types.clone(),
                after,
                up_to: followed,
                limit: u32::try_from(room.min(most)).unwrap_or(1),
            };
            let (log, process) = (self.log.clone(), Rc::clone(&self.process));
            let entry = Arc::clone(&track.entry);
            let replay = track.part.as_ref().map(|part| Arc::clone(&part.replay));
            self.side.push(Box::pin(async move {
                let _turn = process.scans.acquire().await;
                let result = match replay {
                    Some(replay) => replay::read(&log, &entry, &replay, query).await,
                    None => log.lane_events(query).await,
                };
                Side::Scanned { index, entry, after, result }
            }));
        }
        self.touch(index);
    }
}
