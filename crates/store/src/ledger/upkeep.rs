//! What the ledger's writer does every few seconds, in small pieces.

use jiff::SignedDuration;
use rusqlite::Connection;

use super::token_use::save_token_use;
use crate::{clock, shared::Shared};

/// Rows per piece.
const PIECE: i64 = 500;

/// Saves the tokens' last uses and removes a piece of the attempts that are too old or belong to a
/// deleted endpoint; true if there may be more to remove.
pub(super) fn upkeep(c: &Connection, shared: &Shared, retention_days: u32) -> rusqlite::Result<bool> {
    save_token_use(c, shared)?;
    let age = SignedDuration::from_hours(i64::from(retention_days) * 24);
    let cutoff = clock::now().saturating_sub(age).map_or(0, jiff::Timestamp::as_microsecond);
    // Attempts are appended as they are made, so the old ones are the first rows.
    let old = c
        .prepare_cached(
            "DELETE FROM attempts WHERE pk IN
                (SELECT a.pk FROM (SELECT pk, started_at FROM attempts ORDER BY pk LIMIT $1) a WHERE a.started_at < $2)",
        )?
        .execute([PIECE, cutoff])?;
    let orphaned = c
        .prepare_cached(
            "DELETE FROM attempts WHERE pk IN
                (SELECT a.pk FROM endpoints e CROSS JOIN attempts a
                 WHERE a.endpoint_pk = e.pk AND e.deleted = 1 LIMIT $1)",
        )?
        .execute([PIECE])?;
    Ok(old + orphaned > 0)
}
