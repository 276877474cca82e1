//! Reads of the store, a bounded number at a time, and what comes back from them.

use std::{rc::Rc, sync::Arc, time::Duration};

use rollcall_domain::ids::{EndpointId, EventId};
use rollcall_store::{
    catalog::EndpointEntry,
    ledger::ManualSend,
    read::{LaneRead, ReadError},
};
use tokio::time::sleep;

use super::{Scheduler, replay, track::Scan};
use crate::{
    attempt::Courier,
    lane::{BACKLOG_READ, BacklogRead},
    log::Log,
};

/// What a read that failed waits before it is tried again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// Events that are read at once when so much is held that no more should be.
pub(super) const SHORT_READ: u32 = 8;

/// What came back.
pub(super) enum Side {
    /// A laggard's events.
    Scanned { index: usize, entry: Arc<EndpointEntry>, after: u64, result: Result<LaneRead, ReadError> },
    /// A parked subject's events.
    Backlog { index: usize, id: EndpointId, read: BacklogRead, result: Result<LaneRead, ReadError> },
    /// The sends that the owner asked for.
    Manual { result: Result<Vec<ManualSend>, ReadError>, limit: usize },
    /// It is time to ask for these (again).
    ManualDue,
    /// A laggard may try again.
    Again { index: usize, id: EndpointId },
    /// The operator was told these, of so many or more.
    Told { told: Vec<EventId>, more: bool },
    /// It is time to go on telling.
    TellAgain,
    /// The store was told that a replay is over here.
    ReplayOver,
    /// An endpoint's state was changed.
    StateSet { index: usize, id: EndpointId },
}

impl<L: Log, C: Courier> Scheduler<L, C> {
    /// Of laggards, and of parked subjects.
    pub(super) fn reads_each(&self) -> usize {
        self.process.settings.store_reads.div_ceil(2).max(1)
    }

    /// Starts reads of parked subjects' backlogs.
    pub(super) fn start_reads(&mut self) {
        while self.backlogs_under_way < self.reads_each() {
            let Some((index, read)) = self.backlog_reads.pop_front() else { return };
            let Some(track) = self.tracks[index].as_ref() else { continue };
            self.backlogs_under_way += 1;
            let id = track.endpoint().id.clone();
            let (log, process, shard) = (self.log.clone(), Rc::clone(&self.process), self.shard);
            let entry = Arc::clone(&track.entry);
            let replay = track.part.as_ref().map(|part| Arc::clone(&part.replay));
            self.side.push(Box::pin(async move {
                let _turn = process.backlogs.acquire().await;
                let limit = if process.is_full() { SHORT_READ } else { BACKLOG_READ };
                let mut result = log.subject_events(shard, &read.subject, read.from, read.up_to, limit).await;
                if let (Ok(found), Some(replay)) = (&result, replay) {
                    result = replay::undelivered(&log, &entry, &replay, shard, found.clone()).await;
                }
                Side::Backlog { index, id, read, result }
            }));
        }
    }

    pub(super) fn side(&mut self, side: Side) {
        let now = self.process.clock.now();
        match side {
            Side::Scanned { index, entry, after, result } => {
                self.scans_under_way -= 1;
                let id = entry.endpoint.id.clone();
                let Some(track) = self.tracks[index].as_mut().filter(|t| t.endpoint().id == id) else {
                    return;
                };
                track.scan = Scan::Idle;
                match result {
                    // The scan may have gone back meanwhile, or other types be wanted; then this is
                    // read again.
                    Ok(read)
                        if track.lane.scan() == after
                            && track.is_sending()
                            && Arc::ptr_eq(&track.entry, &entry) =>
                    {
                        let member = &mut self.member;
                        let admitted = read.events.iter().all(|event| track.offer(event, now, member));
                        for event in read.events.iter().filter(|event| Arc::strong_count(event) > 1) {
                            self.process.note_held(event);
                        }
                        if admitted {
                            track.lane.advance_to(read.scanned_to);
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(endpoint = %id, %error, "the events of an endpoint cannot be read");
                        track.scan = Scan::Reading;
                        self.side.push(Box::pin(async move {
                            sleep(AGAIN).await;
                            Side::Again { index, id }
                        }));
                    }
                }
                self.touch(index);
            }
            Side::Again { index, id } => {
                if let Some(track) = self.tracks[index].as_mut().filter(|t| t.endpoint().id == id) {
                    track.scan = Scan::Idle;
                    self.touch(index);
                }
            }
            Side::Backlog { index, id, read, result } => {
                self.backlogs_under_way -= 1;
                let Some(track) = self.tracks[index].as_mut().filter(|t| t.endpoint().id == id) else {
                    return;
                };
                match result {
                    Ok(LaneRead { mut events, scanned_to }) => {
                        events.retain(|event| track.wants(event));
                        events.iter().for_each(|event| self.process.note_held(event));
                        track.lane.backlog(&read, events, scanned_to, now);
                    }
                    Err(error) => {
                        tracing::warn!(endpoint = %id, %error, "the events of a subject cannot be read");
                        track.lane.read_failed(&read, now);
                    }
                }
                self.touch(index);
            }
            Side::Manual { result, limit } => self.manual(result, limit),
            Side::ManualDue => self.manual.due = true,
            Side::Told { told, more } => self.told(told, more),
            Side::ReplayOver => self.sync_catalog(),
            Side::TellAgain => self.notices.due = true,
            Side::StateSet { index, id } => {
                if let Some(track) = self.tracks[index].as_mut().filter(|t| t.endpoint().id == id) {
                    track.halting = false;
                    self.sync_catalog();
                    self.touch(index);
                }
            }
        }
    }
}
