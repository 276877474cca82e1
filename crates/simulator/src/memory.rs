//! What a product keeps of the target: the ids it was given and what it last sent. A person who
//! was never changed is an id and a few flags, so that a million fit into some hundred megabytes.

use std::collections::{BTreeSet, HashSet};

use crate::{
    Error, GroupHandle, People, Person, PersonHandle,
    write::{
        group::Member,
        user::{Account, Manager},
    },
};

/// The model that the target is compared with.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    people: Vec<Option<Known>>,
    groups: Vec<Option<KnownGroup>>,
    /// How many people were created and not deleted: by so many the target has grown.
    pub(crate) growth: i64,
    /// How many people were not created because the target had them.
    pub(crate) found: u64,
    /// The ids of the people who were deleted.
    deleted: HashSet<Box<str>>,
}

#[derive(Debug)]
struct Known {
    id: Box<str>,
    active: bool,
    manager: Boss,
    /// As the person is now, if that differs from how it was hired.
    changed: Option<Box<Person>>,
    groups: Vec<GroupHandle>,
}

#[derive(Clone, Copy, Debug)]
enum Boss {
    Nobody,
    Is(PersonHandle),
    /// Whoever an earlier run named.
    Unknown,
}

/// A group as it was last sent.
#[derive(Clone, Debug)]
pub(crate) struct KnownGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) members: BTreeSet<PersonHandle>,
}

/// Puts `value` at `index`, with nothing in the places before it.
fn put<T>(list: &mut Vec<Option<T>>, index: usize, value: T) {
    if list.len() <= index {
        list.resize_with(index + 1, || None);
    }
    if let Some(place) = list.get_mut(index) {
        *place = Some(value);
    }
}

impl Memory {
    /// Somebody who was created just now.
    pub(crate) fn learn(&mut self, handle: PersonHandle, id: &str) {
        self.growth += 1;
        self.keep(handle, id, Boss::Nobody);
    }

    /// Somebody who was there before.
    pub(crate) fn find(&mut self, handle: PersonHandle, id: &str) {
        self.found += 1;
        self.keep(handle, id, Boss::Unknown);
    }

    fn keep(&mut self, handle: PersonHandle, id: &str, manager: Boss) {
        let known = Known { id: id.into(), active: true, manager, changed: None, groups: Vec::new() };
        put(&mut self.people, handle, known);
    }

    /// Somebody who was deleted.
    pub(crate) fn forget(&mut self, handle: PersonHandle) {
        self.growth -= 1;
        let known = self.people.get_mut(handle).and_then(Option::take);
        let Some(known) = known else { return };
        for group in known.groups {
            if let Some(Some(group)) = self.groups.get_mut(group) {
                group.members.remove(&handle);
            }
        }
        self.deleted.insert(known.id);
    }

    fn known(&self, handle: PersonHandle) -> Option<&Known> {
        self.people.get(handle)?.as_ref()
    }

    pub(crate) fn id(&self, handle: PersonHandle) -> Result<String, Error> {
        let known = self.known(handle).ok_or_else(|| Error::Script(format!("person {handle}")))?;
        Ok(known.id.to_string())
    }

    /// The person as last sent.
    pub(crate) fn account(&self, people: &People, handle: PersonHandle) -> Result<Account, Error> {
        let known = self.known(handle).ok_or_else(|| Error::Script(format!("person {handle}")))?;
        Ok(Account {
            number: handle,
            person: known.changed.as_deref().cloned().unwrap_or_else(|| people.get(handle)),
            active: known.active,
            manager: match known.manager {
                Boss::Nobody => Manager::Nobody,
                Boss::Is(boss) => {
                    self.known(boss).map_or(Manager::Unknown, |boss| Manager::Is(boss.id.to_string()))
                }
                Boss::Unknown => Manager::Unknown,
            },
        })
    }

    pub(crate) fn set_person(&mut self, handle: PersonHandle, person: Person) {
        if let Some(Some(known)) = self.people.get_mut(handle) {
            known.changed = Some(Box::new(person));
        }
    }

