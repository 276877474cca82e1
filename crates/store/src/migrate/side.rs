//! What must be known to turn rows, in a database of its own beside the files: it is made anew by each
//! run and removed at its end. It grows on the disk with the log; the memory does not.
//!
//! `place` says for each event of the log which shard and which position there it gets: positions count
//! a shard's events in the old order. `start` and `lane` are the endpoints' places, turned; `secret`
//! their secrets, sealed for the new store; `test` who makes an endpoint's test sends.

use std::{collections::HashMap, fs, path::PathBuf};

use rollcall_domain::{
    ids::DirectoryId,
    shard::{Positions, shard_of},
};
use rusqlite::{Connection, params};

use super::{MigrateError, Stage, Tell};
use crate::{
    folder::Folder,
    seal::{Sealed, Sealer},
};

// The index is filled as the rows come: made afterwards, it would be sorted in memory.
const TABLES: &str = "
    CREATE TABLE side.place (old INTEGER PRIMARY KEY, shard INTEGER NOT NULL, position BIGINT NOT NULL);
    CREATE INDEX side.place_by_shard ON place (shard, old, position);
    CREATE TABLE side.start (endpoint_pk INTEGER PRIMARY KEY, positions TEXT NOT NULL);
    CREATE TABLE side.test (endpoint_pk INTEGER PRIMARY KEY, shard INTEGER NOT NULL);
    CREATE TABLE side.secret (secret_pk INTEGER PRIMARY KEY, key_id TEXT NOT NULL, sealed BLOB NOT NULL);
    CREATE TABLE side.lane (endpoint_pk BIGINT NOT NULL, shard INTEGER NOT NULL, frontier BIGINT NOT NULL,
        settled_above TEXT NOT NULL, PRIMARY KEY (endpoint_pk, shard)) WITHOUT ROWID;";

/// Its file.
pub(super) fn path(folder: &Folder) -> PathBuf {
    folder.path().join("migrate.tmp")
}

/// Makes all of it.
pub(super) fn make(
    c: &Connection,
    folder: &Folder,
    shards: u16,
    sealers: &Sealers<'_>,
    tell: Tell<'_>,
) -> Result<(), MigrateError> {
    let path = path(folder);
    remove(folder);
    c.execute("ATTACH DATABASE $1 AS side", [path.to_string_lossy()])?;
    c.execute_batch("PRAGMA side.journal_mode = OFF; PRAGMA side.synchronous = OFF;")?;
    c.execute_batch(TABLES)?;
    c.execute_batch("BEGIN")?;
    place(c, shards, tell)?;
    endpoints(c, shards)?;
    secrets(c, sealers)?;
    c.execute_batch("COMMIT")?;
    Ok(())
}

/// Removes it, after its connection is closed; a file that is still there is of no use and no harm.
pub(super) fn remove(folder: &Folder) {
    let _ = fs::remove_file(path(folder));
}

fn place(c: &Connection, shards: u16, tell: Tell<'_>) -> Result<(), MigrateError> {
    let mut of_directory: HashMap<i64, u16> = HashMap::new();
    let mut directories = c.prepare("SELECT pk, id FROM main.directories")?;
    let mut rows = directories.query([])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get(1)?;
        let id = DirectoryId::parse(&id)
            .ok_or_else(|| MigrateError::Damaged(format!("a directory has the id {id:?}")))?;
        of_directory.insert(row.get(0)?, shard_of(&id, shards));
    }
    let total: i64 = c.query_row("SELECT COUNT(*) FROM main.events", [], |row| row.get(0))?;
    let mut last = vec![0_i64; usize::from(shards)];
    let mut events = c.prepare("SELECT position, directory_pk FROM main.events ORDER BY position")?;
    let mut insert = c.prepare("INSERT INTO side.place (old, shard, position) VALUES ($1, $2, $3)")?;
    let mut rows = events.query([])?;
    let mut done = 0_u64;
    while let Some(row) = rows.next()? {
        let (old, directory): (i64, i64) = (row.get(0)?, row.get(1)?);
        let shard = *of_directory.get(&directory).ok_or_else(|| {
            MigrateError::Damaged(format!("the event at position {old} is of a directory that is not there"))
        })?;
        let position = &mut last[usize::from(shard)];
        *position += 1;
        insert.execute(params![old, shard, *position])?;
        done += 1;
        if done.is_multiple_of(50_000) {
            tell(Stage::Mapping, "events", done, total.unsigned_abs());
        }
    }
    Ok(())
}

