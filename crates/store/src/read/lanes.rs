//! What a lane reads when the shared tail no longer holds it.

use std::sync::Arc;

use rollcall_domain::{
    endpoint::Scope,
    event::{EventType, LoggedEvent},
    ids::OrganizationId,
};
use rusqlite::{Connection, Row, params};

use super::{LaneQuery, LaneRead, ReadError};
use crate::{
    Store,
    resources::statement,
    rows::{self, EVENT, EVENT_HEAD, EVENT_TABLES},
    sql::{int, uint},
};

/// Most rows that one call looks at; the next call goes on from `scanned_to`.
const SCAN: usize = 20_000;
/// A page of events ends with the one that brings its bodies to so many bytes.
const PAGE_BYTES: usize = 1 << 20;

impl Store {
    /// What a lane sends next, by position. A page ends early at about 1 MiB of bodies, or when many
    /// rows were looked at: the next one goes on after its `scanned_to`.
    pub async fn lane_events(&self, query: LaneQuery) -> Result<LaneRead, ReadError> {
        self.read(move |c| Ok(lane_events(c, &query)?)).await
    }
}

/// A page in the making.
#[derive(Default)]
pub(super) struct Page {
    pub(super) events: Vec<Arc<LoggedEvent>>,
    bytes: usize,
}

impl Page {
    /// Adds an event; true if the page has all that it may have.
    pub(super) fn fills(&mut self, event: LoggedEvent, limit: u32) -> bool {
        self.bytes += event.body.len();
        self.events.push(Arc::new(event));
        self.events.len() >= limit as usize || self.bytes >= PAGE_BYTES
    }

    /// When nothing is left up to `end`, or the page is full.
    pub(super) fn read(self, end: u64, full: bool) -> LaneRead {
        let last = self.events.last().map(|event| event.position);
        LaneRead { scanned_to: last.filter(|_| full).unwrap_or(end), events: self.events }
    }
}

fn lane_events(c: &Connection, query: &LaneQuery) -> rusqlite::Result<LaneRead> {
    // What is beyond this snapshot's head was not looked at, whatever was asked for.
    let head: i64 =
        c.prepare_cached("SELECT COALESCE(MAX(position), 0) FROM events")?.query_row([], |row| row.get(0))?;
    let end = query.up_to.min(u64::try_from(head).unwrap_or(0));
    if end <= query.after || query.limit == 0 {
        return Ok(LaneRead { events: Vec::new(), scanned_to: query.after });
    }
    if let Scope::Organization(id) = &query.scope {
        return of_organization(c, id, query, end, SCAN);
    }
    // Where most rows match, they are read whole; else a row's body is read only once it does.
    let whole = query.types.is_empty();
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
    let mut rows = statement.query(params![key, int(query.after), int(end)])?;
    let mut page = Page::default();
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if matches(row, &query.scope, &query.types)? {
            let event = if whole { rows::event(row)? } else { rows::with_body(c, rows::event_head(row)?)? };
            if page.fills(event, query.limit) {
                return Ok(page.read(end, true));
            }
        } else if looked_at >= SCAN {
            return Ok(page.read(uint(row, 0)?, false));
        }
    }
    Ok(page.read(end, false))
}

/// The events of each of its directories, merged; the log of others is not looked at. A deleted
/// directory's events count, the one that says so among them.
fn of_organization(
    c: &Connection,
    id: &OrganizationId,
    query: &LaneQuery,
    end: u64,
    scan: usize,
) -> rusqlite::Result<LaneRead> {
    let directories = directories_of(c, id)?;
    let mut after = query.after;
    let mut budget = scan;
    // A round ends where its busiest directory had to be left. Unless there was something to send,
    // another goes on from there while the budget lasts.
    let (heads, scanned_to) = loop {
        let (heads, scanned_to) = round(c, &directories, query, after, end, &mut budget)?;
        if !heads.is_empty() || scanned_to >= end || budget == 0 {
            break (heads, scanned_to);
        }
        after = scanned_to;
    };
    let mut page = Page::default();
    for head in heads {
        if page.fills(rows::with_body(c, head)?, query.limit) {
            return Ok(page.read(scanned_to, true));
        }
    }
    Ok(page.read(scanned_to, false))
}

/// One look at each of these directories after `after`: the matching events in order, without
/// bodies, and the position up to which every directory was looked at.
fn round(
    c: &Connection,
    directories: &[i64],
    query: &LaneQuery,
    after: u64,
    end: u64,
    budget: &mut usize,
) -> rusqlite::Result<(Vec<LoggedEvent>, u64)> {
    let limit = query.limit as usize;
    let share = (*budget / directories.len().max(1)).max(1);
    let mut end = end;
    let mut found: Vec<LoggedEvent> = Vec::new();
    let mut statement = c.prepare_cached(statement!(
        "SELECT ",
        EVENT_HEAD,
        " FROM ",
        EVENT_TABLES,
        OF_DIRECTORY_KEY,
        ASCENDING
    ))?;
    for directory in directories {
        let mut rows = statement.query(params![directory, int(after), int(end)])?;
        let (mut looked_at, mut matched) = (0, 0);
        while let Some(row) = rows.next()? {
            looked_at += 1;
            if matches(row, &query.scope, &query.types)? {
                matched += 1;
                found.push(rows::event_head(row)?);
            }
            if matched >= limit || looked_at >= share {
                // The other directories need not be looked at any further than this one.
                end = uint(row, 0)?;
                break;
            }
        }
        // Finding out that there is nothing costs something too.
        *budget = budget.saturating_sub(looked_at + 1);
        if found.len() > limit {
            found.sort_unstable_by_key(|event| event.position);
            found.truncate(limit);
            end = end.min(found.last().map_or(end, |event| event.position));
        }
    }
    found.retain(|event| event.position <= end);
    found.sort_unstable_by_key(|event| event.position);
    Ok((found, end))
}

