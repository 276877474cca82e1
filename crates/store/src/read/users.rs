//! Users one by one, and page by page for `/v1`.

use rollcall_domain::{
    ids::{DirectoryId, UserId},
    record::UserRecord,
};

use super::{ReadError, directory};
use crate::{
    Store,
    db::{Db, DbError, Row, bind},
    resources::{self, statement},
    rows::{self, USER},
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

    /// Users for `/v1`, by creation, after a place (exclusive; 0 is before the first); all directories if
    /// `None`. Each with its place, which stays when it is deleted. Who reads on from place to place
    /// sees everything that was there when it began and still is.
    pub async fn users_after(
        &self,
        directory: Option<&DirectoryId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, (DirectoryId, UserRecord))>, ReadError> {
        let only = directory.cloned();
        self.read(move |c| {
            let found = if let Some(only) = only {
                let Some((directory, ..)) = self::directory(c, &only)? else { return Ok(Vec::new()) };
                c.rows(
                    statement!(
                        "SELECT ",
                        USER,
                        FROM,
                        "u.directory_pk = $1 AND u.pk > $2 ORDER BY u.pk LIMIT $3"
                    ),
                    bind![directory, after, limit],
                    placed,
                )?
            } else {
                c.rows(
                    statement!(
                        "SELECT ",
                        USER,
                        FROM,
                        "u.pk > $1 AND d.state <> 'deleted' ORDER BY u.pk LIMIT $2"
                    ),
                    bind![after, limit],
                    placed,
                )?
            };
            found.into_iter().map(|(place, found)| Ok((place, with_groups(c, found)?))).collect()
        })
        .await
    }

    /// A user of any directory (`/v1`).
    pub async fn find_user(&self, id: &UserId) -> Result<Option<(DirectoryId, UserRecord)>, ReadError> {
        let id = id.clone();
        self.read(move |c| {
            let sql = statement!("SELECT ", USER, FROM, "u.id = $1 AND d.state <> 'deleted'");
            c.row(sql, bind![id.as_str()], user)?.map(|found| with_groups(c, found)).transpose()
        })
        .await
    }
}

fn placed(row: &Row<'_>) -> Result<(u64, (DirectoryId, i64, UserRecord)), DbError> {
    Ok((row.uint(0)?, user(row)?))
}

fn user(row: &Row<'_>) -> Result<(DirectoryId, i64, UserRecord), DbError> {
    Ok((row.parsed(7, DirectoryId::parse)?, row.get(8)?, rows::user(row)?.1))
}

fn with_groups(
    c: &Db,
    (id, directory, mut user): (DirectoryId, i64, UserRecord),
) -> Result<(DirectoryId, UserRecord), ReadError> {
    user.groups = resources::groups_of(c, directory, user.id.as_str())?;
    Ok((id, user))
}
