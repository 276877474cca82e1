//! What the ledger's writer does every few seconds, in small pieces.

use jiff::{SignedDuration, Timestamp};

use super::{
    endpoints::TABLES,
    token_use::{recall_token_use, save_token_use},
};
use crate::{
    clock,
    db::{Db, DbError, bind},
    shared::Shared,
};

/// Rows per piece.
const PIECE: i64 = 500;
/// The advisory lock of PostgreSQL under which one process at a time removes what is too old.
const REMOVING: i64 = 0x726f_6c6c_6361_6c6c;

/// Saves the tokens' last uses and removes a piece of the attempts that are too old or belong to a
/// deleted endpoint; true if there may be more to remove.
pub(super) fn upkeep(c: &Db, shared: &Shared, retention_days: u32) -> Result<bool, DbError> {
    save_token_use(c, shared)?;
    let cutoff = attempts_kept_since(retention_days);
    match c {
        Db::Sqlite(_) => remove(c, cutoff),
        Db::Postgres(_) => {
            recall_token_use(c, shared)?;
            c.transaction(|c| {
                let sql = "SELECT pg_try_advisory_xact_lock($1)";
                if !c.row(sql, bind![REMOVING], |row| row.get::<bool>(0))?.unwrap_or(false) {
                    return Ok(false);
                }
                // Progress that another process saved while the endpoint was deleted.
                for table in TABLES {
                    c.execute(
                        &format!(
                            "DELETE FROM {table} t USING endpoints e WHERE e.pk = t.endpoint_pk AND e.deleted = 1"
                        ),
                        bind![],
                    )?;
                }
                remove(c, cutoff)
            })
        }
    }
}

fn remove(c: &Db, cutoff: Timestamp) -> Result<bool, DbError> {
    // Attempts are appended as they are made, so the old ones are the first rows.
    let old = c.execute(
        "DELETE FROM attempts WHERE pk IN
            (SELECT a.pk FROM (SELECT pk, started_at FROM attempts ORDER BY pk LIMIT $1) a WHERE a.started_at < $2)",
        bind![PIECE, cutoff],
    )?;
    let orphaned = c.execute(
        "DELETE FROM attempts WHERE pk IN
            (SELECT a.pk FROM endpoints e CROSS JOIN attempts a ON a.endpoint_pk = e.pk
             WHERE e.deleted = 1 LIMIT $1)",
        bind![PIECE],
    )?;
    Ok(old + orphaned > 0)
}

/// Attempts that began before this may be gone.
pub(super) fn attempts_kept_since(retention_days: u32) -> Timestamp {
    let age = SignedDuration::from_hours(i64::from(retention_days) * 24);
    clock::now().saturating_sub(age).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::{
        schema::{Schema, migrate},
        seal::Sealer,
    };

    const DAY: i64 = 24 * 3600 * 1_000_000;

    #[test]
    fn attempts_that_are_old_or_of_a_deleted_endpoint_go_piece_by_piece() {
        let mut c = Connection::open_in_memory().unwrap();
        migrate(&mut c, Schema::Ledger).unwrap();
        let c = Db::Sqlite(c);
        c.batch("INSERT INTO endpoints (pk, id, deleted) VALUES (1, 'ep_1', 0), (2, 'ep_2', 1)").unwrap();
        let add = |endpoint: i64, days_ago: i64, how_many: i64| {
            let started_at = clock::now().as_microsecond() - days_ago * DAY;
            c.execute(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                 INSERT INTO attempts (endpoint_pk, shard, position, id, event_id, number, cause, started_at,
                    duration_ms) SELECT $2, 0, i, x'00', x'00', 1, 'schedule', $3, 1 FROM n",
                bind![how_many, endpoint, started_at],
            )
            .unwrap();
        };
        add(1, 31, 2 * PIECE + 1);
        add(1, 29, 3);
        add(2, 0, PIECE + 1);
        let shared = Shared::new(Sealer::new(&[0; 32]), "s".into());
        let more = || upkeep(&c, &shared, 30).unwrap();
        let left = |endpoint: i64| -> i64 {
            c.row("SELECT COUNT(*) FROM attempts WHERE endpoint_pk = $1", bind![endpoint], |row| {
                row.get::<i64>(0)
            })
            .unwrap()
            .unwrap()
        };
        assert!(more());
        assert_eq!((left(1), left(2)), (PIECE + 1 + 3, 1));
        assert!(more() && more());
        assert_eq!((left(1), left(2)), (3, 0));
        assert!(!more());
        assert_eq!(left(1), 3);
    }
}