/// An organization's directories by their rows' keys, deleted ones too.
pub(crate) fn directories_of(c: &Connection, id: &OrganizationId) -> rusqlite::Result<Vec<i64>> {
    c.prepare_cached("SELECT pk FROM directories WHERE organization_id = $1")?
        .query_map([id.as_str()], |row| row.get(0))?
        .collect()
}

/// Of one directory (`$1`), between two positions (`$2` exclusive, `$3` inclusive).
pub(crate) const OF_DIRECTORY: &str =
    " WHERE d.pk = e.directory_pk AND e.directory_pk = (SELECT pk FROM directories WHERE id = $1)
      AND e.position > $2 AND e.position <= $3";

/// The same of a directory by its row's key.
pub(crate) const OF_DIRECTORY_KEY: &str =
    " WHERE d.pk = e.directory_pk AND e.directory_pk = $1 AND e.position > $2 AND e.position <= $3";

/// Of all directories (`$1` is null), between two positions.
pub(crate) const OF_ALL: &str =
    " WHERE d.pk = e.directory_pk AND $1 IS NULL AND e.position > $2 AND e.position <= $3";

pub(super) const ASCENDING: &str = " ORDER BY e.position";

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

#[cfg(test)]
mod tests {
    use rollcall_domain::ids::{DirectoryId, EventId};

    use super::*;
    use crate::{
        clock,
        schema::{Schema, migrate},
    };

    /// A log of one organization with these directories' events, by the directories' numbers.
    fn log(directories: &[i64], of: impl Fn(u64) -> (i64, EventType), length: u64) -> (Connection, Scope) {
        let mut c = Connection::open_in_memory().unwrap();
        migrate(&mut c, Schema::Main).unwrap();
        let organization = OrganizationId::from_uuid(clock::new_uuid());
        for pk in directories {
            c.execute(
                "INSERT INTO directories (pk, id, organization_id, name, provider, state, mode, created_at)
                 VALUES ($1, $2, $3, '', 'okta', 'active', 'live', 0)",
                params![pk, DirectoryId::from_uuid(clock::new_uuid()).as_str(), organization.as_str()],
            )
            .unwrap();
        }
        for position in 1..=length {
            let (directory, kind) = of(position);
            c.execute(
                "INSERT INTO events (position, shard, directory_pk, sequence, id, kind, subject_kind,
                    subject_id, subject_version, sandbox, timestamp, body)
                 VALUES ($1, 0, $2, $1, $3, $4, 1, 'usr_x', 1, 0, 0, x'00')",
                params![int(position), directory, EventId::from_uuid(clock::new_uuid()).as_str(), kind as u8],
            )
            .unwrap();
        }
        (c, Scope::Organization(organization))
    }

    #[test]
    fn one_call_looks_at_so_many_rows_and_the_next_goes_on() {
        const SCAN: usize = 40;
        // Directory 1 is busy with what nobody wants; 2 and 3 have little.
        let (c, scope) = log(
            &[1, 2, 3],
            |position| match position {
                150 => (2, EventType::UserDeleted),
                151 => (3, EventType::UserDeleted),
                _ => (1, EventType::UserCreated),
            },
            300,
        );
        let Scope::Organization(id) = &scope else { panic!("{scope:?}") };
        let types = vec![EventType::UserDeleted];
        let mut query = LaneQuery { shard: 0, scope: scope.clone(), types, after: 0, up_to: 300, limit: 5 };
        let (mut found, mut calls) = (Vec::new(), 0);
        while query.after < 300 {
            let read = of_organization(&c, id, &query, 300, SCAN).unwrap();
            let looked_at = read.scanned_to - query.after;
            assert!((1..=SCAN as u64 + 2).contains(&looked_at), "{looked_at}");
            found.extend(read.events.iter().map(|event| event.position));
            query.after = read.scanned_to;
            calls += 1;
        }
        assert_eq!(found, [150, 151]);
        assert!((8..40).contains(&calls), "{calls}");
    }

    #[test]
    fn where_one_directory_is_left_the_others_are_left_too() {
        // One after the other in the log, so that each directory alone would fill a page.
        let (c, scope) = log(&[1, 2], |n| (if n <= 10 { 2 } else { 1 }, EventType::UserCreated), 20);
        let query =
            |after| LaneQuery { shard: 0, scope: scope.clone(), types: vec![], after, up_to: 20, limit: 4 };
        let mut after = 0;
        let mut pages = Vec::new();
        while after < 20 {
            let read = lane_events(&c, &query(after)).unwrap();
            after = read.scanned_to;
            pages.push(read.events.iter().map(|event| event.position).collect::<Vec<_>>());
        }
        assert_eq!(pages.concat(), (1..=20).collect::<Vec<_>>());
        assert!(pages.iter().all(|page| page.len() == 4), "{pages:?}");
    }
}
