//! The script of a directory of any size: the initial cycle, then joiners, movers, leavers and
//! changes of groups. Nothing of it is kept: each phase is made while it is played.
//!
//! An errand is a list of steps in order; the errands of one phase may be played at the same time,
//! as no two of them are about the same person.

use crate::{Address, Attribute, GroupHandle, People, PersonHandle, Step, people::MARRIED_NAME};

/// How many people one errand puts into a group.
const JOINED_AT_ONCE: usize = 100;
/// How many people are in the group of everybody at most.
const EVERYBODY: usize = 1_000;
/// How many people and groups are sent once more though nothing changed.
const REPEATED: usize = 8;

const AREAS: [&str; 6] = ["Platform", "Field Sales", "Finance", "People", "Support", "Research"];
const PLACES: [&str; 5] = ["Lisbon", "Nairobi", "Osaka", "Quito", "Tallinn"];

/// A part of the script, after which the target is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// «Test connection».
    Connect,
    /// Initial cycle: everybody is created.
    Users,
    /// Initial cycle: all groups are created.
    Groups,
    /// Initial cycle: the groups are filled.
    Members,
    /// Initial cycle: managers are named.
    Managers,
    /// A cycle in which nothing changed.
    Again,
    /// People are hired into groups.
    Joiners,
    /// Attributes change, and people move between groups.
    Movers,
    /// Accounts are disabled.
    Leavers,
    /// Some of them come back.
    Returners,
    /// The others are gone for good.
    Departures,
    /// Groups are renamed, emptied and deleted.
    GroupChanges,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Self; 12] = [
        Self::Connect,
        Self::Users,
        Self::Groups,
        Self::Members,
        Self::Managers,
        Self::Again,
        Self::Joiners,
        Self::Movers,
        Self::Leavers,
        Self::Returners,
        Self::Departures,
        Self::GroupChanges,
    ];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "test connection",
            Self::Users => "initial cycle: users",
            Self::Groups => "initial cycle: groups",
            Self::Members => "initial cycle: members",
            Self::Managers => "initial cycle: managers",
            Self::Again => "a cycle without changes",
            Self::Joiners => "joiners",
            Self::Movers => "movers",
            Self::Leavers => "leavers: disabled",
            Self::Returners => "leavers: back again",
            Self::Departures => "leavers: gone for good",
            Self::GroupChanges => "changes of groups",
        }
    }
}

/// How large the directory is, and how much happens in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    people: People,
    users: usize,
    groups: usize,
    churn_percent: usize,
}

impl Plan {
    /// A directory of `users` people and `groups` groups. `churn_percent` (at most 100) of the
    /// people join, as many move, and as many leave; of the groups as many change.
    pub fn new(people: People, users: usize, groups: usize, churn_percent: usize) -> Self {
        Self { people, users, groups, churn_percent: churn_percent.min(100) }
    }

    /// Who takes part.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// How many errands a phase has.
    pub fn count(&self, phase: Phase) -> usize {
        match phase {
            Phase::Connect => 1,
            Phase::Users => self.users,
            Phase::Groups => self.groups,
            Phase::Joiners => self.churn(self.users),
            Phase::Movers | Phase::Leavers => self.churn(self.users).min(self.users),
            _ => self.errands(phase).count(),
        }
    }

