//! A user: the normalized projection, with where it belongs.

use std::collections::BTreeMap;

use rollcall_domain::{
    ids::{DirectoryId, OrganizationId},
    normalize::UserProjection,
    record::{Referent, UserRecord},
};
use rollcall_store::{Catalog, read::ReadError};
use serde::Serialize;

use crate::State;

/// The same fields as the `data` of the user's events, and its directory and organization.
#[derive(Serialize)]
pub(crate) struct UserView<'a> {
    #[serde(flatten)]
    user: UserProjection<'a>,
    directory_id: &'a DirectoryId,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a OrganizationId>,
}

/// Whom the managers of some users are, in each directory.
pub(crate) struct Managers(BTreeMap<DirectoryId, BTreeMap<String, Referent>>);

impl Managers {
    /// Loads the managers of these users, one read for each directory.
    pub(crate) async fn load(
        state: &State,
        users: impl IntoIterator<Item = &(DirectoryId, UserRecord)>,
    ) -> Result<Self, ReadError> {
        let mut wanted: BTreeMap<&DirectoryId, Vec<String>> = BTreeMap::new();
        for (directory, user) in users {
            if let Some(manager) = user.document.manager_value() {
                wanted.entry(directory).or_default().push(manager.to_owned());
            }
        }
        let mut managers = BTreeMap::new();
        for (directory, mut ids) in wanted {
            ids.sort_unstable();
            ids.dedup();
            managers.insert(directory.clone(), state.store.referents(directory, ids).await?);
        }
        Ok(Self(managers))
    }

    fn of(&self, directory: &DirectoryId, user: &UserRecord) -> Option<&Referent> {
        self.0.get(directory)?.get(user.document.manager_value()?)
    }
}

impl<'a> UserView<'a> {
    pub(crate) fn new(
        catalog: &'a Catalog,
        managers: &'a Managers,
        (directory, user): &'a (DirectoryId, UserRecord),
    ) -> Self {
        Self {
            user: UserProjection::new(user, managers.of(directory, user)),
            directory_id: directory,
            organization_id: catalog.directories.get(directory).map(|entry| &entry.directory.organization_id),
        }
    }
}
