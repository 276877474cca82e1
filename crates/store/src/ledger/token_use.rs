//! When tokens were last used: in memory, and every few seconds in the ledger.

use std::sync::PoisonError;

use rollcall_domain::ids::TokenId;

use super::columns;
use crate::{
    db::{Db, DbError, bind},
    shared::{Shared, TokenUse},
};

/// Reads what was saved: by an earlier run, or by another process.
pub(crate) fn recall_token_use(c: &Db, shared: &Shared) -> Result<(), DbError> {
    let newest = {
        let known = shared.token_use.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().filter(|used| !used.dirty).map(|used| used.at).max()
    };
    // What others saved may be a little older than what is known.
    const OVERLAP: i64 = 60 * 1_000_000;
    let since = newest.map_or(i64::MIN, |at| at.saturating_sub(OVERLAP));
    let rows = c.rows(
        "SELECT token_id, last_used_at FROM token_use WHERE last_used_at > $1",
        bind![since],
        |row| Ok::<_, DbError>((row.get::<String>(0)?, row.get::<i64>(1)?)),
    )?;
    let mut known = shared.token_use.lock().unwrap_or_else(PoisonError::into_inner);
    for (id, at) in rows {
        let Some(id) = TokenId::parse(&id) else { continue };
        let used = known.entry(id).or_insert(TokenUse { at, dirty: false });
        if used.at < at {
            *used = TokenUse { at, dirty: false };
        }
    }
    Ok(())
}

/// Saves what is new.
pub(super) fn save_token_use(c: &Db, shared: &Shared) -> Result<(), DbError> {
    let mut new = Vec::new();
    {
        let mut known = shared.token_use.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, used) in known.iter_mut().filter(|(_, used)| used.dirty) {
            used.dirty = false;
            new.push((id.clone(), used.at));
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let saved = write(c, &mut new);
    if saved.is_err() {
        let mut known = shared.token_use.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, _) in &new {
            if let Some(used) = known.get_mut(id) {
                used.dirty = true;
            }
        }
    }
    saved
}

/// The latest use that any process knows of stays.
fn write(c: &Db, new: &mut [(TokenId, i64)]) -> Result<(), DbError> {
    // In one order, so that two processes never wait for each other.
    new.sort_unstable_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
    match c {
        Db::Sqlite(_) => c.transaction(|c| {
            for (id, at) in new.iter() {
                c.execute(
                    "INSERT INTO token_use (token_id, last_used_at) VALUES ($1, $2)
                     ON CONFLICT (token_id) DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at)",
                    bind![id.as_str(), *at],
                )?;
            }
            Ok(())
        }),
        Db::Postgres(session) => {
            let ids: Vec<&str> = new.iter().map(|(id, _)| id.as_str()).collect();
            let times: Vec<i64> = new.iter().map(|(_, at)| *at).collect();
            columns::write(
                session,
                "INSERT INTO token_use AS t (token_id, last_used_at)
                 SELECT * FROM unnest($1::text[], $2::bigint[])
                 ON CONFLICT (token_id) DO UPDATE SET last_used_at = GREATEST(t.last_used_at, excluded.last_used_at)",
                &[&ids, &times],
            )
        }
    }
}
