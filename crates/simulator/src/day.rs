//! A day in a company, without any protocol: who is hired, moves, marries, leaves and comes back.

use rand::{SeedableRng as _, rngs::StdRng};

use crate::people::{self, Person};

/// A person of the day, by number.
pub type PersonHandle = usize;
/// A group of the day, by number.
pub type GroupHandle = usize;

/// Something about a person that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// The job title.
    Title(String),
    /// The department.
    Department(String),
    /// The family name; the displayed name follows.
    FamilyName(String),
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The administrator presses «Test connection».
    Probe,
    /// A person is assigned to the application.
    Hire(PersonHandle, Person),
    /// A group is assigned to the application, without members yet.
    MakeGroup(GroupHandle, String),
    /// People become members of a group, in one request where the product can do that.
    Join(GroupHandle, Vec<PersonHandle>),
    /// A person moves from one group to another.
    Move(PersonHandle, GroupHandle, GroupHandle),
    /// An attribute changes.
    Change(PersonHandle, Attribute),
    /// The provider sends a person's present title once more, though it did not change.
    Repeat(PersonHandle),
    /// The first person's manager is now the second one.
    Manage(PersonHandle, PersonHandle),
    /// The account is disabled.
    Deactivate(PersonHandle),
    /// The account is enabled again.
    Rehire(PersonHandle),
    /// A group gets another name.
    RenameGroup(GroupHandle, String),
    /// A person leaves for good.
    Leave(PersonHandle),
}

/// How much happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many people are hired, at least 4.
    pub people: usize,
    /// Titles that change beside the day's fixed scenes.
    pub changes: usize,
}

/// A script: the same seed and size give the same steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// In order.
    pub steps: Vec<Step>,
}

impl Day {
    /// A day with every kind of step. People have addresses at `domain` and `seed` decides who
    /// they are. Fewer than 4 people are taken as 4: the scenes need them.
    pub fn new(seed: u64, domain: &str, size: Size) -> Self {
        const ENGINEERING: GroupHandle = 0;
        const SALES: GroupHandle = 1;
        let mut rng = StdRng::seed_from_u64(seed);
        let people = people::invent(size.people.max(4), domain, &mut rng);
        let count = people.len();
        let (even, odd): (Vec<_>, Vec<_>) = (0..count).partition(|n| n % 2 == 0);

        let mut steps = vec![Step::Probe];
        steps.extend(people.into_iter().enumerate().map(|(n, person)| Step::Hire(n, person)));
        steps.push(Step::MakeGroup(ENGINEERING, "Engineering".to_owned()));
        steps.push(Step::MakeGroup(SALES, "Sales".to_owned()));
        steps.push(Step::Join(ENGINEERING, even));
        steps.push(Step::Join(SALES, odd));
        steps.push(Step::Change(0, Attribute::Title("Head of Engineering".to_owned())));
        steps.push(Step::Repeat(0));
        steps.push(Step::Manage(2, 0));
        steps.push(Step::Change(1, Attribute::FamilyName(people::MARRIED_NAME.to_owned())));
        steps.push(Step::Deactivate(2));
        steps.push(Step::Change(3, Attribute::Department("Engineering".to_owned())));
        steps.push(Step::Move(3, SALES, ENGINEERING));
        steps.extend(
            (0..size.changes).map(|n| Step::Change(n % count, Attribute::Title(format!("Grade {}", n + 1)))),
        );
        steps.push(Step::RenameGroup(SALES, "Revenue".to_owned()));
        steps.push(Step::Rehire(2));
        steps.push(Step::Leave(count - 1));
        Self { steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_reproducible_and_uses_only_what_it_made() {
        let size = Size { people: 9, changes: 5 };
        let day = Day::new(1, "acme.example", size);
        assert_eq!(day, Day::new(1, "acme.example", size));
        assert_ne!(day, Day::new(2, "acme.example", size));
        let (mut hired, mut made, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for step in &day.steps {
            let (people, groups): (Vec<usize>, Vec<usize>) = match step {
                Step::Probe => continue,
                Step::Hire(p, _) => {
                    hired.push(*p);
                    continue;
                }
                Step::MakeGroup(g, _) => {
                    made.push(*g);
                    continue;
                }
                Step::Join(g, people) => (people.clone(), vec![*g]),
                Step::Move(p, from, to) => (vec![*p], vec![*from, *to]),
                Step::Manage(p, manager) => (vec![*p, *manager], vec![]),
                Step::Change(p, _) | Step::Repeat(p) | Step::Deactivate(p) | Step::Rehire(p) => {
                    (vec![*p], vec![])
                }
                Step::RenameGroup(g, _) => (vec![], vec![*g]),
                Step::Leave(p) => {
                    gone.push(*p);
                    (vec![*p], vec![])
                }
            };
            assert!(people.iter().all(|p| hired.contains(p)), "{step:?}");
            assert!(groups.iter().all(|g| made.contains(g)), "{step:?}");
        }
        assert_eq!(gone.len(), 1);
    }
}
