//! Groups one by one, page by page for `/v1`, and their members.

use rollcall_domain::{
    ids::{DirectoryId, GroupId},
    record::{GroupRecord, MemberRecord},
};

use super::{ReadError, directory};
use crate::{
    Store,
    db::{DbError, Row, bind},
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

    /// Groups for `/v1`, by creation, after a place (exclusive; 0 is before the first); all directories if
    /// `None`. Each with its place, which stays when it is deleted. Who reads on from place to place
    /// sees everything that was there when it began and still is.
    pub async fn groups_after(
        &self,
        directory: Option<&DirectoryId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, (DirectoryId, GroupRecord))>, ReadError> {
        let only = directory.cloned();
        self.read(move |c| {
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
                    placed,
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
                    placed,
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

fn placed(row: &Row<'_>) -> Result<(u64, (DirectoryId, GroupRecord)), DbError> {
    Ok((row.uint(0)?, group(row)?))
}

fn group(row: &Row<'_>) -> Result<(DirectoryId, GroupRecord), DbError> {
    Ok((row.parsed(8, DirectoryId::parse)?, rows::group(row)?.1))
}
