//! Did everything arrive, and in order? What a receiver can check with two numbers: `sequence`
//! counts a directory's events without gaps, `subject.version` one subject's.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

/// What a new event's place says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It follows what its subject had before.
    InOrder,
    /// It was here before: at least once means that this may be.
    Repeated,
    /// Its subject's events came in another order, or one is missing.
    OutOfOrder,
}

/// The receiver's memory.
#[derive(Debug, Default)]
pub(crate) struct Order {
    seen: HashSet<String>,
    versions: HashMap<String, u64>,
    directories: BTreeMap<String, BTreeSet<u64>>,
}

impl Order {
    /// Notes a verified event.
    pub(crate) fn note(&mut self, id: &str, event: &Value) -> Place {
        if !self.seen.insert(id.to_owned()) {
            return Place::Repeated;
        }
        if let (Some(directory), Some(sequence)) =
            (event["directory_id"].as_str(), event["sequence"].as_u64())
        {
            self.directories.entry(directory.to_owned()).or_default().insert(sequence);
        }
        let (Some(subject), Some(version)) =
            (event["subject"]["id"].as_str(), event["subject"]["version"].as_u64())
        else {
            return Place::OutOfOrder;
        };
        let last = self.versions.entry(subject.to_owned()).or_default();
        let in_order = version == *last + 1;
        *last = (*last).max(version);
        if in_order { Place::InOrder } else { Place::OutOfOrder }
    }

    /// Sequence numbers, from 1 to the highest that arrived, that did not arrive.
    pub(crate) fn gaps(&self) -> u64 {
        self.directories
            .values()
            .map(|sequences| sequences.last().copied().unwrap_or(0) - sequences.len() as u64)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gaps_repetitions_and_disorder_are_seen() {
        let mut order = Order::default();
        let mut note = |sequence: u64, subject: &str, version: u64| {
            let event = json!({"directory_id": "dir_1", "sequence": sequence, "subject": {"id": subject, "version": version}});
            let place = order.note(&format!("evt_{sequence}"), &event);
            (place, order.gaps())
        };
        assert_eq!(note(1, "a", 1), (Place::InOrder, 0));
        assert_eq!(note(3, "b", 1), (Place::InOrder, 1), "2 is still missing");
        assert_eq!(note(2, "a", 2), (Place::InOrder, 0), "subjects do not wait for each other");
        assert_eq!(note(2, "a", 2), (Place::Repeated, 0));
        assert_eq!(note(5, "a", 4), (Place::OutOfOrder, 1));
        assert_eq!(note(4, "a", 3), (Place::OutOfOrder, 0));
        assert_eq!(note(6, "a", 5), (Place::InOrder, 0));
    }
}
