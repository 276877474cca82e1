//! Made-up people. Names, addresses and numbers follow from the seed alone.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
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
    /// Where the office is, if the provider knows.
    pub address: Option<Address>,
}

/// An office's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Street and number.
    pub street_address: String,
    /// Town.
    pub locality: String,
    /// Part of the country.
    pub region: String,
    /// Postal code.
    pub postal_code: String,
    /// Two letters.
    pub country: String,
}

impl Person {
    /// Given and family name.
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }
}

/// Everybody who could ever be hired, without anybody in memory: the seed and a number say who it
/// is, so that a million people cost nothing until they are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People {
    seed: u64,
    domain: String,
    given: Vec<&'static str>,
    family: Vec<&'static str>,
}

impl People {
    /// The people of this seed, with addresses at `domain`.
    pub fn new(seed: u64, domain: &str) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut given = GIVEN.to_vec();
        let mut family = FAMILY.to_vec();
        given.shuffle(&mut rng);
        family.shuffle(&mut rng);
        Self { seed, domain: domain.to_owned(), given, family }
    }

    /// The domain of everybody's address.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The person of this number. No two numbers give the same user name.
    pub fn get(&self, number: usize) -> Person {
        let mut rng = StdRng::seed_from_u64(self.seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Beyond the first round the family names are shifted, so that no full name comes twice.
        let round = number / self.given.len();
        let given_name = self.given[number % self.given.len()];
        let family_name = self.family[(number + round) % self.family.len()];
        let suffix = match number / (self.given.len() * self.family.len()) {
            0 => String::new(),
            lap => lap.to_string(),
        };
        Person {
            given_name: given_name.to_owned(),
            family_name: family_name.to_owned(),
            user_name: format!("{given_name}.{family_name}{suffix}@{}", self.domain).to_lowercase(),
            object_id: uuid::Builder::from_random_bytes(rng.random()).into_uuid(),
            title: TITLES[rng.random_range(0..TITLES.len())].to_owned(),
            department: DEPARTMENTS[number % DEPARTMENTS.len()].to_owned(),
            employee_number: (700_000 + rng.random_range(0..99_999u32)).to_string(),
            address: None,
        }
    }
}

/// A family name that is not in the list that people are made from.
pub(crate) const MARRIED_NAME: &str = "Abernathy";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_seed_decides_and_nobody_comes_twice() {
        let [one, again, other] = [7, 7, 8].map(|seed| {
            let people = People::new(seed, "acme.example");
            (0..1_500).map(|n| people.get(n)).collect::<Vec<_>>()
        });
        assert_eq!(one, again);
        assert_ne!(one, other);
        let names: HashSet<_> = one.iter().map(|p| &p.user_name).collect();
        assert_eq!(names.len(), one.len());
    }
}
