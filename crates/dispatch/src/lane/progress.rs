//! What of a lane is saved, and a lane from what was saved.

use jiff::Timestamp;
use rollcall_store::ledger::{LaneRecord, ParkedRecord, ProgressBatch};

use super::{
    Breaker, Lane, MAX_WINDOW, Policy,
    park::{Parked, When},
};

impl Lane {
    /// Whether something must be saved.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty || !self.touched.is_empty()
    }

    /// Has it saved where it stands, whether or not that changed.
    pub(crate) fn save_again(&mut self) {
        self.dirty = true;
    }

    /// Adds what changed since the last call.
    ///
    /// A row with both a time and a group is a subject that was parked only because of that group
    /// and may go on now: the group's deletion waits for it.
    pub(crate) fn progress(&mut self, batch: &mut ProgressBatch) {
        if !self.is_dirty() {
            return;
        }
        self.dirty = false;
        batch.lanes.push(LaneRecord {
            endpoint_id: self.endpoint.clone(),
            shard: self.shard,
            frontier: self.frontier,
            settled_above: self.settled.iter().copied().take(MAX_WINDOW).collect(),
            breaker: self.breaker.saved(),
            failing_since: self.failing_since,
        });
        for subject in std::mem::take(&mut self.touched) {
            let Some(parked) = self.parked.get(&subject) else {
                batch.unparked.push((self.endpoint.clone(), self.shard, subject.into()));
                continue;
            };
            batch.parked.push(ParkedRecord {
                endpoint_id: self.endpoint.clone(),
                shard: self.shard,
                subject_id: subject.into(),
                first_position: parked.first,
                attempts: parked.attempts,
                next_at: if let When::At(at) = parked.when { Some(at) } else { None },
                waits_for: parked.claim.as_deref().map(Into::into),
                endpoint_scope: parked.endpoint_scope,
                replaces: parked.replaces.clone(),
            });
        }
    }

    /// A lane from its saved rows.
    pub(crate) fn restore(
        record: LaneRecord,
        parked: Vec<ParkedRecord>,
        policy: Policy,
        now: Timestamp,
    ) -> Self {
        let mut lane = Self::new(record.endpoint_id, record.shard, record.frontier, policy);
        lane.settled = record.settled_above.into_iter().filter(|p| *p > record.frontier).collect();
        lane.breaker = Breaker::restored(&record.breaker);
        lane.failing_since = record.failing_since;
        for row in parked {
            let claim: Option<Box<str>> = row.waits_for.map(Into::into);
            let when = match (row.next_at, &claim) {
                (Some(at), _) => When::At(at),
                (None, Some(group)) => When::Group(group.clone()),
                (None, None) => When::Owner,
            };
            let mut parked = Parked::new(row.first_position, row.attempts, when, row.endpoint_scope);
            parked.claim = claim;
            parked.replaces = row.replaces;
            // Which of its events were skipped is not saved; none is beyond the frontier that will
            // not be looked at again.
            parked.skipped_to = row.first_position.max(record.frontier);
            let subject = row.subject_id;
            lane.parked.insert(subject.as_str().into(), Box::new(parked));
            lane.note_parked(&subject);
        }
        let orphans: Vec<Box<str>> = lane
            .parked
            .iter()
            .filter(|(_, p)| {
                matches!(&p.when, When::Group(g) if lane.parked.get(g).is_none_or(|group| group.first > p.first))
            })
            .map(|(subject, _)| subject.clone())
            .collect();
        for subject in orphans {
            lane.rest(&subject, When::At(now));
        }
        lane.touched.clear();
        lane.dirty = false;
        lane
    }
}
