//! Saving progress: one batch at a time, the next one as soon as the last is on disk, with all that
//! changed meanwhile. Nothing waits for it but the bound on attempts that are not saved.

use rollcall_store::ledger::ProgressBatch;
use tokio::time::sleep;

use super::{Log, Scheduler, reads::AGAIN};
use crate::attempt::Courier;

/// Lanes in one batch.
const LANES: usize = 1_024;

impl<L: Log, C: Courier> Scheduler<L, C> {
    pub(super) fn start_save(&mut self) {
        self.read_manual();
        if self.save.is_some() || (self.dirty.is_empty() && is_empty(&self.pending)) {
            return;
        }
        let mut batch = std::mem::take(&mut self.pending);
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
        let attempts = batch.attempts.len();
        self.saving_attempts = attempts;
        let log = self.log.clone();
        self.save = Some(Box::pin(async move {
            while let Err(error) = log.save_progress(batch.clone()).await {
                tracing::warn!(%error, attempts, "progress cannot be saved; trying again");
                sleep(AGAIN).await;
            }
        }));
    }

    /// The batch is on disk.
    pub(super) fn saved(&mut self) {
        self.save = None;
        self.unsaved_attempts = self.unsaved_attempts.saturating_sub(self.saving_attempts);
        self.manual.saved(self.saving_manual.drain(..));
    }

    /// Saves whatever is not saved, idle lanes included.
    pub(super) async fn save_all(&mut self) {
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
        loop {
            self.start_save();
            if self.save.is_none() {
                return;
            }
            super::saved(&mut self.save).await;
            self.saved();
        }
    }
}

fn is_empty(batch: &ProgressBatch) -> bool {
    batch.attempts.is_empty()
        && batch.dead.is_empty()
        && batch.revived.is_empty()
        && batch.manual_done.is_empty()
        && batch.lanes.is_empty()
        && batch.parked.is_empty()
        && batch.unparked.is_empty()
}
