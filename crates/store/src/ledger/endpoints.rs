//! Endpoints by number in the ledger, and what becomes of a deleted one.

use std::collections::{BTreeSet, HashMap};

use rollcall_domain::ids::EndpointId;

use crate::{
    Catalog,
    db::{Db, DbError, bind},
};

/// The numbers that the writer knows; `None` for a deleted endpoint.
#[derive(Default)]
pub(super) struct Endpoints(HashMap<EndpointId, Option<i64>>);

impl Endpoints {
    /// Sees to it that [`Self::number`] knows these: a new one is given a number.
    pub(super) fn learn<'a>(
        &mut self,
        c: &Db,
        ids: impl Iterator<Item = &'a EndpointId>,
    ) -> Result<(), DbError> {
        if matches!(c, Db::Postgres(_)) {
            // Another process may have deleted one since.
            self.0.clear();
        }
        // In one order, so that two processes never wait for each other.
        let mut unknown: BTreeSet<&EndpointId> = ids.filter(|id| !self.0.contains_key(*id)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        self.find(c, &mut unknown)?;
        if !unknown.is_empty() {
            c.execute(
                "INSERT INTO endpoints (id) SELECT value FROM json_each($1) WHERE true ORDER BY value
                 ON CONFLICT (id) DO NOTHING",
                bind![list(&unknown)],
            )?;
            self.find(c, &mut unknown)?;
        }
        Ok(())
    }

    fn find(&mut self, c: &Db, unknown: &mut BTreeSet<&EndpointId>) -> Result<(), DbError> {
        let found = c.rows(
            "SELECT e.id, e.pk, e.deleted FROM json_each($1) j CROSS JOIN endpoints e ON e.id = j.value",
            bind![list(unknown)],
            |row| {
                let number = (!row.get::<bool>(2)?).then_some(row.get(1)?);
                Ok::<_, DbError>((row.parsed(0, EndpointId::parse)?, number))
            },
        )?;
        for (id, number) in found {
            unknown.remove(&id);
            self.0.insert(id, number);
        }
        Ok(())
    }

    /// The number of an endpoint that was learned; `None` if it is deleted.
    pub(super) fn number(&self, id: &EndpointId) -> Option<i64> {
        self.0.get(id).copied().flatten()
    }

    /// Removes what there is of an endpoint; its attempts go later, in pieces.
    pub(super) fn delete(&mut self, c: &Db, id: &EndpointId) -> Result<(), DbError> {
        self.0.insert(id.clone(), None);
        delete(c, id.as_str())
    }

    /// After a transaction that was rolled back.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

fn list(ids: &BTreeSet<&EndpointId>) -> String {
    serde_json::Value::from_iter(ids.iter().map(|id| id.as_str())).to_string()
}

/// What belongs to an endpoint, beside its attempts.
pub(crate) const TABLES: [&str; 5] = ["lanes", "parked", "dead_letters", "replaced", "manual_sends"];

fn delete(c: &Db, id: &str) -> Result<(), DbError> {
    c.execute(
        "INSERT INTO endpoints (id, deleted) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET deleted = 1",
        bind![id],
    )?;
    for table in TABLES {
        c.execute(
            &format!("DELETE FROM {table} WHERE endpoint_pk = (SELECT pk FROM endpoints WHERE id = $1)"),
            bind![id],
        )?;
    }
    Ok(())
}

/// Whether it is an endpoint, or what a running replay's lanes are named by.
fn is_there(catalog: &Catalog, id: &EndpointId) -> bool {
    catalog.endpoints.contains_key(id)
        || catalog.endpoints.values().flat_map(|entry| &entry.replays).any(|replay| replay.lane_id() == *id)
}

/// Removes what is left of endpoints that the configuration no longer has: the process may have
/// ended between the two commits. On PostgreSQL the catalog may be older than what other processes
/// did, so the table itself is asked there, in one statement: the ledger knows an endpoint only after
/// the configuration does, so one that another process makes now is never taken for a deleted one.
pub(crate) fn reconcile(c: &Db, catalog: &Catalog) -> Result<(), DbError> {
    let known: Vec<String> = match c {
        Db::Sqlite(_) => c
            .rows("SELECT id FROM endpoints WHERE deleted = 0", bind![], |row| row.get::<String>(0))?
            .into_iter()
            .filter(|id| EndpointId::parse(id).is_none_or(|id| !is_there(catalog, &id)))
            .collect(),
        Db::Postgres(_) => c.rows(
            "SELECT l.id FROM ledger.endpoints l WHERE l.deleted = 0
             AND NOT EXISTS (SELECT 1 FROM rollcall.endpoints e WHERE e.id = l.id)
             AND NOT EXISTS (SELECT 1 FROM rollcall.replays r WHERE r.lane_id = l.id AND r.status = 'running')",
            bind![],
            |row| row.get::<String>(0),
        )?,
    };
    if known.is_empty() {
        return Ok(());
    }
    c.transaction(|c| known.iter().try_for_each(|id| delete(c, id)))
}