    /// The errands of a phase.
    pub fn errands(&self, phase: Phase) -> Box<dyn Iterator<Item = Vec<Step>> + Send + '_> {
        let churn = self.churn(self.users).min(self.users);
        match phase {
            Phase::Connect => Box::new(std::iter::once(vec![Step::Probe])),
            Phase::Users => Box::new((0..self.users).map(|person| vec![Step::Hire(person)])),
            Phase::Groups => {
                Box::new((0..self.groups).map(|group| vec![Step::MakeGroup(group, self.group_name(group))]))
            }
            Phase::Members => Box::new((0..self.groups).flat_map(|group| {
                let members: Vec<PersonHandle> = self.first_members(group).collect();
                let batches =
                    members.chunks(JOINED_AT_ONCE).map(|batch| vec![Step::Join(group, batch.to_vec())]);
                batches.collect::<Vec<_>>()
            })),
            Phase::Managers => {
                let reports = (1..self.users).filter(|person| person % 4 == 1);
                Box::new(reports.map(|person| vec![Step::Manage(person, person / 8)]))
            }
            Phase::Again => {
                let people = (0..self.users.min(REPEATED)).map(|person| vec![Step::Repeat(person)]);
                Box::new(
                    people.chain((0..self.groups.min(REPEATED)).map(|group| vec![Step::RepeatGroup(group)])),
                )
            }
            Phase::Joiners => Box::new((self.users..).take(self.churn(self.users)).map(|person| {
                let team = self.team(person);
                let joins = team.into_iter().map(move |group| Step::Join(group, vec![person]));
                std::iter::once(Step::Hire(person)).chain(joins).collect()
            })),
            Phase::Movers => Box::new((0..churn).map(move |n| self.movement(n, n * self.users / churn))),
            Phase::Leavers => Box::new(self.leavers().map(|(_, person)| vec![Step::Deactivate(person)])),
            Phase::Returners => Box::new(
                self.leavers().filter(|(n, _)| n % 4 == 1).map(|(_, person)| vec![Step::Rehire(person)]),
            ),
            Phase::Departures => Box::new(
                self.leavers().filter(|(n, _)| n % 4 != 1).map(|(_, person)| vec![Step::Leave(person)]),
            ),
            Phase::GroupChanges => Box::new(self.group_changes()),
        }
    }

    /// The given share, but at least 2 unless there is no churn at all.
    fn churn(&self, of: usize) -> usize {
        match self.churn_percent {
            0 => 0,
            percent => (of * percent / 100).max(2),
        }
    }

    fn group_name(&self, group: GroupHandle) -> String {
        match group {
            0 => "All staff".to_owned(),
            _ => format!(
                "{} {} {group}",
                AREAS[group % AREAS.len()],
                PLACES[group / AREAS.len() % PLACES.len()]
            ),
        }
    }

    /// The team of a person: every group but that of everybody is one.
    fn team(&self, person: PersonHandle) -> Option<GroupHandle> {
        Some(person % self.groups.checked_sub(1).filter(|teams| *teams > 0)? + 1)
    }

    fn first_members(&self, group: GroupHandle) -> Box<dyn Iterator<Item = PersonHandle> + Send> {
        match group {
            0 => Box::new(0..self.users.min(EVERYBODY)),
            _ => Box::new((group - 1..self.users).step_by(self.groups - 1)),
        }
    }

    fn movement(&self, n: usize, person: PersonHandle) -> Vec<Step> {
        let change = |attribute| vec![Step::Change(person, attribute)];
        match n % 7 {
            0 => change(Attribute::Title(format!("Principal {}", n + 1))),
            1 => {
                let mut steps = change(Attribute::Department("Operations".to_owned()));
                if let Some(team) = self.team(person) {
                    let next = team % (self.groups - 1) + 1;
                    if next != team {
                        steps.push(Step::Move(person, team, next));
                    }
                }
                steps
            }
            2 => change(Attribute::FamilyName(MARRIED_NAME.to_owned())),
            3 => {
                let given = self.people.get(person).given_name;
                let name = format!("{given}.{MARRIED_NAME}{person}@{}", self.people.domain());
                change(Attribute::UserName(name.to_lowercase()))
            }
            4 => change(Attribute::Address(office(n))),
            5 => match person {
                0 => change(Attribute::Title("Founder".to_owned())),
                _ => vec![Step::Manage(person, 0), Step::Unmanage(person)],
            },
            _ => match person {
                0 => change(Attribute::Title("Chief of Staff".to_owned())),
                _ => vec![Step::Manage(person, 0)],
            },
        }
    }

    fn leavers(&self) -> impl Iterator<Item = (usize, PersonHandle)> + Send {
        let (users, churn) = (self.users, self.churn(self.users).min(self.users));
        (0..churn).map(move |n| (n, users - 1 - n * users / churn))
    }

    fn group_changes(&self) -> impl Iterator<Item = Vec<Step>> + Send + '_ {
        let last = self.groups.checked_sub(1).filter(|last| *last >= 1 && self.churn_percent > 0);
        let before_last = last.and_then(|last| last.checked_sub(1)).filter(|group| *group >= 1);
        let renamed = self.churn(self.groups).min(self.groups.saturating_sub(2));
        let renames = (0..renamed)
            .map(|group| vec![Step::RenameGroup(group, format!("{} (renamed)", self.group_name(group)))]);
        let emptied =
            before_last.filter(move |group| *group >= renamed).map(|group| vec![Step::Empty(group)]);
        renames.chain(emptied).chain(last.map(|group| vec![Step::DeleteGroup(group)]))
    }
}

