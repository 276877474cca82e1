//! The log: by position, by directory, by organization, by subject, by id.

use std::sync::Arc;

use rollcall_domain::{
    event::LoggedEvent,
    ids::{EventId, GroupId},
};
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{
    EventQuery, LaneRead, ReadError,
    lanes::{Page, directories_of},
};
use crate::{
    Store,
    resources::statement,
    rows::{self, EVENT, EVENT_TABLES},
    sql::int,
};

type Events = Vec<Arc<LoggedEvent>>;

/// What every query of [`EventQuery`] narrows by beside its index.
const AND: &str = " AND e.position > $2 AND ($3 IS NULL OR e.kind IN (SELECT value FROM json_each($3)))
     AND ($4 IS NULL OR d.id = $4) AND ($5 IS NULL OR d.organization_id = $5)
     ORDER BY e.position LIMIT $6";

impl Store {
    /// Events in order of position.
    pub async fn events(&self, query: EventQuery) -> Result<Events, ReadError> {
        self.read(move |c| Ok(events(c, &query)?)).await
    }

    /// One event.
    pub async fn event(&self, id: &EventId) -> Result<Option<Arc<LoggedEvent>>, ReadError> {
        let id = id.clone();
        self.read(move |c| Ok(by_id(c, &id)?)).await
    }

    /// The events about one subject in its shard from this position (inclusive) to that one (inclusive), by the
    /// index on (subject, position). A page ends at `limit` events or about 1 MiB of bodies, with at
    /// least one event; the next one goes on after its `scanned_to`.
    pub async fn subject_events(
        &self,
        shard: u16,
        subject_id: &str,
        from: u64,
        up_to: u64,
        limit: u32,
    ) -> Result<LaneRead, ReadError> {
        let _ = shard;
        let subject_id = subject_id.to_owned();
        self.read(move |c| Ok(subject_events(c, &subject_id, from, up_to, limit.max(1))?)).await
    }
}

/// A subject's own events (`$1`) between two positions (`$2`, `$3`), at most `$4`.
pub(super) fn of_subject() -> &'static str {
    statement!(
        "SELECT ",
        EVENT,
        " FROM ",
        EVENT_TABLES,
        " WHERE d.pk = e.directory_pk AND e.subject_id = $1 AND e.position BETWEEN $2 AND $3
          ORDER BY e.position LIMIT $4"
    )
}

fn subject_events(
    c: &Connection,
    subject: &str,
    from: u64,
    up_to: u64,
    limit: u32,
) -> rusqlite::Result<LaneRead> {
    let mut statement = c.prepare_cached(of_subject())?;
    let mut rows = statement.query(params![subject, int(from), int(up_to), limit])?;
    let mut page = Page::default();
    while let Some(row) = rows.next()? {
        if page.fills(rows::event(row)?, limit) {
            return Ok(page.read(up_to, true));
        }
    }
    Ok(page.read(up_to, false))
}

/// One event by its id.
pub(crate) fn by_id(c: &Connection, id: &EventId) -> rusqlite::Result<Option<Arc<LoggedEvent>>> {
    c.prepare_cached(statement!(
        "SELECT ",
        EVENT,
        " FROM ",
        EVENT_TABLES,
        " WHERE d.pk = e.directory_pk AND e.id = $1"
    ))?
    .query_row([id.as_str()], |row| rows::event(row).map(Arc::new))
    .optional()
}

/// One event by its place.
pub(crate) fn at(c: &Connection, shard: u16, position: u64) -> rusqlite::Result<Option<Arc<LoggedEvent>>> {
    c.prepare_cached(statement!(
        "SELECT ",
        EVENT,
        " FROM ",
        EVENT_TABLES,
        " WHERE d.pk = e.directory_pk AND e.shard = $1 AND e.position = $2"
    ))?
    .query_row(params![shard, int(position)], |row| rows::event(row).map(Arc::new))
    .optional()
}

fn collect(c: &Connection, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<Events> {
    c.prepare_cached(sql)?.query_map(params, |row| rows::event(row).map(Arc::new))?.collect()
}

fn events(c: &Connection, query: &EventQuery) -> rusqlite::Result<Events> {
    let kinds = (!query.types.is_empty())
        .then(|| serde_json::Value::from_iter(query.types.iter().map(|kind| *kind as u8)).to_string());
    let directory = query.directory_id.as_ref().map(|id| id.as_str());
    let organization = query.organization_id.as_ref().map(|id| id.as_str());
    let limit = query.limit.clamp(1, 1000);
    // `$1` is the index's key.
    let run = |sql: &str, key: &dyn ToSql| {
        collect(c, sql, params![key, int(query.after.at(0)), kinds, directory, organization, limit])
    };
    if let Some(subject) = &query.subject_id {
        let own = run(by_subject(), subject)?;
        if GroupId::parse(subject).is_none() {
            return Ok(own);
        }
        return Ok(merged(vec![own, run(by_group(), subject)?], limit));
    }
    if let Some(id) = directory {
        let key: Option<i64> = c
            .prepare_cached("SELECT pk FROM directories WHERE id = $1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        return key.map_or(Ok(Vec::new()), |key| run(by_directory(), &key));
    }
    if let Some(id) = &query.organization_id {
        // A merge of its directories: the log of others is not looked at.
        let keys = directories_of(c, id)?;
        let each = keys.iter().map(|key| run(by_directory(), key)).collect::<rusqlite::Result<_>>()?;
        return Ok(merged(each, limit));
    }
    run(
        statement!(
            "SELECT ",
            EVENT,
            " FROM ",
            EVENT_TABLES,
            " WHERE d.pk = e.directory_pk AND e.shard = $1",
            AND
        ),
        &0,
    )
}

/// By a directory's row key.
pub(super) fn by_directory() -> &'static str {
    statement!(
        "SELECT ",
        EVENT,
        " FROM ",
        EVENT_TABLES,
        " WHERE d.pk = e.directory_pk AND e.directory_pk = $1",
        AND
    )
}

/// By the subject's id.
pub(super) fn by_subject() -> &'static str {
    statement!(
        "SELECT ",
        EVENT,
        " FROM ",
        EVENT_TABLES,
        " WHERE d.pk = e.directory_pk AND e.subject_id = $1",
        AND
    )
}

/// The membership events of a group, by its id.
pub(super) fn by_group() -> &'static str {
    statement!(
        "SELECT ",
        EVENT,
        " FROM ",
        EVENT_TABLES,
        " WHERE d.pk = e.directory_pk AND e.group_id = $1",
        AND
    )
}

fn merged(lists: Vec<Events>, limit: u32) -> Events {
    let mut all: Events = lists.into_iter().flatten().collect();
    all.sort_unstable_by_key(|event| event.position);
    all.dedup_by_key(|event| event.position);
    all.truncate(limit as usize);
    all
}
