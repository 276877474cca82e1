//! What goes from the log: the old, the surplus, and what belongs to a directory that is gone.

use jiff::{SignedDuration, Timestamp};
use rollcall_domain::ids::DirectoryId;

use super::Settings;
use crate::{
    clock,
    db::{Db, DbError, bind},
    shared::Shared,
};

/// Rows per piece.
const PIECE: i64 = 500;

/// Removes a piece of what has to go; true if there may be more.
pub(super) fn remove(db: &Db, settings: &Settings, shared: &Shared) -> Result<bool, DbError> {
    let age = SignedDuration::from_hours(i64::from(settings.retention_days) * 24);
    let cutoff = clock::now().saturating_sub(age).unwrap_or(Timestamp::UNIX_EPOCH);
    // Rows are appended as requests end, so the old ones are the first.
    let old = db.execute(
        "DELETE FROM log WHERE pk IN
            (SELECT l.pk FROM (SELECT pk, at FROM log ORDER BY pk LIMIT $1) l WHERE l.at < $2)",
        bind![PIECE, cutoff],
    )?;
    let total: i64 = db
        .row("SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM log", bind![], |row| row.get::<i64>(0))?
        .unwrap_or(0);
    let mut surplus = 0;
    if u64::try_from(total).unwrap_or(0) > settings.max_bytes {
        surplus = db
            .execute("DELETE FROM log WHERE pk IN (SELECT pk FROM log ORDER BY pk LIMIT $1)", bind![PIECE])?;
    }
    Ok(old + surplus + orphaned(db, shared)? > 0)
}

/// A piece of the rows of deleted directories.
fn orphaned(db: &Db, shared: &Shared) -> Result<u64, DbError> {
    let mut after = String::new();
    loop {
        let next: Option<String> = db
            .row("SELECT MIN(directory_id) FROM log WHERE directory_id > $1", bind![&after], |row| {
                row.get::<Option<String>>(0)
            })?
            .flatten();
        let Some(directory) = next else { return Ok(0) };
        if !is_there(db, shared, &directory)? {
            return db.execute(
                "DELETE FROM log WHERE pk IN (SELECT pk FROM log WHERE directory_id = $1 ORDER BY pk LIMIT $2)",
                bind![&directory, PIECE],
            );
        }
        after = directory;
    }
}

fn is_there(db: &Db, shared: &Shared, directory: &str) -> Result<bool, DbError> {
    match db {
        Db::Sqlite(_) => {
            let id = DirectoryId::parse(directory);
            Ok(id.is_some_and(|id| shared.catalog.load().directories.contains_key(&id)))
        }
        // Another process may have made it just now.
        Db::Postgres(_) => db.exists(
            "SELECT 1 FROM rollcall.directories WHERE id = $1 AND state <> 'deleted'",
            bind![directory],
        ),
    }
}
