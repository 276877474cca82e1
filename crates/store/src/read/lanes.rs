//! What a lane reads when the shared tail no longer holds it.

use std::{ops::ControlFlow, sync::Arc};

use rollcall_domain::{
    endpoint::Scope,
    event::{EventType, LoggedEvent},
    ids::{DirectoryId, OrganizationId},
    shard::shard_of,
};

use super::{LaneQuery, LaneRead, ReadError};
use crate::{
    Store,
    db::{Db, DbError, Row, Value, bind},
    resources::statement,
    rows::{self, EVENT, EVENT_HEAD, EVENT_TABLES},
};

/// Most rows that one call looks at; the next call goes on from `scanned_to`.
const SCAN: usize = 20_000;
/// How many rows are read at a time, with their bodies and without.
const WHOLE_ROWS: u32 = 256;
const HEAD_ROWS: u32 = 1_000;
/// How many bodies are read at a time.
const BODIES: usize = 16;
/// A page of events ends with the one that brings its bodies to so many bytes.
const PAGE_BYTES: usize = 1 << 20;

impl Store {
    /// What a lane sends next, by position. A page ends early at about 1 MiB of bodies, or when many
    /// rows were looked at: the next one goes on after its `scanned_to`.
    pub async fn lane_events(&self, query: LaneQuery) -> Result<LaneRead, ReadError> {
        let shards = self.shards();
        self.read(move |c| Ok(lane_events(c, &query, shards)?)).await
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

    /// Adds events, their bodies if need be; true if the page has all that it may have.
    fn take(
        &mut self,
        c: &Db,
        mut events: Vec<LoggedEvent>,
        whole: bool,
        limit: u32,
    ) -> Result<bool, DbError> {
        if whole {
            return Ok(events.into_iter().any(|event| self.fills(event, limit)));
        }
        while !events.is_empty() {
            let mut some: Vec<LoggedEvent> = events.drain(..events.len().min(BODIES)).collect();
            if let Some(shard) = some.first().map(|event| event.shard) {
                rows::add_bodies(c, shard, some.iter_mut().collect())?;
            }
            if some.into_iter().any(|event| self.fills(event, limit)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// When nothing is left up to `end`, or the page is full.
    pub(super) fn read(self, end: u64, full: bool) -> LaneRead {
        let last = self.events.last().map(|event| event.position);
        LaneRead { scanned_to: last.filter(|_| full).unwrap_or(end), events: self.events }
    }
}

/// As [`Store::lane_events`], on a connection.
pub(crate) fn lane_events(c: &Db, query: &LaneQuery, shards: u16) -> Result<LaneRead, DbError> {
    // What is beyond this snapshot's head was not looked at, whatever was asked for.
    let end = query.up_to.min(head(c, query.shard)?);
    if end <= query.after || query.limit == 0 {
        return Ok(LaneRead { events: Vec::new(), scanned_to: query.after });
    }
    if let Scope::Organization(id) = &query.scope {
        let directories = directories_in(c, id, query.shard, shards)?;
        return of_directories(c, &directories, query, end, SCAN);
    }
    // Where most rows match, they are read whole; else a row's body is read only once it does.
    let whole = query.types.is_empty();
    let (sql, key) = match (&query.scope, whole) {
        (Scope::Directory(id), true) => {
            (statement!("SELECT ", EVENT, " FROM ", EVENT_TABLES, OF_DIRECTORY, CHUNK), Some(id.as_str()))
        }
        (Scope::Directory(id), false) => (
            statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_DIRECTORY, CHUNK),
            Some(id.as_str()),
        ),
        (_, true) => (statement!("SELECT ", EVENT, " FROM ", EVENT_TABLES, OF_ALL, CHUNK), None),
        (_, false) => (statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_ALL, CHUNK), None),
    };
    let mut scan = Scan {
        sql,
        key: key.into(),
        shard: query.shard,
        after: query.after,
        end,
        rows: if whole { query.limit.min(WHOLE_ROWS) } else { HEAD_ROWS },
    };
    let mut page = Page::default();
    let mut looked_at = 0;
    loop {
        let mut matching = Vec::new();
        let left = query.limit as usize - page.events.len();
        let done = scan.chunk(c, |row| {
            looked_at += 1;
            if matches(row, &query.scope, &query.types)? {
                matching.push(if whole { rows::event(row)? } else { rows::event_head(row)? });
            }
            Ok(if matching.len() >= left || looked_at >= SCAN {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        if page.take(c, matching, whole, query.limit)? {
            return Ok(page.read(end, true));
        }
        if done {
            return Ok(page.read(end, false));
        }
        if looked_at >= SCAN {
            return Ok(page.read(scan.after, false));
        }
    }
}

/// A walk over the rows of a statement that ends with [`CHUNK`], by position, a chunk at a time:
/// PostgreSQL gives all of an answer at once.
pub(crate) struct Scan<'a> {
    /// With the columns of [`EVENT_HEAD`], and the conditions of [`OF_ALL`] or its like.
    pub(crate) sql: &'a str,
    /// For `$1`.
    pub(crate) key: Value<'a>,
    /// Of which shard.
    pub(crate) shard: u16,
    /// After which position; moves on with each row.
    pub(crate) after: u64,
    /// Up to which position.
    pub(crate) end: u64,
    /// How many rows at a time.
    pub(crate) rows: u32,
}

impl Scan<'_> {
    /// Looks at the rows of the next chunk until `look` breaks off; true if none are left.
    pub(crate) fn chunk(
        &mut self,
        c: &Db,
        mut look: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, DbError>,
    ) -> Result<bool, DbError> {
        let (mut seen, mut broken_off) = (0, false);
        let mut after = self.after;
        let values = bind![self.key.clone(), self.after, self.end, self.shard, self.rows];
        c.each(self.sql, values, |row| {
            seen += 1;
            after = row.uint(0)?;
            let flow = look(row)?;
            broken_off = flow.is_break();
            Ok::<_, DbError>(flow)
        })?;
        self.after = after;
        Ok(seen < self.rows && !broken_off)
    }
}

/// The events of each of these directories, merged; the log of others is not looked at. A deleted
/// directory's events count, the one that says so among them.
fn of_directories(
    c: &Db,
    directories: &[i64],
    query: &LaneQuery,
    end: u64,
    scan: usize,
) -> Result<LaneRead, DbError> {
    let mut after = query.after;
    let mut budget = scan;
    // A round ends where its busiest directory had to be left. Unless there was something to send,
    // another goes on from there while the budget lasts.
    let (heads, scanned_to) = loop {
        let (heads, scanned_to) = round(c, directories, query, after, end, &mut budget)?;
        if !heads.is_empty() || scanned_to >= end || budget == 0 {
            break (heads, scanned_to);
        }
        after = scanned_to;
    };
    let mut page = Page::default();
    let full = page.take(c, heads, false, query.limit)?;
    Ok(page.read(scanned_to, full))
}

/// One look at each of these directories after `after`: the matching events in order, without
/// bodies, and the position up to which every directory was looked at.
fn round(
    c: &Db,
    directories: &[i64],
    query: &LaneQuery,
    after: u64,
    end: u64,
    budget: &mut usize,
) -> Result<(Vec<LoggedEvent>, u64), DbError> {
    let limit = query.limit as usize;
    let share = (*budget / directories.len().max(1)).max(1);
    let mut end = end;
    let mut found: Vec<LoggedEvent> = Vec::new();
    for directory in directories {
        let mut scan = Scan {
            sql: statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_DIRECTORY_KEY, CHUNK),
            key: (*directory).into(),
            shard: query.shard,
            after,
            end,
            rows: if query.types.is_empty() { query.limit.min(HEAD_ROWS) } else { HEAD_ROWS },
        };
        let (mut looked_at, mut matched) = (0, 0);
        let left_off = |looked_at, matched| matched >= limit || looked_at >= share;
        while !left_off(looked_at, matched) {
            let done = scan.chunk(c, |row| {
                looked_at += 1;
                if matches(row, &query.scope, &query.types)? {
                    matched += 1;
                    found.push(rows::event_head(row)?);
                }
                Ok(if left_off(looked_at, matched) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })?;
            if done {
                break;
            }
        }
        if left_off(looked_at, matched) {
            // The other directories need not be looked at any further than this one.
            end = scan.after;
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

/// The newest position of a shard's log.
pub(crate) fn head(c: &Db, shard: u16) -> Result<u64, DbError> {
    let sql = "SELECT e.position FROM events e WHERE e.shard = $1 ORDER BY e.position DESC LIMIT 1";
    Ok(c.row(sql, bind![shard], |row| row.uint(0))?.unwrap_or(0))
}

/// An organization's directories by their rows' keys, deleted ones too, whose log is in this shard of
/// so many.
pub(crate) fn directories_in(
    c: &Db,
    id: &OrganizationId,
    shard: u16,
    shards: u16,
) -> Result<Vec<i64>, DbError> {
    let mut found =
        c.rows("SELECT pk, id FROM directories WHERE organization_id = $1", bind![id.as_str()], |row| {
            Ok::<_, DbError>((row.get::<i64>(0)?, row.parsed(1, DirectoryId::parse)?))
        })?;
    found.retain(|(_, id)| shard_of(id, shards) == shard);
    Ok(found.into_iter().map(|(key, _)| key).collect())
}

/// Of one directory (`$1`), between two positions (`$2` exclusive, `$3` inclusive) of a shard (`$4`).
pub(crate) const OF_DIRECTORY: &str = " WHERE e.directory_pk = (SELECT pk FROM directories WHERE id = $1)
      AND e.position > $2 AND e.position <= $3 AND e.shard = $4";

/// The same of a directory by its row's key.
pub(crate) const OF_DIRECTORY_KEY: &str =
    " WHERE e.directory_pk = $1 AND e.position > $2 AND e.position <= $3 AND e.shard = $4";

/// Of all directories (`$1` is null), between two positions of a shard.
pub(crate) const OF_ALL: &str =
    " WHERE CAST($1 AS TEXT) IS NULL AND e.position > $2 AND e.position <= $3 AND e.shard = $4";

/// By position, at most `$5` rows.
pub(crate) const CHUNK: &str = " ORDER BY e.position LIMIT $5";

/// `Endpoint::matches` on a row, without making an event of it first.
pub(crate) fn matches(row: &Row<'_>, scope: &Scope, types: &[EventType]) -> Result<bool, DbError> {
    let in_scope = match scope {
        Scope::All => !row.get::<bool>(11)?,
        Scope::Organization(id) => !row.get::<bool>(11)? && row.get::<&str>(4)? == id.as_str(),
        Scope::Directory(id) => row.get::<&str>(5)? == id.as_str(),
    };
    if !in_scope {
        return Ok(false);
    }
    let code: u8 = row.get(3)?;
    if types.is_empty() {
        // Operator events go to whoever names them.
        return Ok(!EventType::from_code(code).is_some_and(EventType::is_operator));
    }
    Ok(types.iter().any(|kind| *kind as u8 == code))
}

#[cfg(test)]
mod tests {
    use rollcall_domain::ids::EventId;

    use super::*;
    use crate::{
        clock,
        schema::{Schema, migrate},
    };

    /// A log of one organization with these directories' events, by the directories' numbers.
    fn log(directories: &[i64], of: impl Fn(u64) -> (i64, EventType), length: u64) -> (Db, Scope) {
        let mut c = rusqlite::Connection::open_in_memory().unwrap();
        migrate(&mut c, Schema::Main).unwrap();
        let c = Db::Sqlite(c);
        let organization = OrganizationId::from_uuid(clock::new_uuid());
        for pk in directories {
            c.execute(
                "INSERT INTO directories (pk, id, organization_id, name, provider, state, mode, created_at)
                 VALUES ($1, $2, $3, '', 'okta', 'active', 'live', 0)",
                bind![*pk, DirectoryId::from_uuid(clock::new_uuid()).as_str(), organization.as_str()],
            )
            .unwrap();
        }
        for position in 1..=length {
            let (directory, kind) = of(position);
            c.execute(
                "INSERT INTO events (position, shard, directory_pk, sequence, id, kind, subject_kind,
                    subject_id, subject_version, sandbox, timestamp, body)
                 VALUES ($1, 0, $2, $1, $3, $4, 1, 'usr_x', 1, 0, 0, x'00')",
                bind![position, directory, EventId::from_uuid(clock::new_uuid()).as_str(), kind as u8],
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
            let directories = directories_in(&c, id, 0, 1).unwrap();
            let read = of_directories(&c, &directories, &query, 300, SCAN).unwrap();
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
            let read = lane_events(&c, &query(after), 1).unwrap();
            after = read.scanned_to;
            pages.push(read.events.iter().map(|event| event.position).collect::<Vec<_>>());
        }
        assert_eq!(pages.concat(), (1..=20).collect::<Vec<_>>());
        assert!(pages.iter().all(|page| page.len() == 4), "{pages:?}");
    }
}
