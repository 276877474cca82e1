//! Writes of users.

use rollcall_scim::{
    document::Document,
    patch::{PatchRequest, apply_user},
};

use super::{
    Decision, Reply, Write, check,
    journal::{Fact, Journal, subject},
};
use crate::{
    command::{Loaded, Precondition},
    diff::{diff, raw_changes},
    event::{Change, EventType, SubjectKind},
    ids::UserId,
    normalize::{GroupNames, UserProjection, to_value, user_shown_by, user_summary},
    record::{Referent, UserRecord},
    refusal::Refusal,
};

pub(super) fn create(
    document: &Document,
    loaded: &Loaded,
    mut journal: Journal<'_, '_>,
) -> Result<Decision, Refusal> {
    let now = journal.now();
    let user = UserRecord {
        id: journal.new_user_id(),
        document: document.clone(),
        version: 1,
        event_version: 1,
        created_at: now,
        updated_at: now,
        groups: Vec::new(),
    };
    tell(EventType::UserCreated, &user, loaded, None, &mut journal);
    journal.write(Write::InsertUser(user.clone()));
    Ok(journal.finish(Reply::User(user)))
}

pub(super) fn replace(
    id: &UserId,
    document: &Document,
    active_given: bool,
    precondition: &Precondition,
    mut loaded: Loaded,
    journal: Journal<'_, '_>,
) -> Result<Decision, Refusal> {
    let user = existing(id, precondition, &mut loaded)?;
    let mut document = document.clone();
    if !active_given {
        document.set_active(user.document.active());
    }
    Ok(update(user, document, &loaded, journal))
}

pub(super) fn patch(
    id: &UserId,
    patch: &PatchRequest,
    precondition: &Precondition,
    mut loaded: Loaded,
    journal: Journal<'_, '_>,
) -> Result<Decision, Refusal> {
    let user = existing(id, precondition, &mut loaded)?;
    let document = apply_user(&user.document, patch)?;
    Ok(update(user, document, &loaded, journal))
}

/// Its memberships end first, each with its event; `user.deleted` then shows the user as it last was,
/// with the groups that it was in.
pub(super) fn delete(
    id: &UserId,
    precondition: &Precondition,
    mut loaded: Loaded,
    mut journal: Journal<'_, '_>,
) -> Result<Decision, Refusal> {
    let mut user = existing(id, precondition, &mut loaded)?;
    let summary = user_summary(&user);
    for mut group in std::mem::take(&mut loaded.groups_of_user) {
        journal.write(Write::RemoveMember { group: group.id.clone(), value: id.as_str().to_owned() });
        user.event_version += 1;
        let names = GroupNames::from(&group);
        journal.tell_of_user(EventType::MemberRemoved, &group.id, names, &summary, user.event_version);
        journal.lose_member(&mut group);
    }
    user.event_version += 1;
    tell(EventType::UserDeleted, &user, &loaded, None, &mut journal);
    journal.write(Write::DeleteUser(user.id));
    Ok(journal.finish(Reply::Deleted))
}

fn existing(id: &UserId, precondition: &Precondition, loaded: &mut Loaded) -> Result<UserRecord, Refusal> {
    let user = loaded.user.take().ok_or_else(|| Refusal::NotFound(id.as_str().to_owned()))?;
    check(precondition, user.version)?;
    Ok(user)
}

/// The user gets a new document, if it says anything new.
fn update(
    mut user: UserRecord,
    document: Document,
    loaded: &Loaded,
    mut journal: Journal<'_, '_>,
) -> Decision {
    let changes = changes(&user, &document, loaded);
    if changes.is_empty() {
        return journal.finish(Reply::User(user));
    }
    let kind = match (user.document.active(), document.active()) {
        (true, false) => EventType::UserDeactivated,
        (false, true) => EventType::UserReactivated,
        _ => EventType::UserUpdated,
    };
    user.document = document;
    user.version += 1;
    user.event_version += 1;
    user.updated_at = journal.now();
    tell(kind, &user, loaded, Some(&changes), &mut journal);
    journal.write(Write::UpdateUser(user.clone()));
    journal.finish(Reply::User(user))
}

fn changes(user: &UserRecord, new: &Document, loaded: &Loaded) -> Vec<Change> {
    let old = &user.document;
    if old == new {
        return Vec::new();
    }
    // Most writes change one attribute of many: only what differs is projected.
    let differs = |attribute: &str| old.get(attribute) != new.get(attribute);
    let projected = |document| {
        to_value(&UserProjection::of_attributes(&user.id, document, manager(document, loaded), differs))
    };
    let mut changes = diff(&projected(old), &projected(new));
    raw_changes(old, new, user_shown_by, &mut changes);
    changes
}

fn manager<'a>(document: &Document, loaded: &'a Loaded) -> Option<&'a Referent> {
    loaded.referents.get(document.manager_value()?)
}

fn tell(
    kind: EventType,
    user: &UserRecord,
    loaded: &Loaded,
    changes: Option<&[Change]>,
    journal: &mut Journal<'_, '_>,
) {
    journal.tell(Fact {
        kind,
        subject: subject(SubjectKind::User, user.id.as_str(), user.event_version),
        group: None,
        data: &UserProjection::new(user, manager(&user.document, loaded)),
        changes,
    });
}
