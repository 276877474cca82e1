//! A product that provisions into one target: the engine that all products share. It turns each
//! step into the requests of its product's style, and remembers what the target accepted.

mod connect;
mod groups;
mod users;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    Error, Observer, People, Person, PersonHandle, Provider, Step, Target, memory::Memory, style::Style,
    wire::Wire, write::user::Account,
};

/// Changes of one group go one after the other where each carries the whole list; this many
/// groups at once.
const GROUP_LOCKS: usize = 64;

/// A product that provisions into one target. Several steps may be played at the same time, as
/// long as no two of them are about the same person.
pub struct Persona {
    style: &'static Style,
    wire: Wire,
    people: People,
    memory: Mutex<Memory>,
    group_locks: Vec<tokio::sync::Mutex<()>>,
}

impl Persona {
    /// A persona that has not sent anything yet.
    ///
    /// # Errors
    /// [`Error::Target`] if the base URL is no http URL, or the token cannot stand in a header.
    pub fn new(provider: Provider, target: &Target, people: People) -> Result<Self, Error> {
        let style = provider.style();
        let headers = [style.headers, style.group_headers];
        Ok(Self {
            style,
            wire: Wire::new(style.name, target, headers, style.urls, style.retry)?,
            people,
            memory: Mutex::default(),
            group_locks: (0..GROUP_LOCKS).map(|_| tokio::sync::Mutex::default()).collect(),
        })
    }

    /// Sends what the product sends for this step, one request after the other; nothing, if the
    /// product does not do such a thing.
    ///
    /// # Errors
    /// [`Error::Refused`] at the first answer that the product would choke on; what the target
    /// accepted before stays remembered. [`Error::Script`] if the step uses what was never made.
    pub async fn play(&self, step: &Step, observer: &mut impl Observer) -> Result<(), Error> {
        match step {
            Step::Probe => self.connect(observer).await,
            Step::Hire(person) => self.hire(*person, observer).await,
            Step::Change(person, attribute) => self.change(*person, attribute, observer).await,
            Step::Repeat(person) => self.repeat(*person, observer).await,
            Step::Manage(person, manager) => self.manage(*person, *manager, observer).await,
            Step::Unmanage(person) => self.unmanage(*person, observer).await,
            Step::Deactivate(person) => {
                let name = self.account(*person)?.person.display_name();
                self.set_active(*person, false, format!("disables {name}"), observer).await
            }
            Step::Rehire(person) => self.rehire(*person, observer).await,
            Step::Leave(person) => self.leave(*person, observer).await,
            Step::MakeGroup(..)
            | Step::Join(..)
            | Step::Move(..)
            | Step::Empty(_)
            | Step::RepeatGroup(_)
            | Step::RenameGroup(..)
            | Step::DeleteGroup(_) => match &self.style.group {
                Some(style) => self.play_group(style, step, observer).await,
                None => Ok(()),
            },
        }
    }

    /// The target's id of a person, once it was made.
    pub fn id_of(&self, person: PersonHandle) -> Option<String> {
        self.id(person).ok()
    }

    /// The person as the product last sent it.
    pub fn person(&self, person: PersonHandle) -> Option<Person> {
        Some(self.account(person).ok()?.person)
    }

    pub(crate) fn style(&self) -> &'static Style {
        self.style
    }

    fn id(&self, person: PersonHandle) -> Result<String, Error> {
        self.memory().id(person)
    }

    pub(crate) fn account(&self, person: PersonHandle) -> Result<Account, Error> {
        self.memory().account(&self.people, person)
    }

    /// Never held while something is awaited.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
