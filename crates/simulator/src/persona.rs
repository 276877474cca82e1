//! The products. A persona keeps what its product keeps of the target: the ids it was given and
//! what it last sent.

mod entra;
mod okta;

use std::collections::BTreeMap;

pub use entra::Dialect as EntraDialect;
pub use okta::Dialect as OktaDialect;

use crate::{
    Error, GroupHandle, Observer, Person, PersonHandle, Step, Target,
    wire::{Headers, Wire},
};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Which product, and which of its ways of speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Microsoft Entra ID.
    Entra(EntraDialect),
    /// Okta.
    Okta(OktaDialect),
}

impl Dialect {
    /// The product's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entra(_) => "Entra ID",
            Self::Okta(_) => "Okta",
        }
    }

    fn headers(self) -> Headers {
        match self {
            Self::Entra(_) => entra::HEADERS,
            Self::Okta(_) => okta::HEADERS,
        }
    }
}

/// A product that provisions into one target.
pub struct Persona {
    dialect: Dialect,
    wire: Wire,
    memory: Memory,
}

impl Persona {
    /// A persona that has not sent anything yet.
    pub fn new(dialect: Dialect, target: &Target) -> Result<Self, Error> {
        let wire = Wire::new(dialect.name(), target, dialect.headers())?;
        Ok(Self { dialect, wire, memory: Memory::default() })
    }

    /// Sends what the product sends for this step, one request after the other.
    pub async fn play(&mut self, step: &Step, observer: &mut impl Observer) -> Result<(), Error> {
        match self.dialect {
            Dialect::Entra(dialect) => {
                entra::play(dialect, &self.wire, &mut self.memory, step, observer).await
            }
            Dialect::Okta(dialect) => okta::play(dialect, &self.wire, &mut self.memory, step, observer).await,
        }
    }

    /// The target's id of a person, once it was made.
    pub fn id_of(&self, person: PersonHandle) -> Option<&str> {
        self.memory.people.get(&person).map(|known| known.id.as_str())
    }

    /// The person as the product last sent it.
    pub fn person(&self, person: PersonHandle) -> Option<&Person> {
        self.memory.people.get(&person).map(|known| &known.person)
    }
}

/// What a product keeps of the target.
#[derive(Debug, Default)]
struct Memory {
    people: BTreeMap<PersonHandle, KnownPerson>,
    groups: BTreeMap<GroupHandle, KnownGroup>,
}

#[derive(Clone, Debug)]
struct KnownPerson {
    id: String,
    person: Person,
}

#[derive(Clone, Debug)]
struct KnownGroup {
    id: String,
    name: String,
    members: Vec<PersonHandle>,
}

impl Memory {
    fn person(&self, handle: PersonHandle) -> Result<KnownPerson, Error> {
        self.people.get(&handle).cloned().ok_or_else(|| Error::Script(format!("person {handle}")))
    }

    fn group(&self, handle: GroupHandle) -> Result<KnownGroup, Error> {
        self.groups.get(&handle).cloned().ok_or_else(|| Error::Script(format!("group {handle}")))
    }

    fn learn(&mut self, handle: PersonHandle, id: String, person: Person) {
        self.people.insert(handle, KnownPerson { id, person });
    }

    fn change(&mut self, handle: PersonHandle, change: impl FnOnce(&mut Person)) {
        if let Some(known) = self.people.get_mut(&handle) {
            change(&mut known.person);
        }
    }

    fn group_mut(&mut self, handle: GroupHandle) -> Result<&mut KnownGroup, Error> {
        self.groups.get_mut(&handle).ok_or_else(|| Error::Script(format!("group {handle}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn ada() -> Person {
        Person {
            given_name: "Ada".to_owned(),
            family_name: "Okafor".to_owned(),
            user_name: "ada.okafor@acme.example".to_owned(),
            object_id: uuid::Uuid::from_u128(0x0a21_f0f2_8d2a_4f8e_bf98_7363_c4ae_d4ef),
            title: "Engineer".to_owned(),
            department: "Engineering".to_owned(),
            employee_number: "701984".to_owned(),
            active: true,
        }
    }
}
