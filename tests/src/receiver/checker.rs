//! An independent judge over what a receiver recorded. It knows the promises and no code.
//!
//! For one endpoint it checks: no event has two bodies and no place in a directory two events; no
//! gap in the directory's sequence and in a subject's versions; and the order of delivery: an event
//! is not sent before the earlier event of its subject is settled, a membership event not before
//! its group's earlier own events, and `group.deleted` not before that group's earlier memberships,
//! except those of a person whose events failed, or who waits for a group whose events failed: a parked
//! person holds up nobody else. A crash may repeat a suffix, again in order.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;

use super::Attempt;

/// One attempt, reduced to what the judge looks at.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The tick of its arrival.
    pub arrived: u64,
    /// The tick of its 2xx answer.
    pub accepted: Option<u64>,
    /// Which of the server's lives sent it.
    pub epoch: u32,
    /// `evt_…`
    pub id: String,
    /// The event's type.
    pub kind: String,
    /// `dir_…`
    pub directory: String,
    /// The place in the directory.
    pub sequence: u64,
    /// `usr_…` or `grp_…`
    pub subject: String,
    /// The place among the subject's events.
    pub version: u64,
    /// The group of a membership event.
    pub group: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Sighting {
    /// What an attempt shows. Test events and operator events, which have no place in a directory,
    /// show nothing.
    pub fn of(attempt: &Attempt) -> Option<Self> {
        let event = attempt.event();
        (event.sequence() > 0 && !event.directory().is_empty()).then(|| Self {
            arrived: attempt.arrived,
            accepted: attempt.accepted_at(),
            epoch: attempt.epoch,
            id: event.id().to_owned(),
            kind: event.kind().to_owned(),
            directory: event.directory().to_owned(),
            sequence: event.sequence(),
            subject: event.subject().to_owned(),
            version: event.version(),
            group: event.group().map(str::to_owned),
            body: attempt.body.clone(),
        })
    }
}

/// What to judge by.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The endpoint sees every event of its directories from their beginning, so that sequences and
    /// versions start at 1 and have no gap.
    pub complete: bool,
    /// Events that were ended by the endpoint's policy (dead letters): settled without a 2xx.
    pub excused: HashSet<String>,
    /// When a sender may go back.
    pub repeats: Repeats,
    /// Attempts may have failed on their way here. A user whose event failed waits alone, and its group's
    /// `group.deleted` does not wait for it; where such failures are not seen, that is not judged.
    pub unseen_failures: bool,
}

/// When a sender may go back in a subject's line, and send again what was accepted. It always goes on
/// in order from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// Once at the beginning of each life of the one server, which connections tell.
    #[default]
    ByLife,
    /// So often in all: several senders take turns, whenever one of them goes or comes.
    AtMost(usize),
}

/// The judgement.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Every broken promise, in words; empty if all is well.
    pub problems: Vec<String>,
    /// Different events that were accepted.
    pub events: usize,
    /// All attempts.
    pub attempts: usize,
    /// Acceptances of events that had been accepted before.
    pub duplicates: usize,
}

impl Verdict {
    /// Panics with the first problems unless there is none.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(
            self.problems.is_empty(),
            "{} broken promises, the first:\n{}",
            self.problems.len(),
            self.problems[..self.problems.len().min(15)].join("\n")
        );
    }
}

/// Judges one hook of a recorded log.
pub fn judge_hook(log: &[Arc<Attempt>], hook: &str, rules: &Rules) -> Verdict {
    let sightings: Vec<Sighting> =
        log.iter().filter(|a| a.hook == hook).filter_map(|a| Sighting::of(a)).collect();
    let mut verdict = judge(&sightings, rules);
    for attempt in log.iter().filter(|a| a.hook == hook) {
        if let Err(reason) = &attempt.verified {
            verdict.problems.push(format!("attempt {} is not verified: {reason}", attempt.number));
        }
        if attempt.webhook_id() != attempt.event().id() {
            verdict.problems.push(format!("webhook-id {} on another event", attempt.webhook_id()));
        }
    }
    verdict
}

/// Everything that was seen of one event.
struct Fact<'a> {
    first: &'a Sighting,
    first_arrival: u64,
    settled: Option<u64>,
}

/// By subject: the sequence and the arrival of each attempt that was not accepted.
type Failures<'a> = HashMap<(&'a str, &'a str), Vec<(u64, u64)>>;

