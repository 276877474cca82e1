//! Random histories: whatever happens, a consumer of the events can follow.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::Index};
use rollcall_domain::{
    Command, MemberNeeds, Precondition, Refusal, Reply,
    event::SubjectKind,
    ids::{GroupId, UserId},
    normalize::{UserProjection, group_projection},
    record::MemberKind,
};
use rollcall_scim::schema::ENTERPRISE_USER;
use serde_json::{Value, json};

use crate::{
    build::{
        create_group, create_user, delete_group, delete_user, patch_group, patch_user, replace_group,
        replace_user, values,
    },
    model::Model,
    replica::{Replica, comparable},
};

/// Few distinct values, so that histories come back to where they were.
#[derive(Clone, Debug)]
struct Attributes {
    title: Option<u8>,
    active: Option<bool>,
    emails: Vec<u8>,
    given_name: Option<u8>,
    manager: Option<Index>,
    im: Option<u8>,
}

#[derive(Clone, Debug)]
enum Member {
    User(Index),
    Group(Index),
    Unknown(u8),
}

#[derive(Clone, Debug)]
enum MemberChange {
    Add(Vec<Member>),
    Replace(Vec<Member>),
    Remove(Vec<Member>),
    RemoveWhere(Member),
    Clear,
    Rename(u8),
}

#[derive(Clone, Debug)]
enum Step {
    CreateUser(Attributes),
    ReplaceUser(Index, Attributes, bool),
    PatchUser(Index, Attributes),
    DeleteUser(Index),
    CreateGroup(u8, Vec<Member>),
    ReplaceGroup(Index, u8, Option<Vec<Member>>),
    PatchGroup(Index, Vec<MemberChange>),
    DeleteGroup(Index),
    SetDirectory(bool),
    DeleteDirectory,
}

fn attributes() -> impl Strategy<Value = Attributes> {
    (
        prop::option::of(0..2u8),
        prop::option::of(any::<bool>()),
        prop::collection::vec(0..3u8, 0..3),
        prop::option::of(0..2u8),
        prop::option::of(any::<Index>()),
        prop::option::of(0..2u8),
    )
        .prop_map(|(title, active, emails, given_name, manager, im)| Attributes {
            title,
            active,
            emails,
            given_name,
            manager,
            im,
        })
}

fn member() -> impl Strategy<Value = Member> {
    prop_oneof![
        6 => any::<Index>().prop_map(Member::User),
        2 => any::<Index>().prop_map(Member::Group),
        1 => (0..2u8).prop_map(Member::Unknown),
    ]
}

fn some_members() -> impl Strategy<Value = Vec<Member>> {
    prop::collection::vec(member(), 0..5)
}

fn member_change() -> impl Strategy<Value = MemberChange> {
    prop_oneof![
        4 => prop::collection::vec(member(), 1..4).prop_map(MemberChange::Add),
        1 => some_members().prop_map(MemberChange::Replace),
        4 => prop::collection::vec(member(), 1..4).prop_map(MemberChange::Remove),
        1 => member().prop_map(MemberChange::RemoveWhere),
        1 => Just(MemberChange::Clear),
        1 => (0..2u8).prop_map(MemberChange::Rename),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => attributes().prop_map(Step::CreateUser),
        4 => (any::<Index>(), attributes(), prop::bool::weighted(0.1))
            .prop_map(|(user, attributes, stale)| Step::ReplaceUser(user, attributes, stale)),
        4 => (any::<Index>(), attributes()).prop_map(|(user, attributes)| Step::PatchUser(user, attributes)),
        2 => any::<Index>().prop_map(Step::DeleteUser),
        4 => (0..2u8, some_members()).prop_map(|(name, members)| Step::CreateGroup(name, members)),
        2 => (any::<Index>(), 0..2u8, prop::option::of(some_members()))
            .prop_map(|(group, name, members)| Step::ReplaceGroup(group, name, members)),
        8 => (any::<Index>(), prop::collection::vec(member_change(), 1..4))
            .prop_map(|(group, changes)| Step::PatchGroup(group, changes)),
        2 => any::<Index>().prop_map(Step::DeleteGroup),
        1 => any::<bool>().prop_map(Step::SetDirectory),
        1 => Just(Step::DeleteDirectory),
    ]
}

fn pick<'a>(keys: impl ExactSizeIterator<Item = &'a String>, index: &Index) -> Option<&'a String> {
    let keys: Vec<_> = keys.collect();
    (!keys.is_empty()).then(|| *index.get(&keys))
}

impl Model {
    fn pick_user(&self, index: &Index) -> Option<UserId> {
        UserId::parse(pick(self.users.keys(), index)?)
    }

    fn pick_group(&self, index: &Index) -> Option<GroupId> {
        GroupId::parse(pick(self.groups.keys(), index)?)
    }

