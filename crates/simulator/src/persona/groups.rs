//! Everything that products do to groups.

use serde_json::Value;

use super::Persona;
use crate::{
    Check, Error, GroupHandle, Observer, PersonHandle, Step,
    answer::{self, Answer},
    style::{Deltas, FindGroup, GroupStyle, Members, Rename},
    wire::{Ask, eq},
    write::{
        group::{self, Member},
        patch::message,
    },
};

/// How many of a group's members are sent once more.
const REPEATED: usize = 5;

/// What changes in a group's list.
enum Turn {
    Join(Vec<PersonHandle>),
    Part(PersonHandle),
    Empty,
}

impl Persona {
    pub(super) async fn play_group(
        &self,
        style: &GroupStyle,
        step: &Step,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        match step {
            Step::MakeGroup(group, name) => self.make_group(style, *group, name, observer).await,
            Step::Join(group, people) => self.turn(style, *group, Turn::Join(people.clone()), observer).await,
            Step::Move(person, from, to) => {
                self.turn(style, *from, Turn::Part(*person), observer).await?;
                self.turn(style, *to, Turn::Join(vec![*person]), observer).await
            }
            Step::Empty(group) => self.turn(style, *group, Turn::Empty, observer).await,
            Step::RepeatGroup(group) => {
                let members = self.memory().group(*group)?.members.iter().take(REPEATED).copied().collect();
                self.turn(style, *group, Turn::Join(members), observer).await
            }
            Step::RenameGroup(group, name) => self.rename(style, *group, name, observer).await,
            Step::DeleteGroup(group) if style.deletes => {
                let (id, name) = self.group(*group)?;
                let ask = Ask::new(format!("deletes group {name}"), "DELETE", self.group_path(&id), None);
                self.wire.ask(Check::Delete, ask, answer::deleted, observer).await?;
                self.memory().forget_group(*group);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn group_path(&self, id: &str) -> String {
        self.wire.urls.path(&format!("/Groups/{id}"))
    }

    /// Its id and its name.
    fn group(&self, handle: GroupHandle) -> Result<(String, String), Error> {
        let memory = self.memory();
        let group = memory.group(handle)?;
        Ok((group.id.clone(), group.name.clone()))
    }

    async fn make_group(
        &self,
        style: &GroupStyle,
        handle: GroupHandle,
        name: &str,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        if let Some(id) = self.find_group(style, name, observer).await? {
            self.memory().learn_group(handle, id.clone(), name.to_owned());
            return self.clear_found(style, &id, name, observer).await;
        }
        let body = group::create(style, handle, name);
        let path = self.wire.urls.path("/Groups");
        let ask = Ask::new(format!("makes group {name}"), "POST", path, Some(body));
        let id = self.wire.ask(Check::GroupCreate, ask, answer::created, observer).await?;
        self.memory().learn_group(handle, id, name.to_owned());
        Ok(())
    }

    async fn find_group(
        &self,
        style: &GroupStyle,
        name: &str,
        observer: &mut impl Observer,
    ) -> Result<Option<String>, Error> {
        let urls = &self.wire.urls;
        let what = format!("is group {name} there already?");
        let id = |found: &Value| found["id"].as_str().map(str::to_owned);
        match style.find {
            FindGroup::Filter { before, after } => {
                let filter = urls.filter(&eq("displayName", name));
                let path = format!("/Groups?{before}filter={filter}{after}{}", urls.query_end);
                let ask = Ask::new(what, "GET", path, None);
                // Two groups may share a name, so that more than one may be found.
                let page = self.wire.ask(Check::FilterFinds, ask, answer::page, observer).await?;
                Ok(page.resources.first().and_then(id))
            }
            FindGroup::ReadAll { count } => {
                let mut read = 0;
                loop {
                    let path = format!("/Groups?startIndex={}&count={count}{}", read + 1, urls.query_end);
                    let ask = Ask::new(what.clone(), "GET", path, None);
                    let page = self.wire.ask(Check::Pagination, ask, answer::page, observer).await?;
                    if let Some(found) = page.resources.iter().find(|group| group["displayName"] == name) {
                        return Ok(id(found));
                    }
                    read += page.resources.len();
                    if page.resources.is_empty() || read as u64 >= page.total {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// A group that was there before is brought to what a new one is: without members.
    async fn clear_found(
        &self,
        style: &GroupStyle,
        id: &str,
        name: &str,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let ask = Ask::new(format!("reads group {name}"), "GET", self.group_path(id), None);
        let found = self.wire.ask(Check::Members, ask, answer::document, observer).await?;
        let members: Vec<Member> = found["members"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|member| member["value"].as_str())
            .map(|id| Member { id: id.to_owned(), user_name: String::new() })
            .collect();
        if members.is_empty() {
            return Ok(());
        }
        let what = format!("empties group {name}");
        match style.members {
            Members::Put(_) | Members::ReplaceAll(_) => {
                self.send_whole(style, id, name, &[], what, observer).await
            }
            Members::Deltas(deltas) => {
                for batch in members.chunks(deltas.batch) {
                    let push = deltas.name_first.then(|| group::push(id, name));
                    let body = group::remove_members(deltas, push, batch);
                    self.patch_group(id, what.clone(), body, observer).await?;
                }
                Ok(())
            }
        }
    }

    /// Changes a group's list. Where each request carries the whole list, one change of a group
    /// waits for the one before.
    async fn turn(
        &self,
        style: &GroupStyle,
        handle: GroupHandle,
        turn: Turn,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let lock = self.group_locks.get(handle % self.group_locks.len().max(1));
        let _one_at_a_time = match lock {
            Some(lock) if style.members.are_whole() => Some(lock.lock().await),
            _ => None,
        };
        let (id, name) = self.group(handle)?;
        let what = match &turn {
            Turn::Join(people) => match people.as_slice() {
                [] => return Ok(()),
                [one] => format!("puts {} into {name}", self.account(*one)?.person.display_name()),
                many => format!("puts {} people into {name}", many.len()),
            },
            Turn::Part(person) => {
                format!("takes {} out of {name}", self.account(*person)?.person.display_name())
            }
            Turn::Empty => format!("empties group {name}"),
        };
        if let Members::Deltas(deltas) = style.members {
            return self.send_delta(deltas, handle, &turn, what, observer).await;
        }
        let mut after = self.memory().group(handle)?.members.clone();
        match &turn {
            Turn::Join(people) => after.extend(people),
            Turn::Part(person) => {
                after.remove(person);
            }
            Turn::Empty => after.clear(),
        }
        let members = self.members(after)?;
        self.send_whole(style, &id, &name, &members, what, observer).await?;
        self.remember(handle, &turn);
        Ok(())
    }

    fn members(&self, people: impl IntoIterator<Item = PersonHandle>) -> Result<Vec<Member>, Error> {
        let memory = self.memory();
        people.into_iter().map(|person| memory.member(&self.people, person)).collect()
    }

    async fn send_delta(
        &self,
        deltas: Deltas,
        handle: GroupHandle,
        turn: &Turn,
        what: String,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let (id, name) = self.group(handle)?;
        let push = || deltas.name_first.then(|| group::push(&id, &name));
        match turn {
            Turn::Join(people) => {
                for batch in people.chunks(deltas.batch) {
                    let body = group::add_members(deltas, push(), &self.members(batch.iter().copied())?);
                    self.patch_group(&id, what.clone(), body, observer).await?;
                    self.memory().join(handle, batch);
                }
            }
            Turn::Part(person) => {
                let body = group::remove_members(deltas, push(), &self.members([*person])?);
                self.patch_group(&id, what, body, observer).await?;
                self.memory().part(handle, *person);
            }
            Turn::Empty if deltas.empties_by_replace => {
                let body = group::clear_members(deltas.words, push());
                self.patch_group(&id, what, body, observer).await?;
                self.memory().empty(handle);
            }
            Turn::Empty => {
                let members: Vec<PersonHandle> =
                    self.memory().group(handle)?.members.iter().copied().collect();
                for batch in members.chunks(deltas.batch) {
                    let body = group::remove_members(deltas, push(), &self.members(batch.iter().copied())?);
                    self.patch_group(&id, what.clone(), body, observer).await?;
                    for person in batch {
                        self.memory().part(handle, *person);
                    }
                }
            }
        }
        Ok(())
    }

    async fn patch_group(
        &self,
        id: &str,
        what: String,
        body: Value,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let ask = Ask::new(what, "PATCH", self.group_path(id), Some(body));
        let updated = |answer: &Answer| answer::updated_group(answer, &[200, 204], id);
        self.wire.ask(Check::GroupPatch, ask, updated, observer).await
    }

    /// The whole list, by PUT or by PATCH.
    async fn send_whole(
        &self,
        style: &GroupStyle,
        id: &str,
        name: &str,
        members: &[Member],
        what: String,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        if let Members::ReplaceAll(entry) = style.members {
            return self.patch_group(id, what, group::replace_members(entry, members), observer).await;
        }
        let body = group::whole(style, name, style.members.entry(), members);
        let ask = Ask::new(what, "PUT", self.group_path(id), Some(body));
        let updated = |answer: &Answer| answer::updated_group(answer, &[200], id);
        self.wire.ask(Check::GroupPut, ask, updated, observer).await
    }

    async fn rename(
        &self,
        style: &GroupStyle,
        handle: GroupHandle,
        name: &str,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let (id, old) = self.group(handle)?;
        let what = format!("renames {old} to {name}");
        match style.rename {
            Rename::Path(words) => {
                self.patch_group(&id, what, group::rename(words, name), observer).await?;
            }
            Rename::PathlessWithId => {
                let body = message(vec![group::push(&id, name)]);
                self.patch_group(&id, what, body, observer).await?;
            }
            Rename::Put => {
                let members = self.memory().members(&self.people, handle)?;
                let body = group::whole(style, name, style.members.entry(), &members);
                let ask = Ask::new(what, "PUT", self.group_path(&id), Some(body));
                let updated = |answer: &Answer| answer::updated_group(answer, &[200], &id);
                self.wire.ask(Check::GroupPut, ask, updated, observer).await?;
            }
        }
        self.memory().rename_group(handle, name);
        Ok(())
    }

    fn remember(&self, handle: GroupHandle, turn: &Turn) {
        let mut memory = self.memory();
        match turn {
            Turn::Join(people) => memory.join(handle, people),
            Turn::Part(person) => memory.part(handle, *person),
            Turn::Empty => memory.empty(handle),
        }
    }
}