/// Up to where each shard is, where the one log was at this position.
fn places_at(c: &Connection, old: u64, shards: u16) -> Result<Vec<u64>, MigrateError> {
    let mut statement = c.prepare_cached(
        "SELECT position FROM side.place WHERE shard = $1 AND old <= $2 ORDER BY old DESC LIMIT 1",
    )?;
    let mut places = Vec::with_capacity(usize::from(shards));
    for shard in 0..shards {
        let mut rows = statement.query(params![shard, i64::try_from(old).unwrap_or(i64::MAX)])?;
        let position = rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()?;
        places.push(position.unwrap_or(0).unsigned_abs());
    }
    Ok(places)
}

/// An endpoint, as far as its places go.
struct Endpoint {
    pk: i64,
    id: String,
    organization: Option<String>,
    directory: Option<String>,
    start: Positions,
}

fn endpoints(c: &Connection, shards: u16) -> Result<(), MigrateError> {
    let mut of_organization: HashMap<String, Vec<u16>> = HashMap::new();
    let shard = |id: &str| DirectoryId::parse(id).map_or(0, |id| shard_of(&id, shards));
    let mut directories = c.prepare("SELECT organization_id, id FROM main.directories")?;
    let mut rows = directories.query([])?;
    while let Some(row) = rows.next()? {
        let shard = shard(&row.get::<_, String>(1)?);
        of_organization.entry(row.get(0)?).or_default().push(shard);
    }
    let mut endpoints = c.prepare(
        "SELECT pk, id, organization_id, directory_id, start_positions FROM main.endpoints ORDER BY pk",
    )?;
    let read = endpoints.query_map([], |row| {
        Ok((
            Endpoint {
                pk: row.get(0)?,
                id: row.get(1)?,
                organization: row.get(2)?,
                directory: row.get(3)?,
                start: Positions::beginning(),
            },
            row.get::<_, String>(4)?,
        ))
    })?;
    for row in read {
        let (mut endpoint, start) = row?;
        endpoint.start = serde_json::from_str(&start)
            .map_err(|_| MigrateError::Damaged(format!("{} starts at {start:?}", endpoint.id)))?;
        let start = places_at(c, endpoint.start.at(0), shards)?;
        c.prepare_cached("INSERT INTO side.start (endpoint_pk, positions) VALUES ($1, $2)")?
            .execute(params![endpoint.pk, serde_json::Value::from(start).to_string()])?;
        let concerned: Vec<u16> = match (&endpoint.directory, &endpoint.organization) {
            (Some(directory), _) => vec![shard(directory)],
            (None, Some(organization)) => of_organization.get(organization).cloned().unwrap_or_default(),
            (None, None) => (0..shards).collect(),
        };
        lanes(c, &endpoint, &concerned, shards)?;
    }
    Ok(())
}

