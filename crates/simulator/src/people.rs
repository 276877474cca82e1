//! Made-up people. Names, addresses and numbers follow from the seed alone.

use rand::{RngExt as _, rngs::StdRng, seq::SliceRandom as _};
use uuid::Uuid;

const GIVEN: &[&str] = &[
    "Ada", "Bilal", "Chiara", "Dmitri", "Esi", "Farah", "Goran", "Hana", "Ilse", "Jun", "Kofi", "Leila",
    "Mateo", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Sven", "Tala", "Umar", "Vera", "Wanja", "Xenia",
    "Yusuf", "Zora",
];
const FAMILY: &[&str] = &[
    "Okafor",
    "Brandt",
    "Castellan",
    "Dufour",
    "Eriksen",
    "Falk",
    "Grimaldi",
    "Haddad",
    "Ishikawa",
    "Jansen",
    "Kowal",
    "Lindqvist",
    "Moreau",
    "Nakata",
    "Oyelaran",
    "Petrov",
    "Quist",
    "Rinaldi",
    "Sorensen",
    "Tanaka",
    "Ueda",
    "Varga",
    "Weiss",
    "Ximenes",
    "Yilmaz",
    "Zeman",
];
const DEPARTMENTS: &[&str] = &["Engineering", "Sales", "Legal", "Support"];
const TITLES: &[&str] = &["Engineer", "Analyst", "Counsel", "Account Manager", "Team Lead"];

/// A person as the provider's own directory holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// The sign-in name, an e-mail address under `.example`.
    pub user_name: String,
    /// What the provider calls the person: its object's id.
    pub object_id: Uuid,
    /// Job title.
    pub title: String,
    /// Department.
    pub department: String,
    /// Employee number.
    pub employee_number: String,
    /// Whether the account is enabled.
    pub active: bool,
}

impl Person {
    /// Given and family name.
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }
}

/// `count` people with different names at `domain`.
pub(crate) fn invent(count: usize, domain: &str, rng: &mut StdRng) -> Vec<Person> {
    let mut given = GIVEN.to_vec();
    let mut family = FAMILY.to_vec();
    given.shuffle(rng);
    family.shuffle(rng);
    (0..count)
        .map(|n| {
            // Beyond the first round the family names are shifted, so that no full name comes twice.
            let round = n / GIVEN.len();
            let given_name = given[n % GIVEN.len()];
            let family_name = family[(n + round) % FAMILY.len()];
            let number = if round < FAMILY.len() {
                String::new()
            } else {
                (n / (GIVEN.len() * FAMILY.len())).to_string()
            };
            Person {
                given_name: given_name.to_owned(),
                family_name: family_name.to_owned(),
                user_name: format!("{given_name}.{family_name}{number}@{domain}").to_lowercase(),
                object_id: uuid::Builder::from_random_bytes(rng.random()).into_uuid(),
                title: TITLES[rng.random_range(0..TITLES.len())].to_owned(),
                department: DEPARTMENTS[n % DEPARTMENTS.len()].to_owned(),
                employee_number: (700_000 + rng.random_range(0..99_999u32)).to_string(),
                active: true,
            }
        })
        .collect()
}

/// A family name that is not in the list that people are made from.
pub(crate) const MARRIED_NAME: &str = "Abernathy";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn the_seed_decides_and_nobody_comes_twice() {
        let one = invent(1_500, "acme.example", &mut StdRng::seed_from_u64(7));
        let again = invent(1_500, "acme.example", &mut StdRng::seed_from_u64(7));
        let other = invent(1_500, "acme.example", &mut StdRng::seed_from_u64(8));
        assert_eq!(one, again);
        assert_ne!(one, other);
        let names: HashSet<_> = one.iter().map(|p| &p.user_name).collect();
        assert_eq!(names.len(), one.len());
    }
}
