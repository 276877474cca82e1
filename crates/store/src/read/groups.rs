//! Groups one by one, page by page for `/v1`, and their members.

use rollcall_domain::{
    ids::{DirectoryId, GroupId},
    record::{GroupRecord, MemberRecord},
};

use super::{ReadError, directory};
use crate::{
    Store,
    db::{Db, DbError, Row, bind},
    resources::{self, statement},
    rows::{self, GROUP},
};

const FROM: &str = ", d.id FROM groups g JOIN directories d ON d.pk = g.directory_pk WHERE ";

impl Store {
    /// A group without its members.
    pub async fn group(
        &self,
        directory: &DirectoryId,
        id: &GroupId,
    ) -> Result<Option<GroupRecord>, ReadError> {
        let (directory_id, id) = (directory.clone(), id.clone());
        self.read(move |c| {
            let Some((directory, ..)) = super::directory(c, &directory_id)? else { return Ok(None) };
            Ok(resources::group(c, directory, &id)?.map(|(_, group)| group))
        })
        .await
    }

    /// A group together with its members, from one snapshot.
    pub async fn group_with_members(
        &self,
        directory: &DirectoryId,
        id: &GroupId,
    ) -> Result<Option<(GroupRecord, Vec<MemberRecord>)>, ReadError> {
        let (directory_id, id) = (directory.clone(), id.clone());
        self.read(move |c| {
            let Some((directory, ..)) = super::directory(c, &directory_id)? else { return Ok(None) };
            let Some((pk, group)) = resources::group(c, directory, &id)? else { return Ok(None) };
            Ok(Some((group, resources::members(c, pk, "", u64::MAX)?)))
        })
        .await
    }

    /// Groups for `/v1`, by creation, after the id (exclusive); all directories if `None`.
    pub async fn groups_after(
        &self,
        directory: Option<&DirectoryId>,
        after: Option<&GroupId>,
        limit: u32,
    ) -> Result<Vec<(DirectoryId, GroupRecord)>, ReadError> {
        let (only, after) = (directory.cloned(), after.cloned());
        self.read(move |c| {
            let after = place(c, after.as_ref().map_or("", |id| id.as_str()))?;
            let found = if let Some(only) = only {
                let Some((directory, ..)) = self::directory(c, &only)? else { return Ok(Vec::new()) };
                c.rows(
                    statement!(
                        "SELECT ",
                        GROUP,
                        FROM,
                        "g.directory_pk = $1 AND g.pk > $2 ORDER BY g.pk LIMIT $3"
                    ),
                    bind![directory, after, limit],
                    group,
                )?
            } else {
                c.rows(
                    statement!(
                        "SELECT ",
                        GROUP,
                        FROM,
                        "g.pk > $1 AND d.state <> 'deleted' ORDER BY g.pk LIMIT $2"
                    ),
                    bind![after, limit],
                    group,
                )?
            };
            Ok(found)
        })
        .await
    }

    /// A group of any directory (`/v1`).
    pub async fn find_group(&self, id: &GroupId) -> Result<Option<(DirectoryId, GroupRecord)>, ReadError> {
        let id = id.clone();
        self.read(move |c| {
            let sql = statement!("SELECT ", GROUP, FROM, "g.id = $1 AND d.state <> 'deleted'");
            Ok(c.row(sql, bind![id.as_str()], group)?)
        })
        .await
    }

    /// A group's members in the order of their values, after this value (exclusive). Empty if
    /// there is no such group.
    pub async fn members_after(
        &self,
        group: &GroupId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<MemberRecord>, ReadError> {
        let (group, after) = (group.clone(), after.unwrap_or_default().to_owned());
        self.read(move |c| {
            let pk: Option<i64> = c.row(
                "SELECT g.pk FROM groups g JOIN directories d ON d.pk = g.directory_pk
                 WHERE g.id = $1 AND d.state <> 'deleted'",
                bind![group.as_str()],
                |row| row.get::<i64>(0),
            )?;
            let Some(pk) = pk else { return Ok(Vec::new()) };
            Ok(resources::members(c, pk, &after, limit.into())?)
        })
        .await
    }
}

/// As for users.
fn place(c: &Db, id: &str) -> Result<i64, DbError> {
    let sql = "SELECT pk FROM groups WHERE id <= $1 ORDER BY id DESC LIMIT 1";
    c.row(sql, bind![id], |row| row.get(0)).map(|pk| pk.unwrap_or(0))
}

fn group(row: &Row<'_>) -> Result<(DirectoryId, GroupRecord), DbError> {
    Ok((row.parsed(8, DirectoryId::parse)?, rows::group(row)?.1))
}
