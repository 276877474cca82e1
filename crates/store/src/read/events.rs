//! The log: by position, by directory, by organization, by subject, by id, by time.
//!
//! Plot of a query: its *sources* are found, each a search by one index in one shard; each gives at
//! most as many events as are asked for; what a shard's sources give is put in order of position; the
//! shards are merged by time. Where there are many sources, bodies are read last, of what is left.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::ControlFlow,
    sync::Arc,
};

use jiff::Timestamp;
use rollcall_domain::{
    event::LoggedEvent,
    ids::{DirectoryId, EventId, GroupId, OrganizationId},
    shard::{Positions, shard_of},
};

use super::{
    EventQuery, EventRead, LaneRead, ReadError,
    lanes::{Page, head},
};
use crate::{
    Store,
    db::{Db, DbError, Row, Value, bind},
    resources::statement,
    rows::{self, EVENT, EVENT_HEAD, EVENT_TABLES},
    write::heads,
};

/// Most of a subject's events that are read at a time.
const OF_SUBJECT: u32 = 256;

/// What every query of [`EventQuery`] narrows by beside its index.
const AND: &str = " AND e.shard = $2 AND e.position > $3
     AND (CAST($4 AS TEXT) IS NULL OR e.kind IN (SELECT CAST(value AS BIGINT) FROM json_each($4)))
     AND (CAST($5 AS TEXT) IS NULL OR d.id = $5) AND (CAST($6 AS TEXT) IS NULL OR d.organization_id = $6)
     ORDER BY e.position LIMIT $7";

impl Store {
    /// Events that match: of each shard in order of position, and the shards merged by time.
    pub async fn events(&self, query: EventQuery) -> Result<EventRead, ReadError> {
        let shards = self.shards();
        self.read(move |c| Ok(events(c, &query, shards)?)).await
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
        let subject_id = subject_id.to_owned();
        self.read(move |c| Ok(subject_events(c, shard, &subject_id, from, up_to, limit)?)).await
    }

    /// The newest position of a shard whose event is older than this time; 0 if there is none.
    pub async fn position_at(&self, shard: u16, time: Timestamp) -> Result<u64, ReadError> {
        self.read(move |c| Ok(position_at(c, shard, time)?)).await
    }
}

/// A subject's own events (`$1`) in a shard (`$2`) between two positions (`$3`, `$4`), at most `$5`.
pub(super) fn of_subject() -> &'static str {
    statement!(
        "SELECT ",
        EVENT,
        " FROM ",
        EVENT_TABLES,
        " WHERE e.subject_id = $1 AND e.shard = $2 AND e.position BETWEEN $3 AND $4
          ORDER BY e.position LIMIT $5"
    )
}

