//! The topic, as Kafka's own console consumer reads it, and its judge: of each key it holds every
//! sequence from 1, in order, once what was there before is passed over.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use crate::servers::kafka::Kafka;

/// One record, as far as its order goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it is.
    pub partition: u16,
    /// The directory.
    pub key: String,
    /// Its `ce_sequence`.
    pub sequence: u64,
}

/// What was found of the keys that were looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Records.
    pub records: usize,
    /// Records of what had been there before.
    pub repeated: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records on the topic, {} of them repeated", self.records, self.repeated)
    }
}

/// All that is on the topic, each partition in its order.
pub fn read(kafka: &Kafka, topic: &str) -> Vec<Record> {
    let mut arguments = vec!["consume", "--topic", topic, "--from-beginning", "--timeout-ms", "5000"];
    for property in ["print.partition=true", "print.headers=true", "print.key=true", "print.value=false"] {
        arguments.extend(["--property", property]);
    }
    let printed = kafka.command("tool", &arguments);
    printed.lines().filter(|line| line.starts_with("Partition:")).map(record).collect()
}

/// Reads the topic until it holds all of these keys up to these sequences, and panics if it lacks one
/// after so long, or as soon as one stands where it must not.
pub fn prove(kafka: &Kafka, topic: &str, ends: &BTreeMap<String, u64>, patience: Duration) -> Found {
    prove_of(|| read(kafka, topic), ends, patience)
}

/// As [`prove`], of a topic that was made anew: what was under way may stand before the beginning.
pub fn prove_refilled(kafka: &Kafka, topic: &str, ends: &BTreeMap<String, u64>, patience: Duration) -> Found {
    prove_of(|| from_the_beginning(read(kafka, topic)), ends, patience)
}

fn prove_of(read: impl Fn() -> Vec<Record>, ends: &BTreeMap<String, u64>, patience: Duration) -> Found {
    let begun = Instant::now();
    loop {
        let (found, reached) = judge(&read(), ends).unwrap_or_else(|wrong| panic!("{wrong}"));
        let lacks = ends.iter().find(|(key, end)| reached.get(*key).copied().unwrap_or(0) < **end);
        match lacks {
            None => return found,
            Some((key, end)) => {
                assert!(begun.elapsed() < patience, "the topic ends before {end} of {key}: {reached:?}");
            }
        }
    }
}

/// Without what stands before the last beginning of each key.
fn from_the_beginning(records: Vec<Record>) -> Vec<Record> {
    let beginnings: BTreeMap<String, usize> = (0..)
        .zip(&records)
        .filter(|(_, record)| record.sequence == 1)
        .map(|(at, record)| (record.key.clone(), at))
        .collect();
    let is_after = |at: usize, record: &Record| beginnings.get(&record.key).is_none_or(|begin| at >= *begin);
    (0..).zip(records).filter(|(at, record)| is_after(*at, record)).map(|(_, record)| record).collect()
}

/// The broker that leads each partition.
pub fn leaders(kafka: &Kafka, topic: &str) -> BTreeMap<u16, u32> {
    let printed = kafka.command("tool", &["topics", "--describe", "--topic", topic]);
    let field = |line: &str, name: &str| -> Option<u32> {
        line.split_once(name)?.1.split_whitespace().next()?.parse().ok()
    };
    let leader =
        |line: &str| Some((u16::try_from(field(line, "Partition: ")?).ok()?, field(line, "Leader: ")?));
    printed.lines().filter_map(leader).collect()
}

fn record(line: &str) -> Record {
    let mut fields = line.split('\t');
    let (Some(partition), Some(headers), Some(key)) = (fields.next(), fields.next(), fields.next()) else {
        panic!("no record: {line}")
    };
    let sequence = headers.split(',').find_map(|header| header.strip_prefix("ce_sequence:"));
    Record {
        partition: partition.trim_start_matches("Partition:").parse().expect("it is a number"),
        key: key.to_owned(),
        sequence: sequence.and_then(|sequence| sequence.parse().ok()).expect("it has a sequence"),
    }
}

type Reached = BTreeMap<String, u64>;

fn judge(records: &[Record], wanted: &BTreeMap<String, u64>) -> Result<(Found, Reached), String> {
    let (mut found, mut reached) = (Found::default(), Reached::new());
    let mut partitions: BTreeMap<&str, u16> = BTreeMap::new();
    for record in records.iter().filter(|record| wanted.contains_key(&record.key)) {
        let Record { partition, key, sequence } = record;
        found.records += 1;
        let home = *partitions.entry(key).or_insert(*partition);
        if home != *partition {
            return Err(format!("{key} is in partition {home} and in {partition}"));
        }
        let reached = reached.entry(key.clone()).or_default();
        if *sequence > *reached + 1 {
            return Err(format!("{key}: {sequence} where {reached} was reached"));
        }
        found.repeated += usize::from(*sequence <= *reached);
        *reached = (*reached).max(*sequence);
    }
    Ok((found, reached))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_may_come_again_and_nothing_else() {
        let of = |partition: u16, sequences: &[u64]| -> Vec<Record> {
            let record = |sequence: &u64| Record { partition, key: "k".to_owned(), sequence: *sequence };
            sequences.iter().map(record).collect()
        };
        let ends = BTreeMap::from([("k".to_owned(), 4)]);
        for (sequences, repeated) in
            [(&[1, 2, 3, 4][..], 0), (&[1, 2, 3, 2, 3, 4], 2), (&[1, 1, 2, 3, 4], 1), (&[1, 2, 3, 1, 4], 1)]
        {
            let (found, reached) = judge(&of(0, sequences), &ends).unwrap();
            assert_eq!(found, Found { records: sequences.len(), repeated });
            assert_eq!(reached["k"], 4);
        }
        for sequences in [&[1, 3][..], &[2], &[1, 2, 4, 3]] {
            judge(&of(0, sequences), &ends).unwrap_err();
        }
        judge(&[of(0, &[1]), of(1, &[2])].concat(), &ends).unwrap_err();
        assert_eq!(from_the_beginning(of(0, &[57, 58, 1, 2, 3])), of(0, &[1, 2, 3]));
        // Others' keys are no concern.
        assert_eq!(judge(&of(0, &[7]), &BTreeMap::new()), Ok((Found::default(), Reached::new())));
    }

    #[test]
    fn a_line_is_a_record() {
        let line = "Partition:3\tce_specversion:1.0,ce_sequence:17,ce_sandbox:true\tdir_1";
        assert_eq!(record(line), Record { partition: 3, key: "dir_1".to_owned(), sequence: 17 });
    }
}
