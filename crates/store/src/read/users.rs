//! Users one by one, and page by page for `/v1`.

use rollcall_domain::{
    ids::{DirectoryId, UserId},
    record::UserRecord,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{ReadError, directory};
use crate::{
    Store,
    resources::{self, statement},
    rows::{self, USER},
    sql::parsed,
};

const FROM: &str = ", d.id, u.directory_pk FROM users u JOIN directories d ON d.pk = u.directory_pk WHERE ";

impl Store {
    /// A user, with its groups.
    pub async fn user(&self, directory: &DirectoryId, id: &UserId) -> Result<Option<UserRecord>, ReadError> {
        let (directory_id, id) = (directory.clone(), id.clone());
        self.read(move |c| {
            let Some((directory, ..)) = super::directory(c, &directory_id)? else { return Ok(None) };
            let Some((_, mut user)) = resources::user(c, directory, &id)? else { return Ok(None) };
            user.groups = resources::groups_of(c, directory, id.as_str())?;
            Ok(Some(user))
        })
        .await
    }

    /// Users for `/v1`, by creation, after the id (exclusive); all directories if `None`.
    pub async fn users_after(
        &self,
        directory: Option<&DirectoryId>,
        after: Option<&UserId>,
        limit: u32,
    ) -> Result<Vec<(DirectoryId, UserRecord)>, ReadError> {
        let (only, after) = (directory.cloned(), after.cloned());
        self.read(move |c| {
            // An id that is gone (or never was) has no place: the ids' own order is that of creation.
            let after = after.as_ref().map_or("", |id| id.as_str());
            let found = if let Some(only) = only {
                let Some((directory, ..)) = self::directory(c, &only)? else { return Ok(Vec::new()) };
                let start: i64 = place(c, after)?;
                c.prepare_cached(statement!(
                    "SELECT ",
                    USER,
                    FROM,
                    "u.directory_pk = $1 AND u.pk > $2 ORDER BY u.pk LIMIT $3"
                ))?
                .query_map(params![directory, start, limit], user)?
                .collect::<rusqlite::Result<Vec<_>>>()?
            } else {
                c.prepare_cached(statement!(
                    "SELECT ",
                    USER,
                    FROM,
                    "u.pk > $1 AND d.state <> 'deleted' ORDER BY u.pk LIMIT $2"
                ))?
                .query_map(params![place(c, after)?, limit], user)?
                .collect::<rusqlite::Result<Vec<_>>>()?
            };
            found.into_iter().map(|found| with_groups(c, found)).collect()
        })
        .await
    }

    /// A user of any directory (`/v1`).
    pub async fn find_user(&self, id: &UserId) -> Result<Option<(DirectoryId, UserRecord)>, ReadError> {
        let id = id.clone();
        self.read(move |c| {
            c.prepare_cached(statement!("SELECT ", USER, FROM, "u.id = $1 AND d.state <> 'deleted'"))?
                .query_row([id.as_str()], user)
                .optional()?
                .map(|found| with_groups(c, found))
                .transpose()
        })
        .await
    }
}

/// The row key of a user, or of the last one before its place if it is gone; ids grow as keys do.
fn place(c: &Connection, id: &str) -> rusqlite::Result<i64> {
    c.prepare_cached("SELECT pk FROM users WHERE id <= $1 ORDER BY id DESC LIMIT 1")?
        .query_row([id], |row| row.get(0))
        .optional()
        .map(|pk| pk.unwrap_or(0))
}

fn user(row: &Row<'_>) -> rusqlite::Result<(DirectoryId, i64, UserRecord)> {
    Ok((parsed(row, 7, DirectoryId::parse)?, row.get(8)?, rows::user(row)?.1))
}

fn with_groups(
    c: &Connection,
    (id, directory, mut user): (DirectoryId, i64, UserRecord),
) -> Result<(DirectoryId, UserRecord), ReadError> {
    user.groups = resources::groups_of(c, directory, user.id.as_str())?;
    Ok((id, user))
}
