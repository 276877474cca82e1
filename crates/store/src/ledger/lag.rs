//! How far an endpoint is behind: counted, within limits, since there is no row per delivery.

use std::collections::HashMap;

use jiff::Timestamp;
use rollcall_domain::{
    endpoint::{Endpoint, Scope},
    ids::EndpointId,
};
use rusqlite::{Connection, params};

use super::{Lag, deliveries::View};
use crate::{
    Store,
    read::{
        ReadError,
        lanes::{ASCENDING, OF_ALL, OF_DIRECTORY, matches},
    },
    resources::statement,
    rows::{EVENT_HEAD, EVENT_TABLES},
    sql::{int, time, uint},
};

/// Nobody needs to know more exactly.
const MOST: u64 = 100_000;
/// Most events that are looked at for it.
const SCAN: u64 = 300_000;
/// Most parked subjects whose events are counted.
const SUBJECTS: i64 = 10_000;

impl Store {
    /// How far an endpoint is behind, and since when it has been failing. All zero if there is no
    /// such endpoint.
    pub async fn lag(&self, endpoint: &EndpointId) -> Result<(Lag, Option<Timestamp>), ReadError> {
        let Some(entry) = self.catalog().endpoints.get(endpoint).cloned() else {
            return Ok((Lag::default(), None));
        };
        self.read(move |c| Ok(lag(c, &entry.endpoint)?)).await
    }
}

fn lag(c: &Connection, endpoint: &Endpoint) -> rusqlite::Result<(Lag, Option<Timestamp>)> {
    let view = View::of(c, endpoint, 0)?;
    let mut lag = Lag::default();
    let mut parked: HashMap<String, u64> = HashMap::new();
    if let Some(number) = view.number {
        let count = |sql: &str| c.prepare_cached(sql)?.query_row([number], |row| uint(row, 0));
        lag.dead_letters = count("SELECT COUNT(*) FROM ledger.dead_letters WHERE endpoint_pk = $1")?;
        lag.parked_subjects = count("SELECT COUNT(*) FROM ledger.parked WHERE endpoint_pk = $1")?;
        parked = c
            .prepare_cached(
                "SELECT subject_id, first_position FROM ledger.parked WHERE endpoint_pk = $1
                 ORDER BY first_position LIMIT $2",
            )?
            .query_map(params![number, SUBJECTS], |row| Ok((row.get(0)?, uint(row, 1)?)))?
            .collect::<rusqlite::Result<_>>()?;
    }
    for (subject, first) in &parked {
        count_parked(&view, subject, *first, &mut lag)?;
        if lag.events >= MOST {
            break;
        }
    }
    count_ahead(&view, &parked, &mut lag)?;
    lag.events = lag.events.min(MOST);
    Ok((lag, view.failing_since))
}

/// A parked subject's events up to the frontier; those above it are counted with the others.
fn count_parked(view: &View<'_>, subject: &str, first: u64, lag: &mut Lag) -> rusqlite::Result<()> {
    let mut statement = view.c.prepare_cached(statement!(
        "SELECT ",
        EVENT_HEAD,
        " FROM ",
        EVENT_TABLES,
        " WHERE d.pk = e.directory_pk AND e.subject_id = $1 AND e.position >= $2 AND e.position <= $3
          ORDER BY e.position LIMIT $4"
    ))?;
    let mut rows = statement.query(params![subject, int(first), int(view.frontier), int(MOST)])?;
    while let Some(row) = rows.next()? {
        if uint(row, 0)? > view.endpoint.start_position
            && matches(row, &view.endpoint.scope, &view.endpoint.event_types)?
        {
            counted(lag, time(row, 12)?);
        }
    }
    Ok(())
}

fn count_ahead(view: &View<'_>, parked: &HashMap<String, u64>, lag: &mut Lag) -> rusqlite::Result<()> {
    let (sql, key) = match &view.endpoint.scope {
        Scope::Directory(id) => (
            statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_DIRECTORY, ASCENDING),
            Some(id.as_str()),
        ),
        _ => (statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_ALL, ASCENDING), None),
    };
    let mut statement = view.c.prepare_cached(sql)?;
    let mut rows = statement.query(params![key, int(view.frontier), i64::MAX])?;
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if lag.events >= MOST || looked_at > SCAN {
            break;
        }
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
    Ok(())
}

fn counted(lag: &mut Lag, decided: Timestamp) {
    lag.events += 1;
    lag.oldest = Some(lag.oldest.map_or(decided, |oldest| oldest.min(decided)));
}