    pub(crate) fn set_active(&mut self, handle: PersonHandle, active: bool) {
        if let Some(Some(known)) = self.people.get_mut(handle) {
            known.active = active;
        }
    }

    pub(crate) fn set_manager(&mut self, handle: PersonHandle, manager: Option<PersonHandle>) {
        if let Some(Some(known)) = self.people.get_mut(handle) {
            known.manager = manager.map_or(Boss::Nobody, Boss::Is);
        }
    }

    pub(crate) fn learn_group(&mut self, handle: GroupHandle, id: String, name: String) {
        put(&mut self.groups, handle, KnownGroup { id, name, members: BTreeSet::new() });
    }

    pub(crate) fn forget_group(&mut self, handle: GroupHandle) {
        self.empty(handle);
        if let Some(place) = self.groups.get_mut(handle) {
            *place = None;
        }
    }

    pub(crate) fn rename_group(&mut self, handle: GroupHandle, name: &str) {
        if let Some(Some(group)) = self.groups.get_mut(handle) {
            name.clone_into(&mut group.name);
        }
    }

    pub(crate) fn join(&mut self, handle: GroupHandle, people: &[PersonHandle]) {
        let Some(Some(group)) = self.groups.get_mut(handle) else { return };
        for person in people {
            if let Some(Some(known)) = self.people.get_mut(*person)
                && group.members.insert(*person)
            {
                known.groups.push(handle);
            }
        }
    }

    pub(crate) fn part(&mut self, handle: GroupHandle, person: PersonHandle) {
        if let Some(Some(group)) = self.groups.get_mut(handle) {
            group.members.remove(&person);
        }
        if let Some(Some(known)) = self.people.get_mut(person) {
            known.groups.retain(|group| *group != handle);
        }
    }

    pub(crate) fn empty(&mut self, handle: GroupHandle) {
        let members = self.group(handle).map(|group| group.members.clone()).unwrap_or_default();
        for member in members {
            self.part(handle, member);
        }
    }

    pub(crate) fn group(&self, handle: GroupHandle) -> Result<&KnownGroup, Error> {
        let group = self.groups.get(handle).and_then(Option::as_ref);
        group.ok_or_else(|| Error::Script(format!("group {handle}")))
    }

    /// The ids of the groups that somebody is in.
    pub(crate) fn groups_of(&self, handle: PersonHandle) -> BTreeSet<String> {
        let groups = self.known(handle).into_iter().flat_map(|known| &known.groups);
        groups.filter_map(|group| Some(self.group(*group).ok()?.id.clone())).collect()
    }

    /// The ids of a group's members.
    pub(crate) fn member_ids(&self, handle: GroupHandle) -> Result<BTreeSet<String>, Error> {
        self.group(handle)?.members.iter().map(|person| self.id(*person)).collect()
    }

    /// The groups that somebody is in.
    pub(crate) fn groups_with(&self, handle: PersonHandle) -> Vec<GroupHandle> {
        self.known(handle).map(|known| known.groups.clone()).unwrap_or_default()
    }

    /// Those of these ids whose people were deleted.
    pub(crate) fn deleted_of(&self, ids: &BTreeSet<String>) -> BTreeSet<String> {
        ids.iter().filter(|id| self.deleted.contains(id.as_str())).cloned().collect()
    }

    /// Where everything is that is known, groups first.
    pub(crate) fn paths(&self) -> Vec<String> {
        let groups = self.groups.iter().flatten().map(|group| format!("/Groups/{}", group.id));
        let people = self.people.iter().flatten().map(|known| format!("/Users/{}", known.id));
        groups.chain(people).collect()
    }

    /// A group's members as they are sent.
    pub(crate) fn members(&self, people: &People, handle: GroupHandle) -> Result<Vec<Member>, Error> {
        let members = self.group(handle)?.members.iter();
        members.map(|person| self.member(people, *person)).collect()
    }

    /// What stands for a person in a group.
    pub(crate) fn member(&self, people: &People, handle: PersonHandle) -> Result<Member, Error> {
        let account = self.account(people, handle)?;
        Ok(Member { id: self.id(handle)?, user_name: account.person.user_name })
    }
}