fn office(n: usize) -> Address {
    Address {
        street_address: format!("{} Harbour Lane", n + 1),
        locality: PLACES[n % PLACES.len()].to_owned(),
        region: "Centre".to_owned(),
        postal_code: format!("{:05}", 10_000 + n % 80_000),
        country: "PT".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn plan(users: usize, groups: usize, churn: usize) -> Plan {
        Plan::new(People::new(1, "acme.example"), users, groups, churn)
    }

    #[test]
    fn a_plan_uses_only_what_it_made_and_no_two_errands_share_a_person() {
        for (users, groups, churn) in
            [(40, 6, 10), (10, 2, 50), (1, 1, 100), (3, 0, 10), (2, 3, 100), (500, 20, 0), (7, 3, 1)]
        {
            let plan = plan(users, groups, churn);
            let (mut hired, mut made) = (HashSet::new(), HashSet::new());
            for phase in Phase::ALL {
                let errands: Vec<_> = plan.errands(phase).collect();
                assert_eq!(errands.len(), plan.count(phase), "{phase:?} of {plan:?}");
                let mut busy = HashSet::new();
                for errand in errands {
                    let people: HashSet<_> = errand.iter().filter_map(Step::people).collect();
                    assert!(people.iter().all(|person| busy.insert(*person)), "{phase:?}: {errand:?}");
                    for step in &errand {
                        match step {
                            Step::Hire(person) => assert!(hired.insert(*person), "{step:?}"),
                            Step::MakeGroup(group, _) => assert!(made.insert(*group), "{step:?}"),
                            Step::Join(_, joining) => {
                                assert!(joining.iter().all(|person| hired.contains(person)), "{step:?}");
                            }
                            Step::Manage(person, manager) => {
                                assert!(person != manager && hired.contains(manager), "{step:?}");
                            }
                            _ => {}
                        }
                        assert!(step.people().is_none_or(|person| hired.contains(&person)), "{step:?}");
                        assert!(step.groups().into_iter().flatten().all(|g| made.contains(&g)), "{step:?}");
                        if let Step::Leave(person) = step {
                            hired.remove(person);
                        }
                    }
                }
            }
            assert_eq!(plan.count(Phase::Departures) > 0, churn > 0, "{plan:?}");
        }
    }

    #[test]
    fn a_million_people_are_counted_without_being_made() {
        let plan = plan(1_000_000, 40_002, 1);
        assert_eq!(plan.count(Phase::Users), 1_000_000);
        assert_eq!(plan.count(Phase::Leavers), 10_000);
        let last = plan.errands(Phase::Members).last();
        assert!(
            matches!(last.as_deref(), Some([Step::Join(40_001, people)]) if people.len() == 24),
            "{last:?}"
        );
    }
}
