//! The relays' rows: on PostgreSQL who holds what and the published positions, with SQLite the latter.

use std::time::Duration;

use super::{Place, RELAY_LEASE, RelayShard, Surplus, divide, held};
use crate::{
    db::{Db, DbError, bind},
    ledger::NOW,
};

/// The lock of PostgreSQL under which shards are divided.
const DIVIDING: i64 = 0x726f_6c6c_7265_6c61;

/// Up to where each shard was published, as far as it ever was.
pub(super) fn published(c: &Db) -> Result<Vec<(u16, u64)>, DbError> {
    c.rows("SELECT shard, published FROM ledger.relays ORDER BY shard", bind![], |row| {
        Ok((row.get(0)?, row.uint(1)?))
    })
}

/// For the ledger's writer, with SQLite.
pub(crate) fn save_published(c: &Db, positions: &[(u16, u64)]) -> Result<(), DbError> {
    for (shard, position) in positions {
        c.execute(
            "INSERT INTO relays (shard, published) VALUES ($1, $2)
             ON CONFLICT (shard) DO UPDATE SET published = excluded.published",
            bind![*shard, *position],
        )?;
    }
    Ok(())
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// `None` while another relay is at it.
pub(super) fn claim(
    c: &Db,
    holder: &str,
    shards: u16,
    surplus: Surplus,
) -> Result<Option<Vec<RelayShard>>, DbError> {
    // One at a time, so that nobody counts on what another is about to change.
    let sql = "SELECT pg_try_advisory_xact_lock($1)";
    if !c.row(sql, bind![DIVIDING], |row| row.get::<bool>(0))?.unwrap_or(false) {
        return Ok(None);
    }
    c.execute(
        "INSERT INTO relays (shard, token, expires_at, published)
         SELECT s, 0, 0, 0 FROM generate_series(0, $1::integer - 1) s ON CONFLICT (shard) DO NOTHING",
        bind![shards],
    )?;
    c.execute(&format!("DELETE FROM relay_holders WHERE expires_at <= {NOW}"), bind![])?;
    c.execute(
        &format!(
            "INSERT INTO relay_holders (holder, expires_at) VALUES ($1, {NOW} + $2)
             ON CONFLICT (holder) DO UPDATE SET expires_at = excluded.expires_at"
        ),
        bind![holder, micros(RELAY_LEASE)],
    )?;
    let live = c.rows("SELECT holder FROM relay_holders", bind![], |row| row.get::<String>(0))?;
    // What is expired and nobody has taken is still this holder's.
    let sql = format!(
        "SELECT shard, token, published, CASE WHEN expires_at > {NOW} OR holder = $1 THEN holder END
         FROM relays WHERE shard < $2 ORDER BY shard FOR UPDATE"
    );
    let mut places = c.rows(&sql, bind![holder, shards], |row| {
        Ok::<_, DbError>(Place { token: row.uint(1)?, published: row.uint(2)?, holder: row.get(3)? })
    })?;
    let before = places.clone();
    divide(&mut places, holder, &live.into_iter().collect(), surplus);
    let changed = |shard: usize| {
        let (before, now) = (&before[shard], &places[shard]);
        now.holder.as_deref() == Some(holder) || before.holder.as_deref() == Some(holder)
    };
    let rows = (0..places.len()).filter(|shard| changed(*shard)).map(|shard| {
        serde_json::json!({ "shard": shard, "token": places[shard].token, "held": places[shard].holder.is_some() })
    });
    let rows = serde_json::Value::from_iter(rows).to_string();
    c.execute(
        &format!(
            "UPDATE relays r SET token = l.token, holder = CASE WHEN l.held THEN $2 END,
                expires_at = CASE WHEN l.held THEN {NOW} + $3 ELSE 0 END
             FROM jsonb_to_recordset($1::text::jsonb) AS l (shard integer, token bigint, held boolean)
             WHERE r.shard = l.shard"
        ),
        bind![rows, holder, micros(RELAY_LEASE)],
    )?;
    Ok(Some(held(&places, holder)))
}

pub(super) fn release(c: &Db, holder: &str) -> Result<(), DbError> {
    c.execute("DELETE FROM relay_holders WHERE holder = $1", bind![holder])?;
    c.execute("UPDATE relays SET holder = NULL, expires_at = 0 WHERE holder = $1", bind![holder]).map(drop)
}

fn list(rows: impl Iterator<Item = (u16, u64, u64)>) -> String {
    let rows = rows.map(|(shard, token, position)| {
        serde_json::json!({ "shard": shard, "token": token, "position": position })
    });
    serde_json::Value::from_iter(rows).to_string()
}

/// What [`list`] made, as rows.
const LISTED: &str =
    "jsonb_to_recordset($1::text::jsonb) AS l (shard integer, token bigint, position bigint)";

/// Gives the shards that were saved.
pub(super) fn save(c: &Db, positions: &[(u16, u64, u64)]) -> Result<Vec<u16>, DbError> {
    c.rows(
        &format!(
            "UPDATE relays r SET published = GREATEST(r.published, l.position) FROM {LISTED}
             WHERE r.shard = l.shard AND r.token = l.token RETURNING r.shard"
        ),
        bind![list(positions.iter().copied())],
        |row| row.get(0),
    )
}

pub(super) fn rewind(c: &Db, lost: &[(u16, u64)]) -> Result<(), DbError> {
    let rows = lost.iter().map(|(shard, token)| (*shard, *token, 0));
    c.execute(
        &format!(
            "UPDATE relays r SET published = l.position, token = r.token + 1 FROM {LISTED}
             WHERE r.shard = l.shard AND r.token = l.token"
        ),
        bind![list(rows)],
    )
    .map(drop)
}
