//! When tokens were last used: in memory, and every few seconds in the ledger.

use std::sync::PoisonError;

use rollcall_domain::ids::TokenId;
use rusqlite::{Connection, params};

use crate::shared::{Shared, TokenUse};

/// Reads what an earlier run saved.
pub(crate) fn recall_token_use(c: &Connection, shared: &Shared) -> rusqlite::Result<()> {
    let mut statement = c.prepare("SELECT token_id, last_used_at FROM token_use")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let mut known = shared.token_use.lock().unwrap_or_else(PoisonError::into_inner);
    for row in rows {
        let (id, at) = row?;
        if let Some(id) = TokenId::parse(&id) {
            known.insert(id, TokenUse { at, dirty: false });
        }
    }
    Ok(())
}

/// Saves what is new.
pub(super) fn save_token_use(c: &Connection, shared: &Shared) -> rusqlite::Result<()> {
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
    let transaction = c.unchecked_transaction()?;
    for (id, at) in new {
        transaction
            .prepare_cached(
                "INSERT INTO token_use (token_id, last_used_at) VALUES ($1, $2)
                 ON CONFLICT (token_id) DO UPDATE SET last_used_at = excluded.last_used_at",
            )?
            .execute(params![id.as_str(), at])?;
    }
    transaction.commit()
}