fn subject_events(
    c: &Db,
    shard: u16,
    subject: &str,
    from: u64,
    up_to: u64,
    limit: u32,
) -> Result<LaneRead, DbError> {
    let limit = limit.clamp(1, OF_SUBJECT);
    let mut page = Page::default();
    let mut full = false;
    c.each(of_subject(), bind![subject, shard, from, up_to, limit], |row| {
        full = page.fills(rows::event(row)?, limit);
        Ok::<_, DbError>(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(page.read(up_to, full))
}

/// One event by its id.
pub(crate) fn by_id(c: &Db, id: &EventId) -> Result<Option<Arc<LoggedEvent>>, DbError> {
    c.row(
        statement!("SELECT ", EVENT, " FROM ", EVENT_TABLES, " WHERE e.id = $1"),
        bind![id.as_str()],
        |row| rows::event(row).map(Arc::new),
    )
}

/// One event by its place.
pub(crate) fn at(c: &Db, shard: u16, position: u64) -> Result<Option<Arc<LoggedEvent>>, DbError> {
    c.row(
        statement!("SELECT ", EVENT, " FROM ", EVENT_TABLES, " WHERE e.shard = $1 AND e.position = $2"),
        bind![shard, position],
        |row| rows::event(row).map(Arc::new),
    )
}

/// Positions have no gaps and times do not go back, so that halving finds it.
pub(crate) fn position_at(c: &Db, shard: u16, time: Timestamp) -> Result<u64, DbError> {
    let (mut older, mut not_older) = (0, head(c, shard)? + 1);
    while older + 1 < not_older {
        let middle = older + (not_older - older) / 2;
        // Should there be a gap after all, the next one speaks for it.
        let found = c.row(
            "SELECT e.position, e.timestamp FROM events e
             WHERE e.shard = $1 AND e.position >= $2 ORDER BY e.position LIMIT 1",
            bind![shard, middle],
            |row| Ok::<_, DbError>((row.uint(0)?, row.time(1)?)),
        )?;
        match found {
            Some((position, at)) if at < time => older = position,
            _ => not_older = middle,
        }
    }
    Ok(older)
}

/// A search by one index in one shard.
struct Source<'a> {
    shard: u16,
    by: By,
    key: Value<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum By {
    Position,
    Directory,
    Subject,
    Group,
}

fn sources<'a>(c: &Db, query: &'a EventQuery, shards: u16) -> Result<Vec<Source<'a>>, DbError> {
    if let Some(subject) = &query.subject_id {
        if subject.contains('\0') {
            // No id does, and PostgreSQL cannot even be asked.
            return Ok(Vec::new());
        }
        let Some(shard) = shard_of_subject(c, subject, shards)? else { return Ok(Vec::new()) };
        let mut sources = vec![Source { shard, by: By::Subject, key: subject.into() }];
        if GroupId::parse(subject).is_some() {
            sources.push(Source { shard, by: By::Group, key: subject.into() });
        }
        return Ok(sources);
    }
    let of_directory = |(key, id): (i64, DirectoryId)| Source {
        shard: shard_of(&id, shards),
        by: By::Directory,
        key: key.into(),
    };
    let keyed = |row: &Row<'_>| Ok::<_, DbError>((row.get::<i64>(0)?, row.parsed(1, DirectoryId::parse)?));
    if let Some(id) = &query.directory_id {
        let found = c.row("SELECT pk, id FROM directories WHERE id = $1", bind![id.as_str()], keyed)?;
        return Ok(found.map(of_directory).into_iter().collect());
    }
    if let Some(id) = &query.organization_id {
        // A merge of its directories: the log of others is not looked at.
        let found =
            c.rows("SELECT pk, id FROM directories WHERE organization_id = $1", bind![id.as_str()], keyed)?;
        return Ok(found.into_iter().map(of_directory).collect());
    }
    Ok((0..shards).map(|shard| Source { shard, by: By::Position, key: Value::Null }).collect())
}

/// Where the events about a subject are: in its directory's shard, as its newest one is.
fn shard_of_subject(c: &Db, subject: &str, shards: u16) -> Result<Option<u16>, DbError> {
    if shards == 1 {
        return Ok(Some(0));
    }
    let newest = |sql| c.row(sql, bind![subject], |row| row.get::<u16>(0));
    let own =
        newest("SELECT e.shard FROM events e WHERE e.subject_id = $1 ORDER BY e.position DESC LIMIT 1")?;
    if own.is_some() || GroupId::parse(subject).is_none() {
        return Ok(own);
    }
    newest("SELECT e.shard FROM events e WHERE e.group_id = $1 ORDER BY e.position DESC LIMIT 1")
}

/// What one shard has.
struct OfShard {
    shard: u16,
    /// In order of position.
    events: VecDeque<LoggedEvent>,
    /// All matching ones up to this position are among them.
    complete_to: u64,
}

fn events(c: &Db, query: &EventQuery, shards: u16) -> Result<EventRead, DbError> {
    let heads = match c {
        Db::Sqlite(_) => vec![head(c, 0)?].into(),
        Db::Postgres(_) => heads(c)?,
    };
    let limit = query.limit.clamp(1, 1000);
    // Where nothing is to be found, everything has been looked at.
    let mut scanned_to = Positions::beginning();
    for shard in 0..shards {
        scanned_to.set(shard, heads.at(shard).max(query.after.at(shard)));
    }
    let mut sources = sources(c, query, shards)?;
    sources.retain(|source| heads.at(source.shard) > query.after.at(source.shard));
    let whole = sources.len() <= 2;
    let mut found: BTreeMap<u16, OfShard> = BTreeMap::new();
    for source in sources {
        let events = search(c, query, &source, limit, whole)?;
        let of_shard = found.entry(source.shard).or_insert_with(|| OfShard {
            shard: source.shard,
            events: VecDeque::new(),
            complete_to: heads.at(source.shard),
        });
        if let Some(last) = events.last().filter(|_| events.len() >= limit as usize) {
            of_shard.complete_to = of_shard.complete_to.min(last.position);
        }
        of_shard.events.extend(events);
    }
    let mut found: Vec<OfShard> = found.into_values().collect();
    for of_shard in &mut found {
        let complete_to = of_shard.complete_to;
        of_shard.events.retain(|event| event.position <= complete_to);
        of_shard.events.make_contiguous().sort_unstable_by_key(|event| event.position);
    }
    let mut events = merged(&mut found, limit as usize);
    for of_shard in found {
        let end = of_shard.events.front().map_or(of_shard.complete_to, |next| next.position - 1);
        scanned_to.set(of_shard.shard, end.max(query.after.at(of_shard.shard)));
    }
    if !whole {
        add_bodies(c, &mut events)?;
    }
    Ok(EventRead { events: events.into_iter().map(Arc::new).collect(), scanned_to })
}

/// Takes the events of all shards by time, each shard's in order, until there are so many. An event
/// that two searches found comes once.
fn merged(found: &mut [OfShard], limit: usize) -> Vec<LoggedEvent> {
    let mut events: Vec<LoggedEvent> = Vec::new();
    while events.len() < limit {
        let next = found
            .iter_mut()
            .filter(|of_shard| !of_shard.events.is_empty())
            .min_by_key(|of_shard| of_shard.events.front().map(|event| (event.timestamp, event.shard)));
        let Some(next) = next else { break };
        let Some(event) = next.events.pop_front() else { break };
        while next.events.front().is_some_and(|again| again.position == event.position) {
            next.events.pop_front();
        }
        events.push(event);
    }
    events
}

/// At most `limit` events of a source, with their bodies if `whole`.
fn search(
    c: &Db,
    query: &EventQuery,
    source: &Source<'_>,
    limit: u32,
    whole: bool,
) -> Result<Vec<LoggedEvent>, DbError> {
    let kinds = (!query.types.is_empty())
        .then(|| serde_json::Value::from_iter(query.types.iter().map(|kind| *kind as u8)).to_string());
    let values = bind![
        source.key.clone(),
        source.shard,
        query.after.at(source.shard),
        &kinds,
        query.directory_id.as_ref().map(DirectoryId::as_str),
        query.organization_id.as_ref().map(OrganizationId::as_str),
        limit
    ];
    let sql = source.by.statement(whole);
    if whole { c.rows(sql, values, rows::event) } else { c.rows(sql, values, rows::event_head) }
}

impl By {
    /// `$1` is the index's key.
    pub(super) fn statement(self, whole: bool) -> &'static str {
        macro_rules! search {
            ($columns:expr, $condition:expr) => {
                statement!("SELECT ", $columns, " FROM ", EVENT_TABLES, " WHERE ", $condition, AND)
            };
        }
        match (self, whole) {
            (Self::Position, true) => search!(EVENT, "CAST($1 AS TEXT) IS NULL"),
            (Self::Position, false) => search!(EVENT_HEAD, "CAST($1 AS TEXT) IS NULL"),
            (Self::Directory, true) => search!(EVENT, "e.directory_pk = $1"),
            (Self::Directory, false) => search!(EVENT_HEAD, "e.directory_pk = $1"),
            (Self::Subject, true) => search!(EVENT, "e.subject_id = $1"),
            (Self::Subject, false) => search!(EVENT_HEAD, "e.subject_id = $1"),
            (Self::Group, true) => search!(EVENT, "e.group_id = $1"),
            (Self::Group, false) => search!(EVENT_HEAD, "e.group_id = $1"),
        }
    }
}

