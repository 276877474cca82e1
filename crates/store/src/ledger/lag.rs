//! How far an endpoint is behind: counted, within limits, since there is no row per delivery.

use std::{collections::HashMap, ops::ControlFlow};

use jiff::Timestamp;
use rollcall_domain::{
    endpoint::{Endpoint, Scope},
    ids::EndpointId,
    shard::{Positions, shard_of},
};

use super::{
    BreakerState, Lag,
    deliveries::View,
    lanes::{lanes_of, number},
    scope::{directories_of, shards_of},
    upkeep::attempts_kept_since,
};
use crate::{
    Store, clock,
    db::{Db, DbError, Value, bind},
    read::{ReadError, lanes::matches},
    resources::statement,
    rows::{EVENT_HEAD, EVENT_TABLES},
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
        let heads = self.heads().await?;
        let shards = self.shards();
        self.read(move |c| {
            let of = shards_of(c, &entry.endpoint.scope, shards)?;
            let views = View::of_each(c, &entry.endpoint, &of, kept_since)?;
            Ok(lag(c, &entry.endpoint, &views, &heads, shards)?)
        })
        .await
    }
}

/// A parked subject: the index of its shard's view, its id, its first unsettled event.
type Parked = (usize, String, u64);

fn lag(
    c: &Db,
    endpoint: &Endpoint,
    views: &[View<'_>],
    heads: &Positions,
    shards: u16,
) -> Result<(Lag, Option<Timestamp>), DbError> {
    let now = clock::now();
    let mut lag = Lag { breaker: worst(views.iter().map(|view| view.breaker.at(now))), ..Lag::default() };
    let mut budget = SCAN;
    // The longest parked first: what the budget is enough for has the oldest event among it.
    let mut parked: Vec<Parked> = Vec::new();
    if let Some(number) = views.first().and_then(|view| view.number) {
        let count = |sql| Ok::<_, DbError>(c.row(sql, bind![number], |row| row.uint(0))?.unwrap_or(0));
        lag.dead_letters = count("SELECT COUNT(*) FROM ledger.dead_letters WHERE endpoint_pk = $1")?;
        lag.parked_subjects = count("SELECT COUNT(*) FROM ledger.parked WHERE endpoint_pk = $1")?;
        if lag.parked_subjects > 0 {
            c.each(
                "SELECT shard, subject_id, first_position FROM ledger.parked WHERE endpoint_pk = $1
                 ORDER BY first_position LIMIT $2",
                bind![number, SCAN],
                |row| {
                    let shard: u16 = row.get(0)?;
                    if let Some(view) = views.iter().position(|view| view.shard == shard) {
                        parked.push((view, row.get(1)?, row.uint(2)?));
                    }
                    Ok::<_, DbError>(ControlFlow::Continue(()))
                },
            )?;
        }
    }
    for (view, subject, first) in &parked {
        if budget == 0 {
            break;
        }
        count_parked(&views[*view], subject, *first, &mut lag, &mut budget)?;
    }
    // A subject is in one shard only.
    let parked: HashMap<String, u64> =
        parked.into_iter().map(|(_, subject, first)| (subject, first)).collect();
    // Where the log ends at the frontier there is nothing to look at.
    let behind: Vec<&View<'_>> =
        views.iter().filter(|view| shards == 1 || view.frontier < heads.at(view.shard)).collect();
    count_ahead(c, endpoint, &behind, &parked, &mut lag, &mut budget, shards)?;
    Ok((lag, views.iter().filter_map(|view| view.failing_since).min()))
}

/// How the lanes of this name fare, as far as it is saved.
pub(crate) fn health(c: &Db, id: &EndpointId) -> Result<(BreakerState, Option<Timestamp>), DbError> {
    let Some(number) = number(c, id)? else { return Ok(<_>::default()) };
    let (lanes, now) = (lanes_of(c, number)?, clock::now());
    let breaker = worst(lanes.iter().map(|lane| BreakerState::read(&lane.breaker).at(now)));
    Ok((breaker, lanes.iter().filter_map(|lane| lane.failing_since).min()))
}

/// What the lanes of one endpoint come to: left alone if one of them says so, until the last of these
/// waits is over.
fn worst(breakers: impl Iterator<Item = BreakerState>) -> BreakerState {
    breakers.fold(BreakerState::Closed, |worst, breaker| match (worst, breaker) {
        (BreakerState::Open { until: a }, BreakerState::Open { until: b }) => {
            BreakerState::Open { until: a.max(b) }
        }
        (open @ BreakerState::Open { .. }, _) | (_, open @ BreakerState::Open { .. }) => open,
        (BreakerState::HalfOpen, _) | (_, BreakerState::HalfOpen) => BreakerState::HalfOpen,
        (BreakerState::Closed, BreakerState::Closed) => BreakerState::Closed,
    })
}

/// A parked subject's events up to the frontier; those above it are counted with the others.
fn count_parked(
    view: &View<'_>,
    subject: &str,
    first: u64,
    lag: &mut Lag,
    budget: &mut u64,
) -> Result<(), DbError> {
    let mut looked_at = 0;
    view.c.each(
        statement!(
            "SELECT ",
            EVENT_HEAD,
            " FROM ",
            EVENT_TABLES,
            " WHERE e.subject_id = $1 AND e.shard = $2 AND e.position >= $3 AND e.position <= $4
              ORDER BY e.position LIMIT $5"
        ),
        bind![subject, view.shard, first, view.frontier, *budget],
        |row| {
            looked_at += 1;
            if row.uint(0)? > view.endpoint.start.at(view.shard)
                && matches(row, &view.endpoint.scope, &view.endpoint.event_types)?
            {
                counted(lag, row.time(12)?);
            }
            Ok::<_, DbError>(ControlFlow::Continue(()))
        },
    )?;
    // A subject of which nothing is found costs a look too.
    *budget = budget.saturating_sub(looked_at.max(1));
    Ok(())
}

fn count_ahead(
    c: &Db,
    endpoint: &Endpoint,
    behind: &[&View<'_>],
    parked: &HashMap<String, u64>,
    lag: &mut Lag,
    budget: &mut u64,
    shards: u16,
) -> Result<(), DbError> {
    let of_shard = statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_SHARD, AT_MOST);
    let of_directory = statement!("SELECT ", EVENT_HEAD, " FROM ", EVENT_TABLES, OF_DIRECTORY, AT_MOST);
    // Each a range of the log to look through: the view of its shard, the statement, its first value.
    let mut ranges: Vec<(&View<'_>, &str, Value<'_>)> = Vec::new();
    match &endpoint.scope {
        Scope::All => ranges.extend(behind.iter().map(|view| (*view, of_shard, Value::from(view.shard)))),
        Scope::Directory(id) => {
            if let [view] = behind {
                let sql = "SELECT pk FROM directories WHERE id = $1";
                let key = c.row(sql, bind![id.as_str()], |row| row.get::<i64>(0))?;
                ranges.extend(key.map(|key| (*view, of_directory, Value::from(key))));
            }
        }
        Scope::Organization(id) => {
            for (key, directory) in directories_of(c, id)? {
                let shard = shard_of(&directory, shards);
                let view = behind.iter().find(|view| view.shard == shard);
                ranges.extend(view.map(|view| (*view, of_directory, Value::from(key))));
            }
        }
    }
    let count = ranges.len();
    for (at, (view, sql, key)) in ranges.into_iter().enumerate() {
        // What one does not need is left to those after it.
        let share = *budget / (count - at) as u64;
        if share > 0 {
            let looked_at = count_in(view, sql, key, share, parked, lag)?;
            *budget = budget.saturating_sub(looked_at.max(1));
        }
    }
    Ok(())
}

/// Counts among the rows above the frontier, at most `most`; how many were looked at.
fn count_in(
    view: &View<'_>,
    sql: &str,
    key: Value<'_>,
    most: u64,
    parked: &HashMap<String, u64>,
    lag: &mut Lag,
) -> Result<u64, DbError> {
    let mut looked_at = 0;
    view.c.each(sql, &[key, view.frontier.into(), most.into()], |row| {
        looked_at += 1;
        if matches(row, &view.endpoint.scope, &view.endpoint.event_types)? {
            let position = row.uint(0)?;
            let waits = || -> Result<bool, DbError> {
                let subject: &str = row.get(8)?;
                Ok(parked.get(subject).is_some_and(|first| *first <= position))
            };
            if !view.settled(position) || waits()? {
                counted(lag, row.time(12)?);
            }
        }
        Ok::<_, DbError>(ControlFlow::Continue(()))
    })?;
    Ok(looked_at)
}

/// Of one shard (`$1`), above a position (`$2`).
const OF_SHARD: &str = " WHERE e.shard = $1 AND e.position > $2";
/// Of one directory by its row's key (`$1`), above a position (`$2`).
const OF_DIRECTORY: &str = " WHERE e.directory_pk = $1 AND e.position > $2";
/// By position, at most `$3`.
const AT_MOST: &str = " ORDER BY e.position LIMIT $3";

fn counted(lag: &mut Lag, decided: Timestamp) {
    lag.events += 1;
    lag.oldest = Some(lag.oldest.map_or(decided, |oldest| oldest.min(decided)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lane_that_is_left_alone_says_so_for_all() {
        use BreakerState::{Closed, HalfOpen, Open};
        let open = |second| Open { until: Timestamp::from_second(second).unwrap() };
        for (breakers, expected) in [
            (vec![], Closed),
            (vec![Closed, HalfOpen, Closed], HalfOpen),
            (vec![HalfOpen, open(5), Closed, open(9), open(7)], open(9)),
        ] {
            assert_eq!(worst(breakers.into_iter()), expected);
        }
    }
}