/// Judges one endpoint's sightings.
pub fn judge(sightings: &[Sighting], rules: &Rules) -> Verdict {
    let mut verdict = Verdict { attempts: sightings.len(), ..Verdict::default() };
    let mut facts: HashMap<&str, Fact<'_>> = HashMap::new();
    let mut places: BTreeMap<(&str, u64), &str> = BTreeMap::new();
    let mut failures = Failures::new();
    for seen in sightings {
        if seen.accepted.is_none() {
            let line = (seen.directory.as_str(), seen.subject.as_str());
            failures.entry(line).or_default().push((seen.sequence, seen.arrived));
        }
        let fact =
            facts.entry(&seen.id).or_insert(Fact { first: seen, first_arrival: seen.arrived, settled: None });
        if fact.first.body != seen.body {
            verdict.problems.push(format!("event {} was sent with two bodies", seen.id));
        }
        fact.first_arrival = fact.first_arrival.min(seen.arrived);
        if let Some(tick) = seen.accepted {
            verdict.duplicates += usize::from(fact.settled.is_some());
            fact.settled = Some(fact.settled.map_or(tick, |known| known.min(tick)));
        }
        let holder = places.entry((&seen.directory, seen.sequence)).or_insert(&seen.id);
        if *holder != seen.id {
            verdict.problems.push(format!(
                "sequence {} of {} is both {holder} and {}",
                seen.sequence, seen.directory, seen.id
            ));
        }
    }
    verdict.events = facts.values().filter(|f| f.settled.is_some()).count();
    if rules.complete {
        gaps(&facts, rules, &mut verdict.problems);
    }
    order(&facts, &places, &failures, rules, &mut verdict.problems);
    match rules.repeats {
        Repeats::ByLife => repeats_by_life(sightings, &mut verdict.problems),
        Repeats::AtMost(limit) => repeats_at_most(limit, sightings, &mut verdict.problems),
    }
    verdict
}

fn is_settled(fact: &Fact<'_>, rules: &Rules) -> bool {
    fact.settled.is_some() || rules.excused.contains(&fact.first.id)
}

/// Whether what was settled has a gap, in a directory or in a subject.
fn gaps(facts: &HashMap<&str, Fact<'_>>, rules: &Rules, problems: &mut Vec<String>) {
    let mut lines: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    for fact in facts.values().filter(|f| is_settled(f, rules)) {
        lines.entry(("directory", &fact.first.directory)).or_default().push(fact.first.sequence);
        lines.entry(("subject", &fact.first.subject)).or_default().push(fact.first.version);
    }
    for ((what, id), mut numbers) in lines {
        numbers.sort_unstable();
        if let Some((expected, number)) = (1_u64..).zip(numbers).find(|(expected, number)| expected != number)
        {
            problems.push(format!("{what} {id}: {number} came where {expected} belongs"));
        }
    }
}

/// Whether anything was sent before what it has to wait for was settled.
fn order(
    facts: &HashMap<&str, Fact<'_>>,
    places: &BTreeMap<(&str, u64), &str>,
    failures: &Failures<'_>,
    rules: &Rules,
    problems: &mut Vec<String>,
) {
    // Walking a directory in sequence, the last event of each line is all that the next waits for:
    // it could not have been sent itself before those ahead of it were settled.
    let mut last_of_subject: HashMap<(&str, &str), &str> = HashMap::new();
    let mut last_own_of_group: HashMap<(&str, &str), &str> = HashMap::new();
    let mut memberships: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
    let mut joined = Joined::new();
    for ((directory, _), id) in places {
        let fact = &facts[id];
        let event = fact.first;
        let mut waits_for: Vec<(&str, &str)> = Vec::new();
        if let Some(earlier) = last_of_subject.insert((directory, &event.subject), id) {
            waits_for.push((earlier, "its subject's earlier event"));
        }
        if let Some(group) = &event.group {
            if let Some(earlier) = last_own_of_group.get(&(*directory, group.as_str())) {
                waits_for.push((earlier, "its group's earlier event"));
            }
            memberships.entry((directory, group)).or_default().push(id);
            joined.entry((directory, &event.subject)).or_default().push((event.sequence, group));
        } else if event.subject.starts_with("grp_") {
            last_own_of_group.insert((directory, &event.subject), id);
            if event.kind == "group.deleted" {
                for earlier in memberships.remove(&(*directory, event.subject.as_str())).unwrap_or_default() {
                    let member = facts[earlier].first;
                    let line = (*directory, member.subject.as_str());
                    let parked = || is_parked(line, member.sequence, fact.first_arrival, failures, &joined);
                    if rules.unseen_failures || parked() {
                        continue;
                    }
                    waits_for.push((earlier, "its earlier membership event"));
                }
            }
        }
        for (earlier, what) in waits_for {
            if rules.excused.contains(earlier) {
                continue;
            }
            let settled = facts[earlier].settled;
            if settled.is_none_or(|tick| tick > fact.first_arrival) {
                problems.push(format!(
                    "{} {} (sequence {}) was sent at {} before {what} {earlier} was settled ({settled:?})",
                    event.kind, event.id, event.sequence, fact.first_arrival
                ));
            }
        }
    }
}

