//! In which shards an endpoint's scope has events.

use std::collections::HashSet;

use rollcall_domain::{
    endpoint::Scope,
    ids::{DirectoryId, OrganizationId},
    shard::shard_of,
};

use crate::{
    Store,
    db::{Db, DbError, bind},
    read::ReadError,
};

impl Store {
    /// The organizations that have a directory in a shard, or ever had one; `None` for "any", where
    /// there is one shard.
    pub async fn organizations_in(&self, shard: u16) -> Result<Option<HashSet<OrganizationId>>, ReadError> {
        let shards = self.shards();
        if shards <= 1 {
            return Ok(None);
        }
        self.read(move |c| {
            let all = c.rows("SELECT organization_id, id FROM directories", bind![], |row| {
                let directory = row.parsed(1, DirectoryId::parse)?;
                Ok::<_, DbError>((row.parsed(0, OrganizationId::parse)?, shard_of(&directory, shards)))
            })?;
            Ok(Some(all.into_iter().filter(|(_, of)| *of == shard).map(|(id, _)| id).collect()))
        })
        .await
    }
}

/// Ascending. A deleted directory's shard counts: its events are still in the log.
pub(super) fn shards_of(c: &Db, scope: &Scope, shards: u16) -> Result<Vec<u16>, DbError> {
    if shards <= 1 {
        return Ok(vec![0]);
    }
    Ok(match scope {
        Scope::All => (0..shards).collect(),
        Scope::Directory(id) => vec![shard_of(id, shards)],
        Scope::Organization(id) => {
            let mut of: Vec<u16> =
                directories_of(c, id)?.iter().map(|(_, directory)| shard_of(directory, shards)).collect();
            of.sort_unstable();
            of.dedup();
            of
        }
    })
}

/// An organization's directories with their rows' keys, deleted ones too.
pub(super) fn directories_of(c: &Db, id: &OrganizationId) -> Result<Vec<(i64, DirectoryId)>, DbError> {
    c.rows("SELECT pk, id FROM directories WHERE organization_id = $1", bind![id.as_str()], |row| {
        Ok((row.get(0)?, row.parsed(1, DirectoryId::parse)?))
    })
}
