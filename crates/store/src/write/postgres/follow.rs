//! Keeps this process's catalog up with what all processes change: each change stands in
//! `catalog_changes` under its revision. Revisions are given under a lock that is held until the
//! commit, so that they become visible in their order.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    catalog,
    db::{Db, DbError, bind},
    shared::Shared,
    write::Touched,
};

/// Changes that are kept; a process that missed more reads the whole configuration again.
pub(super) const KEPT: u64 = 10_000;

/// How far the catalog has come.
pub(super) struct Follower(Mutex<State>);

struct State {
    revision: u64,
    /// What could not be read again yet.
    stale: HashSet<Touched>,
}

impl Follower {
    /// From the revision that the present catalog has.
    pub(super) fn new(shared: &Shared) -> Self {
        Self(Mutex::new(State { revision: shared.catalog.load().revision, stale: HashSet::new() }))
    }

    /// Reads what was changed since. True if anything was.
    pub(super) fn catch_up(&self, db: &Db, shared: &Shared) -> Result<bool, DbError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = revision(db)?;
        if newest <= state.revision && state.stale.is_empty() {
            return Ok(false);
        }
        let changes: Vec<(u64, Option<Touched>)> = db.rows(
            "SELECT revision, kind, id FROM catalog_changes WHERE revision > $1 ORDER BY revision",
            bind![state.revision],
            |row| Ok::<_, DbError>((row.uint(0)?, Touched::parse(row.get(1)?, row.get(2)?))),
        )?;
        let first = changes.first().map_or(newest, |(revision, _)| *revision);
        let reached = changes.last().map_or(state.revision, |(revision, _)| *revision).max(newest);
        let catalog = if first > state.revision + 1 || changes.iter().any(|(_, touched)| touched.is_none()) {
            state.stale.clear();
            Some(catalog::complete(db, shared)?)
        } else {
            state.stale.extend(changes.into_iter().filter_map(|(_, touched)| touched));
            catalog::refreshed(db, shared, &mut state.stale)
        };
        state.revision = reached;
        if let Some(mut catalog) = catalog {
            catalog.revision = reached;
            shared.catalog.store(Arc::new(catalog));
            shared.revision.send_replace(reached);
        }
        Ok(true)
    }
}

/// The configuration's revision.
pub(crate) fn revision(db: &Db) -> Result<u64, DbError> {
    let revision =
        db.row("SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'catalog_revision'", bind![], |row| {
            row.uint(0)
        })?;
    Ok(revision.unwrap_or(0))
}