/// By subject: the sequence of each of its membership events, and the group.
type Joined<'a> = HashMap<(&'a str, &'a str), Vec<(u64, &'a str)>>;

/// Whether, at that tick, a subject had to wait at or before this sequence: because one of its events had
/// failed, or because a membership of it waits for a group that had to wait.
fn is_parked<'a>(
    line: (&'a str, &'a str),
    sequence: u64,
    tick: u64,
    failures: &Failures<'a>,
    joined: &Joined<'a>,
) -> bool {
    let failed = failures.get(&line).into_iter().flatten();
    failed.into_iter().any(|(failed, arrived)| *failed <= sequence && *arrived < tick)
        || joined.get(&line).into_iter().flatten().any(|(at, group)| {
            *at <= sequence && is_parked((line.0, group), at.saturating_sub(1), tick, failures, joined)
        })
}

/// Whether a life of the server went back in a subject's line: a crash may repeat a suffix, but
/// only from its beginning to its end.
fn repeats_by_life(sightings: &[Sighting], problems: &mut Vec<String>) {
    let mut furthest: HashMap<(u32, &str, &str), (u64, &str)> = HashMap::new();
    let mut by_arrival: Vec<&Sighting> = sightings.iter().collect();
    by_arrival.sort_unstable_by_key(|s| s.arrived);
    for seen in by_arrival {
        let line = (seen.epoch, seen.directory.as_str(), seen.subject.as_str());
        let (sequence, id) = furthest.entry(line).or_insert((seen.sequence, &seen.id));
        if seen.sequence < *sequence {
            problems.push(format!(
                "{} (sequence {}) was sent again after {id} (sequence {sequence}) in the same life",
                seen.id, seen.sequence
            ));
        } else {
            (*sequence, *id) = (seen.sequence, &seen.id);
        }
    }
}

