//! One small day in a company, with a scene of every kind: who is hired, moves, marries, leaves and
//! comes back. What `rollcall demo` plays.

use crate::{Attribute, GroupHandle, People, Step, people};

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
    /// Who takes part.
    pub people: People,
    /// In order.
    pub steps: Vec<Step>,
}

impl Day {
    /// A day with every kind of step. People have addresses at `domain` and `seed` decides who
    /// they are. Fewer than 4 people are taken as 4: the scenes need them.
    pub fn new(seed: u64, domain: &str, size: Size) -> Self {
        const ENGINEERING: GroupHandle = 0;
        const SALES: GroupHandle = 1;
        let count = size.people.max(4);
        let (even, odd): (Vec<_>, Vec<_>) = (0..count).partition(|n| n % 2 == 0);

        let mut steps = vec![Step::Probe];
        steps.extend((0..count).map(Step::Hire));
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
        Self { people: People::new(seed, domain), steps }
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
        let (mut hired, mut made) = (Vec::new(), Vec::new());
        for step in &day.steps {
            match step {
                Step::Hire(person) => hired.push(*person),
                Step::MakeGroup(group, _) => made.push(*group),
                _ => {
                    assert!(step.people().is_none_or(|person| hired.contains(&person)), "{step:?}");
                    let mut groups = step.groups().into_iter().flatten();
                    assert!(groups.all(|group| made.contains(&group)), "{step:?}");
                }
            }
        }
        assert_eq!(day.steps.iter().filter(|step| matches!(step, Step::Leave(_))).count(), 1);
    }
}
