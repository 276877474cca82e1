//! Endpoints by number in the ledger, and what becomes of a deleted one.

use std::collections::HashMap;

use rollcall_domain::ids::EndpointId;
use rusqlite::{Connection, OptionalExtension};

use crate::Catalog;

/// The numbers that the writer knows; `None` for a deleted endpoint.
#[derive(Default)]
pub(super) struct Endpoints(HashMap<EndpointId, Option<i64>>);

impl Endpoints {
    /// The number of an endpoint, a new one if it has none; `None` if it is deleted.
    pub(super) fn number(&mut self, c: &Connection, id: &EndpointId) -> rusqlite::Result<Option<i64>> {
        if let Some(number) = self.0.get(id) {
            return Ok(*number);
        }
        let known: Option<(i64, bool)> = c
            .prepare_cached("SELECT pk, deleted FROM endpoints WHERE id = $1")?
            .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let number = match known {
            Some((_, true)) => None,
            Some((number, false)) => Some(number),
            None => {
                c.prepare_cached("INSERT INTO endpoints (id) VALUES ($1)")?.execute([id.as_str()])?;
                Some(c.last_insert_rowid())
            }
        };
        self.0.insert(id.clone(), number);
        Ok(number)
    }

    /// Removes what there is of an endpoint; its attempts go later, in pieces.
    pub(super) fn delete(&mut self, c: &Connection, id: &EndpointId) -> rusqlite::Result<()> {
        self.0.insert(id.clone(), None);
        delete(c, id.as_str())
    }

    /// After a transaction that was rolled back.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

fn delete(c: &Connection, id: &str) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO endpoints (id, deleted) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET deleted = 1",
    )?
    .execute([id])?;
    for table in ["lanes", "parked", "dead_letters", "manual_sends"] {
        c.prepare_cached(&format!(
            "DELETE FROM {table} WHERE endpoint_pk = (SELECT pk FROM endpoints WHERE id = $1)"
        ))?
        .execute([id])?;
    }
    Ok(())
}

/// Removes what is left of endpoints that the configuration no longer has: the process may have
/// ended between the two files' commits.
pub(crate) fn reconcile(c: &Connection, catalog: &Catalog) -> rusqlite::Result<()> {
    let known: Vec<String> = c
        .prepare("SELECT id FROM endpoints WHERE deleted = 0")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let transaction = c.unchecked_transaction()?;
    for id in known {
        if EndpointId::parse(&id).is_none_or(|id| !catalog.endpoints.contains_key(&id)) {
            delete(&transaction, &id)?;
        }
    }
    transaction.commit()
}
