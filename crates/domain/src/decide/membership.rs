//! Who joined and who left.
//!
//! Cast: the [`Roster`] takes member operations in their order; the [`Difference`] is what they come to;
//! [`settle`] writes the rows and tells each member's event.
//!
//! Plot: only the first and the last state count. Whoever is removed and added again in one request did
//! not leave, and whoever is named twice joined once. The roster holds the operations' values, not the
//! group's: adding one member to a large group costs the same as to a small one.

use std::collections::{HashMap, HashSet};

use rollcall_scim::{document::MemberInput, error::ScimError, filter::Filter, patch::MemberSelector};
use serde_json::{Map, Value};

use super::{Write, journal::Journal};
use crate::{
    command::Loaded,
    event::EventType,
    ids::GroupId,
    normalize::{GroupNames, group_summary},
    record::{GroupRecord, GroupSummary, MemberKind, MemberRecord, Referent},
};

/// A group's rows, as far as loaded, and what the operations so far make of them.
pub(super) struct Roster<'a> {
    group: &'a GroupId,
    rows: &'a HashMap<String, MemberRecord>,
    referents: &'a HashMap<String, Referent>,
    /// Values of rows that are to go.
    removed: HashSet<&'a str>,
    /// What is to come, by value, with the place at which it was named first.
    added: HashMap<&'a str, (usize, &'a MemberInput)>,
    named: usize,
}

impl<'a> Roster<'a> {
    pub(super) fn new(
        group: &'a GroupId,
        rows: &'a HashMap<String, MemberRecord>,
        referents: &'a HashMap<String, Referent>,
    ) -> Self {
        Self { group, rows, referents, removed: HashSet::new(), added: HashMap::new(), named: 0 }
    }

    /// These belong to the group.
    ///
    /// # Errors
    /// 400 `invalidValue` if the group itself is among them.
    pub(super) fn add(&mut self, members: &'a [MemberInput]) -> Result<(), ScimError> {
        for member in members {
            let value = member.value.as_str();
            if value == self.group.as_str() {
                return Err(ScimError::invalid_value("A group cannot be a member of itself."));
            }
            self.named += 1;
            match self.rows.get(value) {
                // A row that was pending, and now there is somebody of this id: it begins anew.
                Some(row) if row.kind == MemberKind::Pending && self.referents.contains_key(value) => {
                    self.removed.insert(value);
                    self.added.entry(value).or_insert((self.named, member));
                }
                Some(_) => {
                    self.removed.remove(value);
                }
                None => {
                    self.added.entry(value).or_insert((self.named, member));
                }
            }
        }
        Ok(())
    }

    /// None of those belongs to the group any more.
    pub(super) fn remove(&mut self, selector: &'a MemberSelector) {
        match selector {
            MemberSelector::All => self.remove_all(),
            MemberSelector::Values(values) => {
                for value in values {
                    self.added.remove(value.as_str());
                    if self.rows.contains_key(value) {
                        self.removed.insert(value);
                    }
                }
            }
            MemberSelector::Matching(filter) => self.remove_matching(filter),
        }
    }

    /// The group is empty.
    pub(super) fn remove_all(&mut self) {
        self.added.clear();
        self.removed = self.rows.keys().map(String::as_str).collect();
    }

    fn remove_matching(&mut self, filter: &Filter) {
        let referents = self.referents;
        self.added.retain(|_, (_, member)| !filter.matches(&element(&row(member, referents))));
        for (value, row) in self.rows {
            if !self.removed.contains(value.as_str()) && filter.matches(&element(row)) {
                self.removed.insert(value);
            }
        }
    }

    /// What all operations come to. Those that left are in the order of their ids, those that joined in
    /// the order in which they were named.
    pub(super) fn difference(&self) -> Difference {
        let mut removed: Vec<MemberRecord> =
            self.removed.iter().filter_map(|value| self.rows.get(*value)).cloned().collect();
        removed.sort_unstable_by(|a, b| a.value.cmp(&b.value));
        let mut added: Vec<(usize, &MemberInput)> = self.added.values().copied().collect();
        added.sort_unstable_by_key(|(place, _)| *place);
        let added = added.into_iter().map(|(_, member)| row(member, self.referents)).collect();
        Difference { removed, added }
    }
}

