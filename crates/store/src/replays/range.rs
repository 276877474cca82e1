//! From sequences and times to positions, and how many events lie between.

use jiff::SignedDuration;
use rollcall_domain::{
    endpoint::{Endpoint, Scope},
    event::EventType,
    ids::DirectoryId,
    replay::ReplayFilter,
    shard::{Positions, shard_of},
};

use super::progress::is_undelivered;
use crate::{
    config_ops::Start,
    db::{Db, DbError, bind},
    ledger::number,
    read::{events::position_at, head},
    rows::EVENT_TABLES,
};

/// Clocks of several processes may differ by so much; what lies in time is then asked of each event.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

pub(super) struct Range {
    pub(super) after: Positions,
    pub(super) up_to: Positions,
    pub(super) total: u64,
}

/// The place in the log after which an endpoint begins: of these heads, or before.
pub(crate) fn start(c: &Db, start: Start, scope: &Scope, heads: Positions) -> Result<Positions, DbError> {
    let shards = heads.shards().max(1);
    let mut place = heads.clone();
    match start {
        Start::Now => {}
        Start::Beginning => place = Positions::beginning(),
        Start::Sequence(sequence) => {
            if let Scope::Directory(id) = scope {
                let shard = shard_of(id, shards);
                if let Some(first) = at_sequence(c, FROM_SEQUENCE, id, sequence)? {
                    place.set(shard, first - 1);
                }
            }
        }
        Start::Time(time) => {
            for shard in 0..shards {
                place.set(shard, position_at(c, shard, time)?);
            }
        }
    }
    Ok(place)
}

/// The part of the log, as it is now, that the filter's events are in.
pub(super) fn find(
    c: &Db,
    endpoint: &Endpoint,
    filter: &ReplayFilter,
    shards: u16,
) -> Result<Range, DbError> {
    let scope = filter.scope(&endpoint.scope);
    let mut range = Range { after: Positions::beginning(), up_to: Positions::beginning(), total: 0 };
    for shard in 0..shards.max(1) {
        if let Scope::Directory(id) = &scope
            && shard_of(id, shards) != shard
        {
            continue;
        }
        let (mut after, mut up_to) = (0, head(c, shard)?);
        if let Some(from) = filter.from_time {
            after = after.max(position_at(c, shard, from.saturating_sub(SKEW).unwrap_or(from))?);
        }
        if let Some(to) = filter.to_time {
            up_to = up_to.min(position_at(c, shard, to.saturating_add(SKEW).unwrap_or(to))?);
        }
        if let Scope::Directory(id) = &scope {
            if let Some(from) = filter.from_sequence {
                let first = at_sequence(c, FROM_SEQUENCE, id, from)?;
                after = after.max(first.map_or(up_to, |position| position - 1));
            }
            if let Some(to) = filter.to_sequence {
                up_to = up_to.min(at_sequence(c, TO_SEQUENCE, id, to)?.unwrap_or(0));
            }
        }
        let count =
            if after < up_to { count(c, endpoint, filter, &scope, (shard, after, up_to))? } else { 0 };
        if count > 0 {
            range.total += count;
            range.after.set(shard, after);
            range.up_to.set(shard, up_to);
        }
    }
    Ok(range)
}

// In a directory the sequence grows with the position.
const FROM_SEQUENCE: &str = "SELECT MIN(e.position) FROM events e
     WHERE e.directory_pk = (SELECT pk FROM directories WHERE id = $1) AND e.sequence >= $2";
const TO_SEQUENCE: &str = "SELECT MAX(e.position) FROM events e
     WHERE e.directory_pk = (SELECT pk FROM directories WHERE id = $1) AND e.sequence <= $2";

/// What one of these says.
fn at_sequence(c: &Db, sql: &str, directory: &DirectoryId, sequence: u64) -> Result<Option<u64>, DbError> {
    Ok(c.row(sql, bind![directory.as_str(), sequence], |row| row.get::<Option<i64>>(0))?
        .flatten()
        .and_then(|position| u64::try_from(position).ok()))
}

/// How many events are in a part of a shard.
fn count(
    c: &Db,
    endpoint: &Endpoint,
    filter: &ReplayFilter,
    scope: &Scope,
    (shard, after, up_to): (u16, u64, u64),
) -> Result<u64, DbError> {
    let mut wanted: Vec<u8> = EventType::ALL
        .iter()
        .filter(|kind| !kind.is_operator() || endpoint.event_types.contains(kind))
        .filter(|kind| endpoint.event_types.is_empty() || endpoint.event_types.contains(kind))
        .filter(|kind| filter.types.is_empty() || filter.types.contains(kind))
        .map(|kind| *kind as u8)
        .collect();
    wanted.sort_unstable();
    let in_directory = matches!(endpoint.scope, Scope::Directory(_));
    let (organization, directory) = match scope {
        Scope::All => (None, None),
        Scope::Organization(id) => (Some(id.as_str()), None),
        Scope::Directory(id) => (filter.organization_id.as_ref().map(|id| id.as_str()), Some(id.as_str())),
    };
    // The endpoint's own scope counts too, where the filter names a part of the log beside it.
    let (own_organization, own_directory) = match &endpoint.scope {
        Scope::All => (None, None),
        Scope::Organization(id) => (Some(id.as_str()), None),
        Scope::Directory(id) => (None, Some(id.as_str())),
    };
    let undelivered = if filter.only_undelivered {
        is_undelivered("$1", "$2")
    } else {
        // All parameters must occur.
        "CAST($1 AS BIGINT) IS NULL OR CAST($2 AS BIGINT) IS NULL OR 1 = 1".to_owned()
    };
    let sql = format!(
        "SELECT COUNT(*) FROM {EVENT_TABLES}
         WHERE ({undelivered}) AND e.shard = $3 AND e.position > $4 AND e.position <= $5
           AND e.kind IN (SELECT CAST(value AS BIGINT) FROM json_each($6))
           AND (CAST($7 AS TEXT) IS NULL OR d.organization_id = $7) AND (CAST($8 AS TEXT) IS NULL OR d.id = $8)
           AND (CAST($9 AS TEXT) IS NULL OR d.organization_id = $9) AND (CAST($10 AS TEXT) IS NULL OR d.id = $10)
           AND (CAST($11 AS TEXT) IS NULL OR e.subject_id = $11 OR e.group_id = $11)
           AND (CAST($12 AS BIGINT) IS NULL OR e.timestamp >= $12)
           AND (CAST($13 AS BIGINT) IS NULL OR e.timestamp <= $13)
           AND (e.sandbox = 0 OR $14 = 1)"
    );
    let total = c.row(
        &sql,
        bind![
            endpoint.start.at(shard),
            number(c, &endpoint.id)?,
            shard,
            after,
            up_to,
            serde_json::Value::from(wanted).to_string(),
            organization,
            directory,
            own_organization,
            own_directory,
            filter.subject_id.as_deref(),
            filter.from_time.map(|from| from.as_millisecond() * 1_000),
            filter.to_time.map(|to| to.as_millisecond() * 1_000 + 999),
            u8::from(in_directory),
        ],
        |row| row.uint(0),
    )?;
    Ok(total.unwrap_or(0))
}
