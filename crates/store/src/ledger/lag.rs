//! How far an endpoint is behind: counted, within limits, since there is no row per delivery.

use std::collections::HashMap;

use jiff::Timestamp;
use rollcall_domain::{endpoint::Scope, ids::EndpointId};
use rusqlite::{ToSql, params};

use super::{Lag, deliveries::View, upkeep::attempts_kept_since};
use crate::{
    Store, clock,
    read::{
        ReadError,
        lanes::{OF_ALL, OF_DIRECTORY, OF_DIRECTORY_KEY, directories_of, matches},
    },
    resources::statement,
    rows::{EVENT_HEAD, EVENT_TABLES},
    sql::{int, time, uint},
};

/// Most rows that are looked at for it, so that no reader is kept for long.
const SCAN: u64 = 10_000;

impl Store {
    /// How far an endpoint is behind (counted up to 10,000, see [`Lag`]), and since when it has been
    /// failing. All zero if there is no such endpoint.
    pub async fn lag(&self, endpoint: &EndpointId) -> Result<(Lag, Option<Timestamp>), ReadError> {
        let Some(entry) = self.catalog().endpoints.get(endpoint).cloned() else {
            return Ok((Lag::default(), None));
        };
        let kept_since = attempts_kept_since(self.inner.attempts_retention_days);
        self.read(move |c| Ok(lag(&View::of(c, &entry.endpoint, 0, kept_since)?, SCAN)?)).await
    }
}

fn lag(view: &View<'_>, scan: u64) -> rusqlite::Result<(Lag, Option<Timestamp>)> {
    let c = view.c;
    let mut lag = Lag { breaker: view.breaker.at(clock::now()), ..Lag::default() };
    let mut budget = scan;
    // The longest parked first: what the budget is enough for has the oldest event among it.
    let mut parked: Vec<(String, u64)> = Vec::new();
    if let Some(number) = view.number {
        let count = |sql: &str| c.prepare_cached(sql)?.query_row([number], |row| uint(row, 0));
        lag.dead_letters = count("SELECT COUNT(*) FROM ledger.dead_letters WHERE endpoint_pk = $1")?;
        lag.parked_subjects = count("SELECT COUNT(*) FROM ledger.parked WHERE endpoint_pk = $1")?;
        parked = c
            .prepare_cached(
                "SELECT subject_id, first_position FROM ledger.parked WHERE endpoint_pk = $1
                 ORDER BY first_position LIMIT $2",
            )?
            .query_map(params![number, int(scan)], |row| Ok((row.get(0)?, uint(row, 1)?)))?
            .collect::<rusqlite::Result<_>>()?;
    }
    for (subject, first) in &parked {
        if budget == 0 {
            break;
        }
        count_parked(view, subject, *first, &mut lag, &mut budget)?;
    }
    count_ahead(view, &parked.into_iter().collect(), &mut lag, &mut budget)?;
    Ok((lag, view.failing_since))
}

/// A parked subject's events up to the frontier; those above it are counted with the others.
fn count_parked(
    view: &View<'_>,
    subject: &str,
    first: u64,
    lag: &mut Lag,
    budget: &mut u64,
) -> rusqlite::Result<()> {
    let mut statement = view.c.prepare_cached(statement!(
        "SELECT ",
        EVENT_HEAD,
        " FROM ",
        EVENT_TABLES,
        " WHERE d.pk = e.directory_pk AND e.subject_id = $1 AND e.position >= $2 AND e.position <= $3
          ORDER BY e.position LIMIT $4"
    ))?;
    let mut rows = statement.query(params![subject, int(first), int(view.frontier), int(*budget)])?;
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if uint(row, 0)? > view.endpoint.start.at(view.shard)
            && matches(row, &view.endpoint.scope, &view.endpoint.event_types)?
        {
            counted(lag, time(row, 12)?);
        }
    }
    // A subject of which nothing is found costs a look too.
    *budget = budget.saturating_sub(looked_at.max(1));
    Ok(())
}

fn count_ahead(
    view: &View<'_>,
    parked: &HashMap<String, u64>,
    lag: &mut Lag,
    budget: &mut u64,
) -> rusqlite::Result<()> {
    match &view.endpoint.scope {
        Scope::All => {
            let sql = statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_ALL, AT_MOST);
            count_in(view, sql, &rusqlite::types::Null, *budget, parked, lag).map(drop)
        }
        Scope::Directory(id) => {
            let sql = statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_DIRECTORY, AT_MOST);
            count_in(view, sql, &id.as_str(), *budget, parked, lag).map(drop)
        }
        Scope::Organization(id) => {
            let sql = statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_DIRECTORY_KEY, AT_MOST);
            let directories = directories_of(view.c, id)?;
            for (at, directory) in directories.iter().enumerate() {
                // What one directory does not need is left to those after it.
                let share = *budget / (directories.len() - at) as u64;
                if share > 0 {
                    let looked_at = count_in(view, sql, directory, share, parked, lag)?;
                    *budget = budget.saturating_sub(looked_at.max(1));
                }
            }
            Ok(())
        }
    }
}

/// Counts among the rows above the frontier, at most `most`; how many were looked at.
fn count_in(
    view: &View<'_>,
    sql: &str,
    key: &dyn ToSql,
    most: u64,
    parked: &HashMap<String, u64>,
    lag: &mut Lag,
) -> rusqlite::Result<u64> {
    let mut statement = view.c.prepare_cached(sql)?;
    let mut rows = statement.query(params![key, int(view.frontier), i64::MAX, int(most)])?;
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if !matches(row, &view.endpoint.scope, &view.endpoint.event_types)? {
            continue;
        }
        let position = uint(row, 0)?;
        let waits = || -> rusqlite::Result<bool> {
            let subject = row.get_ref(8)?.as_str()?;
            Ok(parked.get(subject).is_some_and(|first| *first <= position))
        };
        if !view.settled(position) || waits()? {
            counted(lag, time(row, 12)?);
        }
    }
    Ok(looked_at)
}

/// By position, at most `$4`.
const AT_MOST: &str = " ORDER BY e.position LIMIT $4";

fn counted(lag: &mut Lag, decided: Timestamp) {
    lag.events += 1;
    lag.oldest = Some(lag.oldest.map_or(decided, |oldest| oldest.min(decided)));
}
