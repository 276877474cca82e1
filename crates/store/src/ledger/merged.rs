//! Several batches of progress as one: of each row only its last state is written.

use std::collections::{BTreeMap, BTreeSet};

use rollcall_domain::{
    delivery::{Attempt, Trigger},
    ids::{EndpointId, EventId, ReplayId},
    operator::Notice,
};

use super::{DeadLetter, LaneRecord, ParkedRecord, ProgressBatch};

/// A place in the log, at an endpoint by its number.
pub(super) type Place = (i64, u16, u64);

/// See the module. Each row with its endpoint's number.
#[derive(Default)]
pub(super) struct Merged<'a> {
    /// By endpoint and shard.
    pub(super) lanes: BTreeMap<(i64, u16), &'a LaneRecord>,
    /// By endpoint, shard and subject; `None`: it goes on.
    pub(super) parked: BTreeMap<(i64, u16, &'a str), Option<&'a ParkedRecord>>,
    /// In the order in which they were made.
    pub(super) attempts: Vec<(i64, &'a Attempt)>,
    /// Delivered, so that there is no dead letter any more.
    pub(super) revived: BTreeSet<Place>,
    /// Given up after that, if not delivered.
    pub(super) dead: BTreeMap<Place, &'a DeadLetter>,
    /// By which later position each is replaced.
    pub(super) replaced: BTreeMap<Place, u64>,
    /// Manual sends that are done.
    pub(super) manual_done: Vec<i64>,
    /// What came of events of replays, by replay and shard: delivered, failed.
    pub(super) replayed: BTreeMap<(&'a ReplayId, u16), (u64, u64)>,
    /// What the operator is to be told; an endpoint's number is not needed for it.
    pub(super) notices: Vec<&'a (u16, Notice)>,
    /// Notices that the operator has been told.
    pub(super) notices_told: Vec<&'a EventId>,
}

impl<'a> Merged<'a> {
    /// Of batches in the order in which they came. What belongs to an endpoint without a number is
    /// passed over.
    pub(super) fn of(
        batches: impl Iterator<Item = &'a ProgressBatch>,
        number: impl Fn(&EndpointId) -> Option<i64>,
    ) -> Self {
        let mut merged = Self::default();
        for batch in batches {
            merged.add(batch, &number);
        }
        merged
    }

    fn add(&mut self, batch: &'a ProgressBatch, number: &impl Fn(&EndpointId) -> Option<i64>) {
        for record in &batch.lanes {
            if let Some(endpoint) = number(&record.endpoint_id) {
                self.lanes.insert((endpoint, record.shard), record);
            }
        }
        // A subject may go on and park again between two saves: what parked is the later state.
        for (endpoint_id, shard, subject) in &batch.unparked {
            if let Some(endpoint) = number(endpoint_id) {
                self.parked.insert((endpoint, *shard, subject), None);
            }
        }
        for record in &batch.parked {
            if let Some(endpoint) = number(&record.endpoint_id) {
                self.parked.insert((endpoint, record.shard, &record.subject_id), Some(record));
            }
        }
        for record in &batch.attempts {
            if let Some(endpoint) = number(&record.endpoint_id) {
                self.attempts.push((endpoint, record));
                if record.error.is_none() {
                    self.revive((endpoint, record.shard, record.position));
                }
            }
        }
        for (endpoint_id, shard, position) in &batch.revived {
            if let Some(endpoint) = number(endpoint_id) {
                self.revive((endpoint, *shard, *position));
            }
        }
        // Whether one of these was delivered is asked when it is written.
        for record in &batch.dead {
            if let Some(endpoint) = number(&record.endpoint_id) {
                self.dead.insert((endpoint, record.shard, record.position), record);
            }
        }
        for record in &batch.replaced {
            if let Some(endpoint) = number(&record.endpoint_id) {
                self.replaced.insert((endpoint, record.shard, record.position), record.by);
            }
        }
        for record in &batch.replayed {
            let (delivered, failed) = self.replayed.entry((&record.id, record.shard)).or_default();
            *delivered += record.delivered;
            *failed += record.failed;
        }
        self.manual_done.extend(&batch.manual_done);
        self.notices.extend(&batch.notices);
        self.notices_told.extend(&batch.notices_told);
    }

    fn revive(&mut self, place: Place) {
        self.dead.remove(&place);
        self.revived.insert(place);
    }

    /// Whether something is in it that somebody may wait for who asked for a manual send.
    pub(super) fn has_outcomes(&self) -> bool {
        !self.manual_done.is_empty()
            || self.attempts.iter().any(|(_, attempt)| attempt.trigger == Trigger::Test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn the_last_state_of_a_row_wins_and_unknown_endpoints_are_passed_over() {
        let known = EndpointId::from_uuid(clock::new_uuid());
        let deleted = EndpointId::from_uuid(clock::new_uuid());
        let lane = |endpoint: &EndpointId, shard, frontier| LaneRecord {
            endpoint_id: endpoint.clone(),
            shard,
            frontier,
            settled_above: vec![],
            breaker: String::new(),
            failing_since: None,
        };
        let parked = |subject: &str, attempts| ParkedRecord {
            endpoint_id: known.clone(),
            shard: 0,
            subject_id: subject.to_owned(),
            first_position: 1,
            attempts,
            next_at: None,
            waits_for: None,
            endpoint_scope: false,
            replaces: Vec::new(),
        };
        let dead = |position| DeadLetter {
            endpoint_id: known.clone(),
            shard: 0,
            position,
            event_id: EventId::from_uuid(clock::new_uuid()),
            subject_id: "a".to_owned(),
            attempts: 1,
            died_at: clock::now(),
        };
        let gone = |subject: &str| (known.clone(), 0, subject.to_owned());
        let batches = [
            ProgressBatch {
                lanes: vec![lane(&known, 0, 1), lane(&known, 1, 5), lane(&deleted, 0, 9)],
                parked: vec![parked("a", 1), parked("b", 1)],
                dead: vec![dead(3), dead(4)],
                revived: vec![(known.clone(), 0, 5)],
                ..ProgressBatch::default()
            },
            ProgressBatch {
                lanes: vec![lane(&known, 0, 2)],
                unparked: vec![gone("a"), gone("c")],
                parked: vec![parked("c", 7)],
                revived: vec![(known.clone(), 0, 3)],
                dead: vec![dead(5)],
                manual_done: vec![4],
                ..ProgressBatch::default()
            },
        ];
        let merged = Merged::of(batches.iter(), |id| (*id == known).then_some(1));
        let lanes: Vec<_> = merged.lanes.iter().map(|(key, lane)| (*key, lane.frontier)).collect();
        assert_eq!(lanes, [((1, 0), 2), ((1, 1), 5)]);
        let parked: Vec<_> = merged
            .parked
            .iter()
            .map(|((_, _, subject), row)| (*subject, row.map(|row| row.attempts)))
            .collect();
        assert_eq!(parked, [("a", None), ("b", Some(1)), ("c", Some(7))]);
        assert_eq!(merged.dead.keys().copied().collect::<Vec<_>>(), [(1, 0, 4), (1, 0, 5)]);
        assert_eq!(merged.revived.into_iter().collect::<Vec<_>>(), [(1, 0, 3), (1, 0, 5)]);
    }
}
