//! What the owner does with a directory as a whole.

use serde::Serialize;

use super::{
    Decision, Reply, Write,
    journal::{Fact, Journal, subject},
};
use crate::{
    command::Loaded,
    directory::{Directory, DirectoryState, Provider},
    event::{EventType, SubjectKind},
    ids::{DirectoryId, OrganizationId},
    refusal::Refusal,
};

/// The `data` of a directory's events. `state` is the one after it.
#[derive(Serialize)]
struct DirectoryData<'a> {
    id: &'a DirectoryId,
    organization_id: &'a OrganizationId,
    name: &'a str,
    provider: Provider,
    state: DirectoryState,
}

pub(super) fn activate(loaded: &Loaded, journal: Journal<'_, '_>) -> Result<Decision, Refusal> {
    change_to(DirectoryState::Active, EventType::DirectoryActivated, loaded, journal)
}

pub(super) fn deactivate(loaded: &Loaded, journal: Journal<'_, '_>) -> Result<Decision, Refusal> {
    change_to(DirectoryState::Disabled, EventType::DirectoryDeactivated, loaded, journal)
}

/// One event for all that was in it: receivers drop what they hold of the directory.
pub(super) fn delete(loaded: &Loaded, journal: Journal<'_, '_>) -> Result<Decision, Refusal> {
    change_to(DirectoryState::Deleted, EventType::DirectoryDeleted, loaded, journal)
}

fn change_to(
    state: DirectoryState,
    kind: EventType,
    loaded: &Loaded,
    mut journal: Journal<'_, '_>,
) -> Result<Decision, Refusal> {
    let directory = journal.directory();
    if directory.state == DirectoryState::Deleted {
        return Err(Refusal::NotFound(directory.id.as_str().to_owned()));
    }
    if directory.state != state {
        journal.write(Write::SetDirectoryState(state));
        journal.tell(Fact {
            kind,
            subject: subject(
                SubjectKind::Directory,
                directory.id.as_str(),
                loaded.directory_event_version + 1,
            ),
            group: None,
            data: &DirectoryData {
                id: &directory.id,
                organization_id: &directory.organization_id,
                name: &directory.name,
                provider: directory.provider,
                state,
            },
            changes: None,
        });
    }
    Ok(journal.finish(match state {
        DirectoryState::Deleted => Reply::Deleted,
        _ => Reply::Directory(Directory { state, ..directory.clone() }),
    }))
}