/// Whether a line was gone back in more often than `limit` times, or was not gone on with in order.
fn repeats_at_most(limit: usize, sightings: &[Sighting], problems: &mut Vec<String>) {
    let mut lines: BTreeMap<(&str, &str), Vec<&Sighting>> = BTreeMap::new();
    for seen in sightings {
        lines.entry((&seen.directory, &seen.subject)).or_default().push(seen);
    }
    for ((_, subject), mut line) in lines {
        line.sort_unstable_by_key(|s| s.arrived);
        let places: BTreeSet<u64> = line.iter().map(|s| s.sequence).collect();
        let mut returns = 0;
        for pair in line.windows(2) {
            let (from, to) = (pair[0].sequence, pair[1].sequence);
            returns += usize::from(to < from);
            if places.range(from + 1..to.max(from + 1)).next().is_some() {
                problems.push(format!("{subject}: {to} was sent after {from}, without those between"));
            }
        }
        if returns > limit {
            let sequences: Vec<u64> = line.iter().map(|s| s.sequence).collect();
            problems.push(format!("{subject}: went back {returns} times, not {limit}: {sequences:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attempt at event `sequence` of subject `subject`: arrived and, if so, accepted at.
    fn seen(sequence: u64, subject: &str, version: u64, arrived: u64, accepted: Option<u64>) -> Sighting {
        Sighting {
            arrived,
            accepted,
            epoch: 0,
            id: format!("evt_{sequence}"),
            kind: "user.updated".to_owned(),
            directory: "dir_1".to_owned(),
            sequence,
            subject: subject.to_owned(),
            version,
            group: None,
            body: Bytes::from(format!("{sequence}")),
        }
    }

    fn member(group: &str, sighting: Sighting) -> Sighting {
        Sighting { group: Some(group.to_owned()), kind: "group.member_added".to_owned(), ..sighting }
    }

    fn complete() -> Rules {
        Rules { complete: true, ..Rules::default() }
    }

    fn problems(sightings: &[Sighting]) -> Vec<String> {
        judge(sightings, &complete()).problems
    }

    #[test]
    fn an_orderly_log_is_clean() {
        let verdict = judge(
            &[
                seen(1, "usr_a", 1, 1, None),
                seen(2, "usr_b", 1, 2, Some(3)),
                seen(1, "usr_a", 1, 4, Some(5)),
                seen(3, "usr_a", 2, 6, Some(7)),
            ],
            &complete(),
        );
        verdict.assert_clean();
        assert_eq!((verdict.events, verdict.attempts, verdict.duplicates), (3, 4, 0));
    }

    #[test]
    fn each_broken_promise_is_found() {
        let cases = [
            (
                "a gap",
                vec![seen(1, "usr_a", 1, 1, Some(2)), seen(3, "usr_b", 1, 3, Some(4))],
                "where 2 belongs",
            ),
            ("a lost version", vec![seen(1, "usr_a", 2, 1, Some(2))], "where 1 belongs"),
            (
                "sent too early",
                vec![seen(1, "usr_a", 1, 1, Some(4)), seen(2, "usr_a", 2, 3, Some(5))],
                "its subject's earlier event",
            ),
            (
                "a membership before its group",
                vec![
                    Sighting { kind: "group.created".to_owned(), ..seen(1, "grp_g", 1, 1, Some(4)) },
                    member("grp_g", seen(2, "usr_a", 1, 3, Some(5))),
                ],
                "its group's earlier event",
            ),
            (
                "a group's end before its memberships",
                vec![
                    member("grp_g", seen(1, "usr_a", 1, 1, Some(4))),
                    Sighting { kind: "group.deleted".to_owned(), ..seen(2, "grp_g", 1, 3, Some(5)) },
                ],
                "its earlier membership",
            ),
            (
                "two bodies",
                vec![
                    seen(1, "usr_a", 1, 1, None),
                    Sighting { body: Bytes::from_static(b"other"), ..seen(1, "usr_a", 1, 2, Some(3)) },
                ],
                "two bodies",
            ),
            (
                "two events in one place",
                vec![
                    seen(1, "usr_a", 1, 1, Some(2)),
                    Sighting { id: "evt_x".to_owned(), ..seen(1, "usr_b", 1, 3, Some(4)) },
                ],
                "is both",
            ),
            (
                "going back",
                vec![
                    seen(1, "usr_a", 1, 1, Some(2)),
                    seen(2, "usr_a", 2, 3, Some(4)),
                    seen(1, "usr_a", 1, 5, Some(6)),
                ],
                "in the same life",
            ),
        ];
        for (name, sightings, expected) in cases {
            let found = problems(&sightings);
            assert!(found.iter().any(|p| p.contains(expected)), "{name}: {found:?}");
        }
    }

    #[test]
    fn a_crash_may_repeat_a_suffix_in_order() {
        let again = |sighting| Sighting { epoch: 1, ..sighting };
        let log = [
            seen(1, "usr_a", 1, 1, Some(2)),
            seen(2, "usr_a", 2, 3, Some(4)),
            again(seen(1, "usr_a", 1, 5, Some(6))),
            again(seen(2, "usr_a", 2, 7, Some(8))),
        ];
        let verdict = judge(&log, &complete());
        verdict.assert_clean();
        assert_eq!(verdict.duplicates, 2);
    }

    #[test]
    fn senders_that_take_turns_go_on_in_order_from_where_they_go_back() {
        let line = |sequences: &[u64]| -> Vec<Sighting> {
            let places = (1_u64..).zip(sequences);
            places.map(|(n, at)| seen(*at, "usr_a", *at, n * 2, Some(n * 2 + 1))).collect()
        };
        let rules = Rules { repeats: Repeats::AtMost(1), ..complete() };
        for (sequences, expected) in [
            (&[1, 2, 3, 2, 3, 4][..], None),
            (&[1, 1, 2, 3], None),
            (&[1, 2, 1, 2, 1, 2, 3], Some("went back 2 times")),
            (&[1, 2, 3, 1, 4], Some("without those between")),
        ] {
            let found = judge(&line(sequences), &rules).problems;
            match expected {
                None => assert_eq!(found, Vec::<String>::new(), "{sequences:?}"),
                Some(part) => assert!(found.iter().any(|p| p.contains(part)), "{sequences:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_dead_letter_is_settled() {
        let log = [seen(1, "usr_a", 1, 1, None), seen(2, "usr_a", 2, 3, Some(4))];
        assert!(!problems(&log).is_empty());
        let rules = Rules { excused: HashSet::from(["evt_1".to_owned()]), ..complete() };
        judge(&log, &rules).assert_clean();
    }

    #[test]
    fn a_parked_person_holds_up_no_groups_end() {
        let deleted = Sighting { kind: "group.deleted".to_owned(), ..seen(3, "grp_g", 1, 3, Some(4)) };
        let log = [
            seen(1, "usr_a", 1, 1, None),
            deleted.clone(),
            seen(1, "usr_a", 1, 5, Some(6)),
            member("grp_g", seen(2, "usr_a", 2, 7, Some(8))),
        ];
        assert_eq!(problems(&log), Vec::<String>::new());
        // But one whose events have not failed by then does.
        let log =
            [deleted, seen(1, "usr_a", 1, 5, Some(6)), member("grp_g", seen(2, "usr_a", 2, 7, Some(8)))];
        assert!(!problems(&log).is_empty());
    }

    #[test]
    fn two_members_of_one_group_do_not_wait_for_each_other() {
        let log = [
            member("grp_g", seen(1, "usr_a", 1, 1, Some(9))),
            member("grp_g", seen(2, "usr_b", 1, 2, Some(3))),
        ];
        assert!(problems(&log).is_empty());
    }
}
