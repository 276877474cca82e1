//! What a lane reads when the shared tail no longer holds it.

use std::sync::Arc;

use rollcall_domain::{endpoint::Scope, event::EventType};
use rusqlite::{Connection, Row, params};

use super::{LaneQuery, LaneRead, ReadError};
use crate::{
    Store,
    resources::statement,
    rows::{self, EVENT, EVENT_HEAD, EVENT_TABLES},
    sql::{int, uint},
};

/// Most rows that one call looks at; the next call goes on from `scanned_to`.
const SCAN: u64 = 20_000;

impl Store {
    /// What a lane sends next, by position.
    pub async fn lane_events(&self, query: LaneQuery) -> Result<LaneRead, ReadError> {
        self.read(move |c| Ok(lane_events(c, &query)?)).await
    }
}

fn lane_events(c: &Connection, query: &LaneQuery) -> rusqlite::Result<LaneRead> {
    // What is beyond this snapshot's head was not looked at, whatever was asked for.
    let head: i64 =
        c.prepare_cached("SELECT COALESCE(MAX(position), 0) FROM events")?.query_row([], |row| row.get(0))?;
    let end = int(query.up_to).min(head);
    let mut read = LaneRead { events: Vec::new(), scanned_to: query.after };
    if end <= int(query.after) || query.limit == 0 {
        return Ok(read);
    }
    // Where most rows match, they are read whole; else a row's body is read only once it does.
    let whole = query.types.is_empty() && !matches!(query.scope, Scope::Organization(_));
    let (sql, key) = match (&query.scope, whole) {
        (Scope::Directory(id), true) => {
            (statement!("SELECT ", EVENT, " FROM ", EVENT_TABLES, OF_DIRECTORY, ASCENDING), Some(id.as_str()))
        }
        (Scope::Directory(id), false) => (
            statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_DIRECTORY, ASCENDING),
            Some(id.as_str()),
        ),
        (_, true) => (statement!("SELECT ", EVENT, " FROM ", EVENT_TABLES, OF_ALL, ASCENDING), None),
        (_, false) => (statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_ALL, ASCENDING), None),
    };
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query(params![key, int(query.after), end])?;
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if matches(row, &query.scope, &query.types)? {
            let event = if whole { rows::event(row)? } else { rows::with_body(c, rows::event_head(row)?)? };
            read.scanned_to = event.position;
            read.events.push(Arc::new(event));
            if read.events.len() >= query.limit as usize {
                return Ok(read);
            }
        } else if looked_at >= SCAN {
            read.scanned_to = uint(row, 0)?;
            return Ok(read);
        }
    }
    read.scanned_to = u64::try_from(end).unwrap_or(0);
    Ok(read)
}

/// Of one directory (`$1`), between two positions (`$2` exclusive, `$3` inclusive).
pub(crate) const OF_DIRECTORY: &str =
    " WHERE d.pk = e.directory_pk AND e.directory_pk = (SELECT pk FROM directories WHERE id = $1)
      AND e.position > $2 AND e.position <= $3";

/// Of all directories (`$1` is null), between two positions.
pub(crate) const OF_ALL: &str =
    " WHERE d.pk = e.directory_pk AND $1 IS NULL AND e.position > $2 AND e.position <= $3";

pub(crate) const ASCENDING: &str = " ORDER BY e.position";

/// `Endpoint::matches` on a row, without making an event of it first.
pub(crate) fn matches(row: &Row<'_>, scope: &Scope, types: &[EventType]) -> rusqlite::Result<bool> {
    let in_scope = match scope {
        Scope::All => !row.get::<_, bool>(11)?,
        Scope::Organization(id) => !row.get::<_, bool>(11)? && row.get_ref(4)?.as_str()? == id.as_str(),
        Scope::Directory(id) => row.get_ref(5)?.as_str()? == id.as_str(),
    };
    if !in_scope || types.is_empty() {
        return Ok(in_scope);
    }
    let code: u8 = row.get(3)?;
    Ok(types.iter().any(|kind| *kind as u8 == code))
}