/// Rows that go and rows that come.
pub(super) struct Difference {
    removed: Vec<MemberRecord>,
    added: Vec<MemberRecord>,
}

impl Difference {
    pub(super) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    /// How many members a group has after this that had `before`.
    pub(super) fn count_after(&self, before: u64) -> u64 {
        (before + self.added.len() as u64).saturating_sub(self.removed.len() as u64)
    }
}

/// Writes the difference and tells it. `group` is as it is after the write. Pending members are rows
/// without events: nobody known here joined or left.
pub(super) fn settle(
    group: &GroupRecord,
    difference: &Difference,
    referents: &HashMap<String, Referent>,
    journal: &mut Journal<'_, '_>,
) {
    let summary = group_summary(group);
    for member in &difference.removed {
        journal.write(Write::RemoveMember { group: group.id.clone(), value: member.value.clone() });
        tell(EventType::MemberRemoved, &summary, member, referents, journal);
    }
    for member in &difference.added {
        journal.write(Write::AddMember { group: group.id.clone(), member: member.clone() });
        tell(EventType::MemberAdded, &summary, member, referents, journal);
    }
}

/// A group that is being deleted leaves the groups that it is nested in. Its own counters are kept in
/// `group`; those of a group that is its member as well are carried on in `loaded.referents`.
pub(super) fn leave_all(group: &mut GroupRecord, loaded: &mut Loaded, journal: &mut Journal<'_, '_>) {
    let nested = group_summary(group);
    for mut parent in std::mem::take(&mut loaded.groups_of_group) {
        group.event_version += 1;
        journal.write(Write::RemoveMember { group: parent.id.clone(), value: nested.id.as_str().to_owned() });
        let names = GroupNames::from(&parent);
        let version = group.event_version;
        journal.tell_of_nested(
            EventType::MemberRemoved,
            &parent.id,
            names,
            GroupNames::from(&nested),
            version,
        );
        journal.lose_member(&mut parent);
        if let Some(Referent::Group(known)) = loaded.referents.get_mut(parent.id.as_str()) {
            *known = parent;
        }
    }
}

fn tell(
    kind: EventType,
    group: &GroupSummary,
    member: &MemberRecord,
    referents: &HashMap<String, Referent>,
    journal: &mut Journal<'_, '_>,
) {
    let names = GroupNames::from(group);
    match (member.kind, referents.get(&member.value)) {
        (MemberKind::User, Some(Referent::User(user))) => {
            let event_version = user.event_version + 1;
            journal.tell_of_user(kind, &group.id, names, user, event_version);
            journal.write(Write::TouchUser { id: user.id.clone(), version: user.version + 1, event_version });
        }
        (MemberKind::Group, Some(Referent::Group(nested))) => {
            let event_version = nested.event_version + 1;
            journal.tell_of_nested(kind, &group.id, names, GroupNames::from(nested), event_version);
            journal.touch_group(&GroupSummary {
                version: nested.version + 1,
                event_version,
                ..nested.clone()
            });
        }
        (kind, _) => {
            debug_assert_eq!(kind, MemberKind::Pending, "{} was not loaded", member.value);
        }
    }
}

/// The row of a new member: its kind is what its id names, whatever the provider calls it.
fn row(member: &MemberInput, referents: &HashMap<String, Referent>) -> MemberRecord {
    let (kind, name) = match referents.get(&member.value) {
        Some(Referent::User(user)) => {
            (MemberKind::User, Some(user.display_name.as_deref().unwrap_or(&user.user_name)))
        }
        Some(Referent::Group(group)) => (MemberKind::Group, Some(group.display_name.as_str())),
        None => (MemberKind::Pending, None),
    };
    MemberRecord {
        value: member.value.clone(),
        kind,
        display: member.display.clone().or_else(|| name.map(str::to_owned)),
    }
}

/// A row as a filter sees it.
fn element(row: &MemberRecord) -> Map<String, Value> {
    let mut element = Map::new();
    element.insert("value".to_owned(), Value::from(row.value.as_str()));
    if let Some(display) = &row.display {
        element.insert("display".to_owned(), Value::from(display.as_str()));
    }
    match row.kind {
        MemberKind::User => element.insert("type".to_owned(), Value::from("User")),
        MemberKind::Group => element.insert("type".to_owned(), Value::from("Group")),
        MemberKind::Pending => None,
    };
    element
}