    /// Without `not`, which may not be its own member.
    fn resolve(&self, members: &[Member], not: Option<&GroupId>) -> Vec<String> {
        members
            .iter()
            .filter_map(|member| match member {
                Member::User(index) => self.pick_user(index).map(|id| id.to_string()),
                Member::Group(index) => self.pick_group(index).map(|id| id.to_string()),
                Member::Unknown(number) => Some(format!("unknown-{number}")),
            })
            .filter(|value| not.is_none_or(|not| not.as_str() != value))
            .collect()
    }

    fn attributes(&self, from: &Attributes) -> Value {
        let mut user = json!({"userName": "u"});
        if let Some(title) = from.title {
            user["title"] = format!("t{title}").into();
        }
        if let Some(active) = from.active {
            user["active"] = active.into();
        }
        let mut seen = BTreeSet::new();
        let emails: Vec<Value> = from
            .emails
            .iter()
            .filter(|number| seen.insert(**number))
            .map(|number| json!({"value": format!("{number}@x")}))
            .collect();
        if !emails.is_empty() {
            user["emails"] = emails.into();
        }
        if let Some(name) = from.given_name {
            user["name"] = json!({"givenName": format!("n{name}")});
        }
        if let Some(im) = from.im {
            user["ims"] = json!([{"value": format!("im{im}")}]);
        }
        if let Some(manager) = from.manager.as_ref().and_then(|index| self.pick_user(index)) {
            user[ENTERPRISE_USER] = json!({"manager": {"value": manager}});
        }
        user
    }

    fn command(&self, step: &Step) -> Option<(Command, Option<Expected>)> {
        Some(match step {
            Step::CreateUser(attributes) => (create_user(self.attributes(attributes)), None),
            Step::ReplaceUser(index, attributes, stale) => {
                let mut command = replace_user(&self.pick_user(index)?, self.attributes(attributes));
                if let (true, Command::ReplaceUser { precondition, .. }) = (*stale, &mut command) {
                    *precondition = Precondition::Versions(vec![0]);
                }
                (command, None)
            }
            Step::PatchUser(index, attributes) => {
                let value = self.attributes(attributes);
                (patch_user(&self.pick_user(index)?, json!([{"op": "replace", "value": value}])), None)
            }
            Step::DeleteUser(index) => (delete_user(&self.pick_user(index)?), None),
            Step::CreateGroup(name, members) => {
                (create_group(&format!("g{name}"), &self.resolve(members, None)), None)
            }
            Step::ReplaceGroup(index, name, members) => {
                let group = self.pick_group(index)?;
                let members = members.as_ref().map(|members| self.resolve(members, Some(&group)));
                let after = match &members {
                    Some(members) => members.iter().cloned().collect(),
                    None => self.values_of(&group),
                };
                let command = replace_group(&group, &format!("g{name}"), members.as_deref());
                (command, Some(Expected { group, members: after }))
            }
            Step::PatchGroup(index, changes) => {
                let group = self.pick_group(index)?;
                let mut after = self.values_of(&group);
                let operations: Vec<Value> =
                    changes.iter().filter_map(|change| self.operation(change, &group, &mut after)).collect();
                if operations.is_empty() {
                    return None;
                }
                (patch_group(&group, operations.into()), Some(Expected { group, members: after }))
            }
            Step::DeleteGroup(index) => (delete_group(&self.pick_group(index)?), None),
            Step::SetDirectory(true) => (Command::ActivateDirectory, None),
            Step::SetDirectory(false) => (Command::DeactivateDirectory, None),
            Step::DeleteDirectory => (Command::DeleteDirectory, None),
        })
    }

    fn values_of(&self, group: &GroupId) -> BTreeSet<String> {
        self.member_values(group).into_iter().map(str::to_owned).collect()
    }

    /// One operation, and on the side what it makes of a plain set.
    fn operation(
        &self,
        change: &MemberChange,
        group: &GroupId,
        after: &mut BTreeSet<String>,
    ) -> Option<Value> {
        Some(match change {
            MemberChange::Add(members) => {
                let members = self.resolve(members, Some(group));
                if members.is_empty() {
                    return None;
                }
                after.extend(members.iter().cloned());
                json!({"op": "add", "path": "members", "value": values(&members)})
            }
            MemberChange::Replace(members) => {
                let members = self.resolve(members, Some(group));
                *after = members.iter().cloned().collect();
                json!({"op": "replace", "path": "members", "value": values(&members)})
            }
            MemberChange::Remove(members) => {
                let members = self.resolve(members, None);
                if members.is_empty() {
                    return None;
                }
                after.retain(|value| !members.contains(value));
                json!({"op": "remove", "path": "members", "value": values(&members)})
            }
            MemberChange::RemoveWhere(member) => {
                let value = self.resolve(std::slice::from_ref(member), None).pop()?;
                after.remove(&value);
                json!({"op": "remove", "path": format!("members[value eq \"{value}\"]")})
            }
            MemberChange::Clear => {
                after.clear();
                json!({"op": "remove", "path": "members"})
            }
            MemberChange::Rename(name) => {
                json!({"op": "replace", "path": "displayName", "value": format!("g{name}")})
            }
        })
    }
}

