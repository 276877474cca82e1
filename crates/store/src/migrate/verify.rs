//! Compares both sides: every row of every table, and that sequences and positions have no gap.

use std::{collections::BTreeMap, ops::ControlFlow};

use rusqlite::Connection;
use secrecy::ExposeSecret as _;

use super::{
    MigrateError, Stage, Tell,
    side::Sealers,
    tables::{self, Table},
    wire,
};
use crate::{
    db::{Db, DbError, bind},
    seal::Sealed,
};

/// How many rows, and what they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    weight: u128,
}

/// Compares the contents; gives how many rows each table has there.
pub(super) fn contents(c: &Connection, db: &Db, tell: Tell<'_>) -> Result<Vec<(String, u64)>, MigrateError> {
    let mut counts = Vec::new();
    for table in tables::all() {
        let here = here(c, db, table, tell)?;
        let there = there(db, table)?;
        for piece in here.keys().chain(there.keys()) {
            let (one, other) = (here.get(piece).copied(), there.get(piece).copied());
            if one != other {
                let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
                let of = table.compared_by.map_or(String::new(), |by| format!(" of the {by} {piece}"));
                return Err(MigrateError::Differs(format!(
                    "{}{of} has {} rows here and {} there, and they are not the same",
                    table.here(),
                    one.rows,
                    other.rows
                )));
            }
        }
        counts.push((table.here(), there.values().map(|sum| sum.rows).sum()));
    }
    Ok(counts)
}

fn here(c: &Connection, db: &Db, table: &Table, tell: Tell<'_>) -> Result<BTreeMap<i64, Sum>, MigrateError> {
    let compared = comparable(table);
    let kinds = wire::kinds(db, &compared)?;
    let by = table.compared_by.and_then(|by| table.columns().position(|column| column == by));
    let mut statement = c.prepare(&compared.select())?;
    let mut rows = statement.query([0])?;
    let mut sums: BTreeMap<i64, Sum> = BTreeMap::new();
    let mut bytes = Vec::new();
    let mut done = 0_u64;
    while let Some(row) = rows.next()? {
        bytes.clear();
        wire::write(&compared, &kinds, row, &mut bytes)?;
        let piece = by.map_or(Ok(0), |by| row.get(by))?;
        let sum = sums.entry(piece).or_default();
        sum.rows += 1;
        sum.weight += u128::from(wire::weight(&bytes));
        done += 1;
        if done.is_multiple_of(50_000) {
            tell(Stage::Comparing, table.name, done, 0);
        }
    }
    Ok(sums)
}

/// The table without what is made anew each time, which is compared by those who can open it.
fn comparable(table: &Table) -> Table {
    Table { columns: table.comparable.unwrap_or(table.columns), ..*table }
}

fn there(db: &Db, table: &Table) -> Result<BTreeMap<i64, Sum>, MigrateError> {
    let compared = comparable(table);
    let kinds = wire::kinds(db, &compared)?;
    let weight = wire::weight_there(&compared, &kinds);
    let (piece, group) = match table.compared_by {
        Some(by) => (by, format!(" GROUP BY {by}")),
        None => ("0::bigint", String::new()),
    };
    let sql = format!("SELECT {piece}, COUNT(*), {weight} FROM {}{group}", compared.there());
    let mut sums = BTreeMap::new();
    db.each(&sql, bind![], |row| {
        let weight =
            row.get::<&str>(2)?.parse().map_err(|_| DbError::Corrupt { column: 2, wanted: "a sum" })?;
        let sum = Sum { rows: row.uint(1)?, weight };
        if sum.rows > 0 {
            sums.insert(row.get(0)?, sum);
        }
        Ok::<_, DbError>(ControlFlow::Continue(()))
    })?;
    Ok(sums)
}

/// Sequences and positions have no gap, and the counters stand at their ends.
pub(super) fn gapless(db: &Db) -> Result<(), MigrateError> {
    for (what, sql) in [
        (
            "a directory's sequences have a gap, or its counter is not at their end",
            "SELECT d.id FROM rollcall.directories d LEFT JOIN (SELECT directory_pk, COUNT(*) n, MIN(sequence) lo,
                MAX(sequence) hi FROM rollcall.events GROUP BY directory_pk) e ON e.directory_pk = d.pk
             WHERE (e.n IS NOT NULL AND (e.n <> e.hi - e.lo + 1 OR e.hi <> d.sequence)) LIMIT 1",
        ),
        (
            "a shard's positions have a gap, or its counter is not at their end",
            "SELECT CAST(s.shard AS TEXT) FROM rollcall.shards s LEFT JOIN (SELECT shard, COUNT(*) n, MIN(position) lo,
                MAX(position) hi FROM rollcall.events GROUP BY shard) e ON e.shard = s.shard
             WHERE COALESCE(e.n, 0) <> s.position OR e.lo <> 1 OR COALESCE(e.hi, 0) <> s.position LIMIT 1",
        ),
    ] {
        if let Some(which) = db.row(sql, bind![], |row| row.get::<String>(0))? {
            return Err(MigrateError::Differs(format!("{what}: {which}")));
        }
    }
    Ok(())
}

/// The secrets there open to what the secrets here are.
pub(super) fn secrets(c: &Connection, db: &Db, sealers: &Sealers<'_>) -> Result<(), MigrateError> {
    let mut statement = c.prepare("SELECT pk, endpoint_id, key_id, sealed FROM main.endpoint_secrets s")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (pk, owner): (i64, String) = (row.get(0)?, row.get(1)?);
        let old = sealers.open(&owner, &Sealed { key_id: row.get(2)?, bytes: row.get(3)? })?;
        let there =
            db.row("SELECT key_id, sealed FROM rollcall.endpoint_secrets WHERE pk = $1", bind![pk], |row| {
                Ok::<_, DbError>(Sealed { key_id: row.get(0)?, bytes: row.get(1)? })
            })?;
        // One whose endpoint was deleted is of no use to anybody.
        let Some(there) = there else { continue };
        let new = sealers.new.open(&owner, &there).ok();
        if new.is_none_or(|new| new.expose_secret() != old.expose_secret()) {
            return Err(MigrateError::Differs(format!("a secret of {owner} does not open there")));
        }
    }
    Ok(())
}
