//! The directories' rows with their counters, as the writer knows them. It alone writes them, so
//! that it reads each once and writes it back once per batch.

use std::{collections::HashMap, sync::Arc};

use rollcall_domain::{
    directory::Directory,
    ids::{DirectoryId, OrganizationId},
};
use rollcall_scim::RuleSwitches;

use crate::{
    db::{Db, DbError, Row, bind},
    names,
    resources::statement,
};

/// A directory with its counters.
#[derive(Clone, Debug)]
pub(super) struct DirectoryRow {
    pub(super) pk: i64,
    pub(super) directory: Arc<Directory>,
    /// The last sequence given.
    pub(super) sequence: u64,
    /// The number of events about the directory itself.
    pub(super) event_version: u64,
    pub(super) user_count: u64,
    pub(super) group_count: u64,
    /// It differs from the database.
    pub(super) dirty: bool,
}

/// The rows read so far.
#[derive(Default)]
pub(super) struct Directories(HashMap<DirectoryId, DirectoryRow>);

impl Directories {
    /// The row of a directory, a deleted one too; `None` if there never was one.
    pub(super) fn get(&mut self, c: &Db, id: &DirectoryId) -> Result<Option<DirectoryRow>, DbError> {
        if let Some(row) = self.0.get(id) {
            return Ok(Some(row.clone()));
        }
        let row = c.row(
            statement!("SELECT ", ROW, " FROM directories WHERE id = $1"),
            bind![id.as_str()],
            directory_row,
        )?;
        if let Some(row) = &row {
            self.0.insert(id.clone(), row.clone());
        }
        Ok(row)
    }

    /// Takes a request's changes over.
    pub(super) fn put(&mut self, row: DirectoryRow) {
        if let Some(known) = self.0.get_mut(&row.directory.id) {
            *known = row;
        }
    }

    /// Writes the changed rows.
    pub(super) fn write(&mut self, c: &Db, changed: &[DirectoryId]) -> Result<(), DbError> {
        for id in changed {
            let Some(row) = self.0.get_mut(id).filter(|row| row.dirty) else { continue };
            c.execute(
                "UPDATE directories SET state = $1, sequence = $2, event_version = $3, user_count = $4,
                        group_count = $5 WHERE pk = $6",
                bind![
                    row.directory.state.as_str(),
                    row.sequence,
                    row.event_version,
                    row.user_count,
                    row.group_count,
                    row.pk
                ],
            )?;
            row.dirty = false;
        }
        Ok(())
    }

    /// Forgets everything, after a failed commit.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Forgets a directory that was changed otherwise, or deleted.
    pub(super) fn forget_one(&mut self, id: &DirectoryId) {
        self.0.remove(id);
    }
}

/// A directory's columns with its counters; read by [`directory_row`].
pub(super) const ROW: &str = "id, organization_id, name, provider, state, mode, created_at, compatibility,
     pk, sequence, event_version, user_count, group_count";

/// From [`ROW`].
pub(super) fn directory_row(row: &Row<'_>) -> Result<DirectoryRow, DbError> {
    Ok(DirectoryRow {
        directory: Arc::new(directory(row)?),
        pk: row.get(8)?,
        sequence: row.uint(9)?,
        event_version: row.uint(10)?,
        user_count: row.uint(11)?,
        group_count: row.uint(12)?,
        dirty: false,
    })
}

/// From `id, organization_id, name, provider, state, mode, created_at, compatibility`.
pub(crate) fn directory(row: &Row<'_>) -> Result<Directory, DbError> {
    Ok(Directory {
        id: row.parsed(0, DirectoryId::parse)?,
        organization_id: row.parsed(1, OrganizationId::parse)?,
        name: row.get(2)?,
        provider: row.parsed(3, names::provider)?,
        state: row.parsed(4, names::directory_state)?,
        mode: row.parsed(5, names::mode)?,
        created_at: row.time(6)?,
        compatibility: RuleSwitches::from_kept(&row.get::<String>(7)?),
    })
}
