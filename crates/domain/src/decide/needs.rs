//! What must be loaded before a command can be decided: enough, and no more than its size.

use std::collections::HashSet;

use rollcall_scim::{
    document::{Document, MemberInput},
    patch::{MemberOp, MemberSelector, Operation, PatchRequest},
};
use serde_json::Value;

use crate::{
    command::{Command, MemberNeeds, Needs},
    ids::{GroupId, UserId},
};

impl Command {
    /// What must be loaded for this command.
    pub fn needs(&self) -> Needs {
        match self {
            Self::CreateUser { document } => Needs { referents: manager(document), ..Needs::default() },
            Self::ReplaceUser { id, document, .. } => {
                Needs { user: Some(id.clone()), referents: manager(document), ..Needs::default() }
            }
            Self::PatchUser { id, patch, .. } => {
                Needs { user: Some(id.clone()), referents: users_named(patch), ..Needs::default() }
            }
            Self::DeleteUser { id, .. } => {
                Needs { user: Some(id.clone()), groups_of_user: true, ..Needs::default() }
            }
            Self::CreateGroup { members, .. } => Needs { referents: ids(members.iter()), ..Needs::default() },
            Self::ReplaceGroup { id, members, .. } => Needs {
                group: Some(id.clone()),
                members: if members.is_some() { MemberNeeds::All } else { MemberNeeds::None },
                referents: ids(members.iter().flatten()),
                ..Needs::default()
            },
            Self::PatchGroup { id, patch, .. } => {
                let (members, referents) = member_needs(patch);
                Needs { group: Some(id.clone()), members, referents, ..Needs::default() }
            }
            Self::DeleteGroup { id, .. } => Needs {
                group: Some(id.clone()),
                members: MemberNeeds::All,
                groups_of_group: true,
                ..Needs::default()
            },
            Self::ActivateDirectory | Self::DeactivateDirectory | Self::DeleteDirectory => Needs::default(),
            Self::TellOperator(notice) => Needs { told: Some((**notice).clone()), ..Needs::default() },
        }
    }
}

/// The manager, if the value can name anybody here.
fn manager(document: &Document) -> Vec<String> {
    document
        .manager_value()
        .filter(|value| UserId::parse(value).is_some())
        .map(str::to_owned)
        .into_iter()
        .collect()
}

/// Most ids that a PATCH of a user is searched for; one of them is its manager.
const MANAGERS: usize = 64;

/// Every id of a user that the operations set. One of them may become the manager: which one is not known
/// before they are applied, and there are hardly ever others.
fn users_named(patch: &PatchRequest) -> Vec<String> {
    let mut named = Vec::new();
    for operation in &patch.operations {
        if let Operation::Set { value, .. } = operation {
            search(value, &mut named);
        }
    }
    named
}

fn search(value: &Value, named: &mut Vec<String>) {
    match value {
        Value::String(text)
            if named.len() < MANAGERS && UserId::parse(text).is_some() && !named.contains(text) =>
        {
            named.push(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| search(value, named)),
        Value::Object(object) => object.values().for_each(|value| search(value, named)),
        _ => {}
    }
}

fn is_id(text: &str) -> bool {
    UserId::parse(text).is_some() || GroupId::parse(text).is_some()
}

/// The distinct values that can name a user or a group here.
fn ids<'a>(members: impl Iterator<Item = &'a MemberInput>) -> Vec<String> {
    let mut seen = HashSet::new();
    members
        .map(|member| member.value.as_str())
        .filter(|value| is_id(value))
        .filter(|value| seen.insert(*value))
        .map(str::to_owned)
        .collect()
}

/// Which rows and which referents the member operations of a PATCH depend on.
fn member_needs(patch: &PatchRequest) -> (MemberNeeds, Vec<String>) {
    let mut every = false;
    let mut values = Vec::new();
    let mut seen = HashSet::new();
    for operation in member_operations(patch) {
        match operation {
            MemberOp::Add(members) => {
                values.extend(members.iter().map(|member| &member.value).filter(|value| seen.insert(*value)));
            }
            MemberOp::Remove(MemberSelector::Values(named)) => {
                values.extend(named.iter().filter(|value| seen.insert(*value)));
            }
            MemberOp::Replace(_) | MemberOp::Remove(MemberSelector::All | MemberSelector::Matching(_)) => {
                every = true;
            }
        }
    }
    let referents = ids(member_operations(patch).flat_map(|operation| match operation {
        MemberOp::Add(members) | MemberOp::Replace(members) => members.as_slice(),
        MemberOp::Remove(_) => &[],
    }));
    let members = if every {
        MemberNeeds::All
    } else if values.is_empty() {
        MemberNeeds::None
    } else {
        MemberNeeds::Values(values.into_iter().cloned().collect())
    };
    (members, referents)
}

/// A PATCH's changes of the member set, in order.
pub(super) fn member_operations(patch: &PatchRequest) -> impl Iterator<Item = &MemberOp> {
    patch.operations.iter().filter_map(|operation| match operation {
        Operation::Members(operation) => Some(operation),
        _ => None,
    })
}
