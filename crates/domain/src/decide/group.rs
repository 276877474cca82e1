//! Writes of groups. A group's own attributes and its members are decided apart: the first have
//! `group.*` events, each of the second has an event of the member.

use rollcall_scim::{
    document::{Document, MemberInput},
    patch::{MemberOp, Operation, PatchRequest, apply_group},
};

use super::{
    Decision, Reply, Write, check,
    journal::{Fact, Journal, subject},
    membership::{self, Roster},
    needs::member_operations,
};
use crate::{
    command::{Loaded, Precondition},
    diff::{diff, raw_changes},
    event::{Change, EventType, SubjectKind},
    ids::GroupId,
    normalize::{GroupProjection, group_shown_by, to_value},
    record::GroupRecord,
    refusal::Refusal,
};

pub(super) fn create(
    document: &Document,
    members: &[MemberInput],
    loaded: &Loaded,
    mut journal: Journal<'_, '_>,
) -> Result<Decision, Refusal> {
    let now = journal.now();
    let id = journal.new_group_id();
    let nobody = std::collections::HashMap::new();
    let mut roster = Roster::new(&id, &nobody, &loaded.referents);
    roster.add(members)?;
    let difference = roster.difference();
    let group = GroupRecord {
        id: id.clone(),
        document: document.clone(),
        version: 1,
        event_version: 1,
        created_at: now,
        updated_at: now,
        member_count: difference.count_after(0),
    };
    tell(EventType::GroupCreated, &group, None, &mut journal);
    journal.write(Write::InsertGroup(group.clone()));
    membership::settle(&group, &difference, &loaded.referents, &mut journal);
    Ok(journal.finish(Reply::Group(group)))
}

pub(super) fn replace(
    id: &GroupId,
    document: &Document,
    members: Option<&[MemberInput]>,
    precondition: &Precondition,
    mut loaded: Loaded,
    journal: Journal<'_, '_>,
) -> Result<Decision, Refusal> {
    let group = existing(id, precondition, &mut loaded)?;
    let mut roster = Roster::new(id, &loaded.members, &loaded.referents);
    if let Some(members) = members {
        roster.remove_all();
        roster.add(members)?;
    }
    Ok(update(group, Some(document.clone()), roster, &loaded, journal))
}

pub(super) fn patch(
    id: &GroupId,
    patch: &PatchRequest,
    precondition: &Precondition,
    mut loaded: Loaded,
    journal: Journal<'_, '_>,
) -> Result<Decision, Refusal> {
    let group = existing(id, precondition, &mut loaded)?;
    let document = if patch.operations.iter().all(|operation| matches!(operation, Operation::Members(_))) {
        None
    } else {
        Some(apply_group(&group.document, patch)?.document)
    };
    let mut roster = Roster::new(id, &loaded.members, &loaded.referents);
    for operation in member_operations(patch) {
        match operation {
            MemberOp::Add(members) => roster.add(members)?,
            MemberOp::Replace(members) => {
                roster.remove_all();
                roster.add(members)?;
            }
            MemberOp::Remove(selector) => roster.remove(selector),
        }
    }
    Ok(update(group, document, roster, &loaded, journal))
}

/// Its memberships in other groups end first, then those of its members, each with its event; then
/// `group.deleted` shows the group as it last was.
pub(super) fn delete(
    id: &GroupId,
    precondition: &Precondition,
    mut loaded: Loaded,
    mut journal: Journal<'_, '_>,
) -> Result<Decision, Refusal> {
    let mut group = existing(id, precondition, &mut loaded)?;
    membership::leave_all(&mut group, &mut loaded, &mut journal);
    let mut roster = Roster::new(id, &loaded.members, &loaded.referents);
    roster.remove_all();
    membership::settle(&group, &roster.difference(), &loaded.referents, &mut journal);
    group.event_version += 1;
    tell(EventType::GroupDeleted, &group, None, &mut journal);
    journal.write(Write::DeleteGroup(group.id));
    Ok(journal.finish(Reply::Deleted))
}

fn existing(id: &GroupId, precondition: &Precondition, loaded: &mut Loaded) -> Result<GroupRecord, Refusal> {
    let group = loaded.group.take().ok_or_else(|| Refusal::NotFound(id.as_str().to_owned()))?;
    check(precondition, group.version)?;
    Ok(group)
}

/// The group gets a new document, if one is given, and a new set of members, if either says anything new.
/// One write is one version, whatever changed.
fn update(
    mut group: GroupRecord,
    document: Option<Document>,
    roster: Roster<'_>,
    loaded: &Loaded,
    mut journal: Journal<'_, '_>,
) -> Decision {
    let changed = document.and_then(|document| {
        let changes = changes(&group, &document);
        (!changes.is_empty()).then_some((document, changes))
    });
    let difference = roster.difference();
    if changed.is_none() && difference.is_empty() {
        return journal.finish(Reply::Group(group));
    }
    group.version += 1;
    group.updated_at = journal.now();
    group.member_count = difference.count_after(group.member_count);
    if let Some((document, changes)) = changed {
        group.document = document;
        group.event_version += 1;
        tell(EventType::GroupUpdated, &group, Some(&changes), &mut journal);
        journal.write(Write::UpdateGroup(group.clone()));
    } else {
        journal.write(Write::TouchGroup {
            id: group.id.clone(),
            version: group.version,
            event_version: group.event_version,
            member_count: group.member_count,
            updated_at: group.updated_at,
        });
    }
    membership::settle(&group, &difference, &loaded.referents, &mut journal);
    journal.finish(Reply::Group(group))
}

fn changes(group: &GroupRecord, new: &Document) -> Vec<Change> {
    if group.document == *new {
        return Vec::new();
    }
    let comparable = |document| to_value(&GroupProjection::comparable(&group.id, document));
    let mut changes = diff(&comparable(&group.document), &comparable(new));
    raw_changes(&group.document, new, group_shown_by, &mut changes);
    changes
}

fn tell(kind: EventType, group: &GroupRecord, changes: Option<&[Change]>, journal: &mut Journal<'_, '_>) {
    journal.tell(Fact {
        kind,
        subject: subject(SubjectKind::Group, group.id.as_str(), group.event_version),
        group: None,
        data: &GroupProjection::in_event(group),
        changes,
    });
}
