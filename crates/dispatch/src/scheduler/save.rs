//! Saving progress: one batch at a time, the next one as soon as the last is on disk, with all that
//! changed meanwhile. Nothing waits for it but the bound on attempts that are not saved.

use rollcall_store::ledger::{ProgressBatch, SaveError};
use tokio::time::sleep;

use super::{Scheduler, reads::AGAIN};
use crate::{attempt::Courier, log::Log};

/// Lanes in one batch.
const LANES: usize = 1_024;

impl<L: Log, C: Courier> Scheduler<L, C> {
    pub(super) fn start_save(&mut self) {
        self.read_manual();
        if self.save.is_some() || (self.dirty.is_empty() && is_empty(&self.pending)) {
            return;
        }
        let mut batch = std::mem::take(&mut self.pending);
        batch.epochs.push(self.lease.held);
        for _ in 0..LANES {
            let Some(index) = self.dirty.pop_front() else { break };
            if let Some(track) = self.tracks[index].as_mut() {
                track.dirty = false;
                track.catch_up_to(self.followed);
                track.lane.progress(&mut batch);
                track.saved_frontier = track.lane.frontier();
            }
        }
        self.saving_manual.clone_from(&batch.manual_done);
        self.notices.saving = !batch.notices.is_empty();
        let attempts = batch.attempts.len();
        self.saving_attempts = attempts;
        let log = self.log.clone();
        let shard = self.shard;
        self.save = Some(Box::pin(async move {
            loop {
                match log.save_progress(batch.clone()).await {
                    Ok(()) => return Ok(()),
                    Err(fenced @ SaveError::Fenced(_)) => return Err(fenced),
                    Err(error) => {
                        tracing::warn!(shard, %error, attempts, "progress cannot be saved; trying again");
                    }
                }
                sleep(AGAIN).await;
            }
        }));
    }

    /// The batch is on disk; or, `false`, somebody else has the shard.
    pub(super) fn saved(&mut self, result: Result<(), SaveError>) -> bool {
        self.save = None;
        self.member.saved(self.saving_attempts);
        self.manual.saved(self.saving_manual.drain(..));
        self.notices.due |= std::mem::take(&mut self.notices.saving);
        if result.is_ok() && !self.stopping {
            self.finish_replays();
        }
        result.is_ok()
    }

    /// Saves whatever is not saved, idle lanes included. `false` if somebody else has the shard.
    pub(super) async fn save_all(&mut self) -> bool {
        for index in 0..self.tracks.len() {
            if let Some(track) = self.tracks[index].as_mut() {
                track.catch_up_to(self.followed);
                if track.lane.is_dirty() && !track.dirty {
                    track.dirty = true;
                    self.dirty.push_back(index);
                }
            }
        }
        self.manual.due = false;
        self.give_notice_of_the_rest();
        loop {
            self.start_save();
            if self.save.is_none() {
                return true;
            }
            let result = super::saved(&mut self.save).await;
            if !self.saved(result) {
                return false;
            }
        }
    }
}

fn is_empty(batch: &ProgressBatch) -> bool {
    batch.attempts.is_empty()
        && batch.dead.is_empty()
        && batch.replaced.is_empty()
        && batch.revived.is_empty()
        && batch.manual_done.is_empty()
        && batch.replayed.is_empty()
        && batch.notices.is_empty()
        && batch.notices_told.is_empty()
        && batch.lanes.is_empty()
        && batch.parked.is_empty()
        && batch.unparked.is_empty()
}