fn add_bodies(c: &Db, events: &mut [LoggedEvent]) -> Result<(), DbError> {
    let mut by_shard: BTreeMap<u16, Vec<&mut LoggedEvent>> = BTreeMap::new();
    for event in events {
        by_shard.entry(event.shard).or_default().push(event);
    }
    by_shard.into_iter().try_for_each(|(shard, events)| rows::add_bodies(c, shard, events))
}

#[cfg(test)]
mod tests {
    use rollcall_domain::event::{EventType, Subject, SubjectKind};

    use super::*;
    use crate::{
        clock,
        schema::{Schema, migrate},
    };

    #[test]
    fn a_time_is_found_by_halving() {
        let mut c = rusqlite::Connection::open_in_memory().unwrap();
        migrate(&mut c, Schema::Main).unwrap();
        let c = Db::Sqlite(c);
        let time = |n: i64| Timestamp::from_microsecond(n).unwrap();
        assert_eq!(position_at(&c, 0, time(9)).unwrap(), 0);
        // Two events of each time: 10, 10, 20, 20, …
        for position in 1..=20_i64 {
            c.execute(
                "INSERT INTO events (position, shard, directory_pk, sequence, id, kind, subject_kind,
                    subject_id, subject_version, sandbox, timestamp, body)
                 VALUES ($1, 0, 1, 1, $2, 1, 1, 'usr_x', 1, 0, $3, x'00')",
                bind![position, EventId::from_uuid(clock::new_uuid()).as_str(), (position + 1) / 2 * 10],
            )
            .unwrap();
        }
        for (at, expected) in [(0, 0), (10, 0), (11, 2), (20, 2), (25, 4), (100, 18), (101, 20), (9_999, 20)]
        {
            assert_eq!(position_at(&c, 0, time(at)).unwrap(), expected, "{at}");
        }
    }

    #[test]
    fn shards_are_merged_by_time_and_each_keeps_its_order() {
        let event = |shard: u16, position: u64, at: i64| LoggedEvent {
            shard,
            position,
            id: EventId::from_uuid(clock::new_uuid()),
            kind: EventType::UserCreated,
            organization_id: OrganizationId::from_uuid(clock::new_uuid()),
            directory_id: DirectoryId::from_uuid(clock::new_uuid()),
            sequence: position,
            subject: Subject { kind: SubjectKind::User, id: "usr_x".into(), version: 1 },
            group_id: None,
            sandbox: false,
            timestamp: Timestamp::from_microsecond(at).unwrap(),
            body: bytes::Bytes::new(),
        };
        let of = |shard, times: &[i64]| OfShard {
            shard,
            events: (1..).zip(times).map(|(position, at)| event(shard, position, *at)).collect(),
            complete_to: 100,
        };
        // The clock of one of the processes went back: the order of positions holds.
        let mut found = [of(0, &[1, 5, 9]), of(1, &[3, 2, 4])];
        let places: Vec<_> =
            merged(&mut found, 5).iter().map(|event| (event.shard, event.position)).collect();
        assert_eq!(places, [(0, 1), (1, 1), (1, 2), (1, 3), (0, 2)]);
        assert_eq!((found[0].events.len(), found[1].events.len()), (1, 0));
    }
}