/// One lane becomes one in each shard that the endpoint can have events in.
fn lanes(c: &Connection, endpoint: &Endpoint, concerned: &[u16], shards: u16) -> Result<(), MigrateError> {
    let mut ledger = c.prepare_cached(
        "SELECT e.pk, l.frontier, l.settled_above FROM ledger.endpoints e
         LEFT JOIN ledger.lanes l ON l.endpoint_pk = e.pk AND l.shard = 0 WHERE e.id = $1 AND e.deleted = 0",
    )?;
    let mut rows = ledger.query([&endpoint.id])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let number: i64 = row.get(0)?;
    let test = endpoint.directory.as_ref().and(concerned.first()).copied().unwrap_or(0);
    c.prepare_cached("INSERT INTO side.test (endpoint_pk, shard) VALUES ($1, $2)")?
        .execute(params![number, test])?;
    let Some(frontier) = row.get::<_, Option<i64>>(1)? else { return Ok(()) };
    let settled: String = row.get(2)?;
    let damaged = || MigrateError::Damaged(format!("the lane of {} has settled {settled:?}", endpoint.id));
    let mut above: HashMap<u16, Vec<u64>> = HashMap::new();
    let mut place = c.prepare_cached("SELECT shard, position FROM side.place WHERE old = $1")?;
    for old in serde_json::from_str::<Vec<i64>>(&settled).map_err(|_| damaged())? {
        let mut rows = place.query([old])?;
        // What lies beyond the log's end has not happened.
        let Some(row) = rows.next()? else { continue };
        above.entry(row.get(0)?).or_default().push(row.get::<_, i64>(1)?.unsigned_abs());
    }
    let frontiers = places_at(c, frontier.unsigned_abs(), shards)?;
    let mut insert = c.prepare_cached(
        "INSERT INTO side.lane (endpoint_pk, shard, frontier, settled_above) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )?;
    for shard in concerned {
        let (frontier, above) =
            closed(frontiers[usize::from(*shard)], above.remove(shard).unwrap_or_default());
        let above = serde_json::Value::from(above).to_string();
        insert.execute(params![number, shard, i64::try_from(frontier).unwrap_or(i64::MAX), above])?;
    }
    Ok(())
}

/// A frontier that passes what is settled right above it.
fn closed(mut frontier: u64, mut above: Vec<u64>) -> (u64, Vec<u64>) {
    above.sort_unstable();
    let passed = above
        .iter()
        .take_while(|position| {
            let next = **position == frontier + 1;
            frontier += u64::from(next);
            next
        })
        .count();
    above.drain(..passed);
    (frontier, above)
}

/// Who opens the old secrets and seals the new ones.
pub(super) struct Sealers<'a> {
    /// The folder's key and the configured one, as far as there are any.
    pub(super) old: &'a [Sealer],
    pub(super) new: &'a Sealer,
}

impl Sealers<'_> {
    /// Opens an old secret.
    pub(super) fn open(&self, owner: &str, sealed: &Sealed) -> Result<secrecy::SecretString, MigrateError> {
        self.old
            .iter()
            .find_map(|sealer| sealer.open(owner, sealed).ok())
            .ok_or_else(|| MigrateError::Secret(owner.to_owned()))
    }
}

/// Whether each secret of the folder can be opened.
pub(super) fn look_at_secrets(c: &Connection, sealers: &Sealers<'_>) -> Result<(), MigrateError> {
    let mut statement = c.prepare("SELECT endpoint_id, key_id, sealed FROM main.endpoint_secrets")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let owner: String = row.get(0)?;
        sealers.open(&owner, &Sealed { key_id: row.get(1)?, bytes: row.get(2)? })?;
    }
    Ok(())
}

fn secrets(c: &Connection, sealers: &Sealers<'_>) -> Result<(), MigrateError> {
    let mut statement = c.prepare("SELECT pk, endpoint_id, key_id, sealed FROM main.endpoint_secrets")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (pk, owner): (i64, String) = (row.get(0)?, row.get(1)?);
        let secret = sealers.open(&owner, &Sealed { key_id: row.get(2)?, bytes: row.get(3)? })?;
        let sealed = sealers.new.seal(&owner, &secret).ok_or_else(|| MigrateError::Secret(owner.clone()))?;
        c.prepare_cached("INSERT INTO side.secret (secret_pk, key_id, sealed) VALUES ($1, $2, $3)")?
            .execute(params![pk, sealed.key_id, sealed.bytes])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frontier_passes_what_is_settled_right_above_it() {
        assert_eq!(closed(3, vec![5, 4, 7]), (5, vec![7]));
        assert_eq!(closed(0, vec![]), (0, vec![]));
        assert_eq!(closed(0, vec![2]), (0, vec![2]));
    }
}