/// Who is to be in a group after a command.
struct Expected {
    group: GroupId,
    members: BTreeSet<String>,
}

/// What an application sees of everything, memberships and times apart.
fn seen(model: &Model) -> Vec<(String, Value)> {
    let users = model.users.iter().map(|(id, user)| {
        let value = serde_json::to_value(UserProjection::new(user, None)).unwrap();
        (id.clone(), json!([comparable(&value), user.document.get("ims")]))
    });
    let groups = model.groups.iter().map(|(id, group)| (id.clone(), comparable(&group_projection(group))));
    users.chain(groups).collect()
}

fn check_end(model: &Model) {
    let mut replica = Replica::default();
    for event in &model.log {
        replica.receive(event);
    }
    assert!(replica.users.keys().eq(model.users.keys()));
    for (id, data) in &replica.users {
        let user = &model.users[id];
        let expected = serde_json::to_value(UserProjection::new(user, None)).unwrap();
        assert_eq!(comparable(data), comparable(&expected));
        assert_eq!(data["raw"], expected["raw"]);
        assert_eq!(data["updated_at"], expected["updated_at"]);
    }
    assert!(replica.groups.keys().eq(model.groups.keys()));
    for (id, data) in &replica.groups {
        let mut expected = group_projection(&model.groups[id]);
        for time in ["created_at", "updated_at"] {
            expected.as_object_mut().unwrap().remove(time);
        }
        assert_eq!(*data, expected);
    }
    let memberships: BTreeSet<(String, String)> = model
        .members
        .iter()
        .flat_map(|(group, rows)| rows.values().map(move |row| (group, row)))
        .filter(|(_, row)| row.kind != MemberKind::Pending)
        .map(|(group, row)| (group.clone(), row.value.clone()))
        .collect();
    assert_eq!(replica.memberships, memberships);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_consumer_can_follow(steps in prop::collection::vec(step(), 1..60)) {
        let mut model = Model::new();
        for step in &steps {
            let Some((command, expected)) = model.command(step) else { continue };
            let before = seen(&model);
            let decision = match model.run(&command) {
                Ok(decision) => decision,
                Err(Refusal::DirectoryClosed | Refusal::VersionMismatch { .. } | Refusal::NotFound(_)) => {
                    prop_assert_eq!(before, seen(&model));
                    continue;
                }
                Err(other) => return Err(TestCaseError::fail(format!("{command:?}: {other}"))),
            };
            // No change, no event, no write. A pending member is a write without an event.
            if decision.writes.is_empty() {
                prop_assert!(decision.events.is_empty());
            }
            let own: Vec<_> = decision
                .events
                .iter()
                .filter(|event| event.group_id.is_none() && event.subject.kind != SubjectKind::Directory)
                .map(|event| event.subject.id.to_string())
                .collect();
            prop_assert!(own.len() <= 1, "one event for one resource's own state");
            let directory_deleted = matches!(command, Command::DeleteDirectory);
            prop_assert_eq!(before != seen(&model), !own.is_empty() || (directory_deleted && !before.is_empty()));
            if let Some(Expected { group, members }) = expected {
                prop_assert_eq!(model.values_of(&group), members);
            }
            // The answer is what is stored.
            match &decision.reply {
                Reply::User(user) => {
                    let stored = model.load_user(&user.id).unwrap();
                    prop_assert_eq!(&stored, user);
                }
                Reply::Group(group) => prop_assert_eq!(&model.groups[group.id.as_str()], group),
                Reply::Deleted | Reply::Directory(_) | Reply::Told => {}
            }
            // A PUT repeated changes nothing.
            if matches!(command, Command::ReplaceUser { .. } | Command::ReplaceGroup { .. }) {
                let again = model.run(&command).unwrap();
                prop_assert!(again.writes.is_empty() && again.events.is_empty());
            }
            // One more member costs the same whatever the group's size.
            if let (Command::PatchGroup { .. }, Step::PatchGroup(_, changes)) = (&command, step)
                && changes.iter().all(|change| matches!(change, MemberChange::Add(_) | MemberChange::Remove(_)))
            {
                prop_assert!(matches!(command.needs().members, MemberNeeds::Values(_)));
            }
        }
        check_end(&model);
    }
}
