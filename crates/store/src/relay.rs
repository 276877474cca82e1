//! Who publishes which shards to the feed, and up to where that was done.
//!
//! Cast: the **relays**, one in each process that publishes, each a holder with a name of its own; a
//! row for each shard, with its holder, a **token** that grows with each change of hands, and the
//! **published** position.
//!
//! Plot: each relay calls [`Store::relay_claim`] well within [`RELAY_LEASE`], which keeps what it
//! holds, takes what is free, and lets go what is more than its share among those that live. What it
//! publishes it saves with the token; with an older one it is refused. A shard that was never
//! published begins at 0: the feed is public, and everything in the log belongs there.
//!
//! With SQLite there is one process: who holds what is in memory, and the published positions are in
//! the ledger.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Store,
    db::{Db, DbError, bind},
    ledger::{NOW, Task},
    read::ReadError,
};

/// How long a shard stays with a relay that does not call. A relay stops publishing before it ends by
/// its own monotonic clock.
pub const RELAY_LEASE: Duration = Duration::from_secs(5);

/// The lock of PostgreSQL under which shards are divided.
const DIVIDING: i64 = 0x726f_6c6c_7265_6c61;

/// A shard that a relay holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayShard {
    /// Which.
    pub shard: u16,
    /// Under which token.
    pub token: u64,
    /// Every event up to this position was published.
    pub published: u64,
}

/// A shard's row, as it is at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    token: u64,
    /// Until its lease is over.
    holder: Option<String>,
    published: u64,
}

/// Divides the shards: changes the places so that this holder has its share among those that live
/// (itself among them), as far as shards are free.
fn divide(places: &mut [Place], holder: &str, live: &BTreeSet<String>) {
    let rank = live.iter().filter(|name| name.as_str() < holder).count();
    let (each, more) = (places.len() / live.len().max(1), places.len() % live.len().max(1));
    let share = each + usize::from(rank < more);
    let mut held = places.iter().filter(|place| place.holder.as_deref() == Some(holder)).count();
    // The last ones go first: who comes and goes moves few of the others.
    for place in places.iter_mut().rev() {
        if held > share && place.holder.as_deref() == Some(holder) {
            place.holder = None;
            held -= 1;
        }
    }
    for place in places.iter_mut() {
        if held < share && place.holder.is_none() {
            place.holder = Some(holder.to_owned());
            place.token += 1;
            held += 1;
        }
    }
}

fn held(places: &[Place], holder: &str) -> Vec<RelayShard> {
    (0..)
        .zip(places)
        .filter(|(_, place)| place.holder.as_deref() == Some(holder))
        .map(|(shard, place)| RelayShard { shard, token: place.token, published: place.published })
        .collect()
}

impl Store {
    /// Heartbeat and balance in one: keeps this holder's shards for another [`RELAY_LEASE`] from the
    /// call, takes free and expired ones, lets surplus go, so that the relays that live (those that
    /// called within the lease) have even shares. Gives what is held now; a shard whose token is
    /// another one than before begins anew at its `published`.
    pub async fn relay_claim(&self, holder: &str) -> Result<Vec<RelayShard>, ReadError> {
        let (shards, holder) = (self.shards(), holder.to_owned());
        match self.inner.ledger.leases() {
            Some(leases) => leases.run(move |c| claim(c, &holder, shards)).await,
            None => {
                let known = self.read(|c| Ok(published(c)?)).await?;
                Ok(self.inner.ledger.relays.claim(&holder, shards, &known))
            }
        }
    }

    /// Lets all shards of this holder go, for others to take at once.
    pub async fn relay_release(&self, holder: &str) -> Result<(), ReadError> {
        let holder = holder.to_owned();
        match self.inner.ledger.leases() {
            Some(leases) => leases.run(move |c| release(c, &holder)).await,
            None => {
                self.inner.ledger.relays.release(&holder);
                Ok(())
            }
        }
    }

    /// Saves up to which position shards were published: each with its token and its position, which
    /// never goes back. Gives the shards whose token is not the present one: these were not saved, and
    /// nothing more may be published of them.
    pub async fn relay_published(&self, positions: &[(u16, u64, u64)]) -> Result<Vec<u16>, ReadError> {
        let mut refused: Vec<u16> = positions.iter().map(|(shard, ..)| *shard).collect();
        let positions = positions.to_vec();
        let saved = match self.inner.ledger.leases() {
            Some(leases) => leases.run(move |c| save(c, &positions)).await?,
            None => {
                let saved = self.inner.ledger.relays.advance(&positions);
                self.inner.ledger.ask(Task::Published(saved.clone())).await?;
                saved.into_iter().map(|(shard, _)| shard).collect()
            }
        };
        refused.retain(|shard| !saved.contains(shard));
        Ok(refused)
    }

    /// Sets published positions back (or on), for a topic that lost what it held. Whoever publishes
    /// one of these shards is refused from now on, and hears of the position at its next claim, under
    /// a new token.
    pub async fn relay_rewind(&self, positions: &[(u16, u64)]) -> Result<(), ReadError> {
        let positions = positions.to_vec();
        match self.inner.ledger.leases() {
            Some(leases) => leases.run(move |c| rewind(c, &positions)).await,
            None => {
                self.inner.ledger.relays.rewind(&positions);
                self.inner.ledger.ask(Task::Published(positions)).await
            }
        }
    }

    /// Up to which position each shard was published, as far as it ever was.
    pub async fn relay_positions(&self) -> Result<Vec<(u16, u64)>, ReadError> {
        self.read(|c| Ok(published(c)?)).await
    }
}

fn published(c: &Db) -> Result<Vec<(u16, u64)>, DbError> {
    c.rows("SELECT shard, published FROM ledger.relays ORDER BY shard", bind![], |row| {
        Ok((row.get(0)?, row.uint(1)?))
    })
}

/// For the ledger's writer, with SQLite.
pub(crate) fn save_published(c: &Db, positions: &[(u16, u64)]) -> Result<(), DbError> {
    for (shard, position) in positions {
        c.execute(
            "INSERT INTO relays (shard, published) VALUES ($1, $2)
             ON CONFLICT (shard) DO UPDATE SET published = excluded.published",
            bind![*shard, *position],
        )?;
    }
    Ok(())
}

/// Who holds what, where one process alone uses the store.
#[derive(Default)]
pub(crate) struct Relays(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    places: Vec<Place>,
    /// When each holder called last.
    called: Vec<(String, Instant)>,
}

impl Relays {
    fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn claim(&self, holder: &str, shards: u16, known: &[(u16, u64)]) -> Vec<RelayShard> {
        self.with(|memory| {
            if memory.places.is_empty() {
                memory.places.resize(usize::from(shards), Place::default());
                for (shard, position) in known {
                    if let Some(place) = memory.places.get_mut(usize::from(*shard)) {
                        place.published = *position;
                    }
                }
            }
            memory.called.retain(|(name, at)| name != holder && at.elapsed() < RELAY_LEASE);
            memory.called.push((holder.to_owned(), Instant::now()));
            let live: BTreeSet<String> = memory.called.iter().map(|(name, _)| name.clone()).collect();
            for place in &mut memory.places {
                place.holder = place.holder.take().filter(|holder| live.contains(holder));
            }
            divide(&mut memory.places, holder, &live);
            held(&memory.places, holder)
        })
    }

    fn release(&self, holder: &str) {
        self.with(|memory| {
            memory.called.retain(|(name, _)| name != holder);
            for place in &mut memory.places {
                place.holder = place.holder.take().filter(|name| name != holder);
            }
        });
    }

    /// Gives those that are saved.
    fn advance(&self, positions: &[(u16, u64, u64)]) -> Vec<(u16, u64)> {
        self.with(|memory| {
            let mut saved = Vec::with_capacity(positions.len());
            for (shard, token, position) in positions {
                if let Some(place) = memory.places.get_mut(usize::from(*shard))
                    && place.token == *token
                {
                    place.published = place.published.max(*position);
                    saved.push((*shard, place.published));
                }
            }
            saved
        })
    }

    fn rewind(&self, positions: &[(u16, u64)]) {
        self.with(|memory| {
            for (shard, position) in positions {
                if let Some(place) = memory.places.get_mut(usize::from(*shard)) {
                    place.published = *position;
                    place.token += 1;
                }
            }
        });
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn claim(c: &Db, holder: &str, shards: u16) -> Result<Vec<RelayShard>, DbError> {
    // One at a time, so that nobody counts on what another is about to change.
    c.row("SELECT 1 FROM pg_advisory_xact_lock($1)", bind![DIVIDING], |_| Ok::<_, DbError>(()))?;
    c.execute(
        "INSERT INTO relays (shard, token, expires_at, published)
         SELECT s, 0, 0, 0 FROM generate_series(0, $1::integer - 1) s ON CONFLICT (shard) DO NOTHING",
        bind![shards],
    )?;
    c.execute(&format!("DELETE FROM relay_holders WHERE expires_at <= {NOW}"), bind![])?;
    c.execute(
        &format!(
            "INSERT INTO relay_holders (holder, expires_at) VALUES ($1, {NOW} + $2)
             ON CONFLICT (holder) DO UPDATE SET expires_at = excluded.expires_at"
        ),
        bind![holder, micros(RELAY_LEASE)],
    )?;
    let live = c.rows("SELECT holder FROM relay_holders", bind![], |row| row.get::<String>(0))?;
    // What is expired and nobody has taken is still this holder's.
    let sql = format!(
        "SELECT shard, token, published, CASE WHEN expires_at > {NOW} OR holder = $1 THEN holder END
         FROM relays WHERE shard < $2 ORDER BY shard FOR UPDATE"
    );
    let mut places = c.rows(&sql, bind![holder, shards], |row| {
        Ok::<_, DbError>(Place { token: row.uint(1)?, published: row.uint(2)?, holder: row.get(3)? })
    })?;
    let before = places.clone();
    divide(&mut places, holder, &live.into_iter().collect());
    let changed = |shard: usize| {
        let (before, now) = (&before[shard], &places[shard]);
        now.holder.as_deref() == Some(holder) || before.holder.as_deref() == Some(holder)
    };
    let rows = (0..places.len()).filter(|shard| changed(*shard)).map(|shard| {
        serde_json::json!({ "shard": shard, "token": places[shard].token, "held": places[shard].holder.is_some() })
    });
    let rows = serde_json::Value::from_iter(rows).to_string();
    c.execute(
        &format!(
            "UPDATE relays r SET token = l.token, holder = CASE WHEN l.held THEN $2 END,
                expires_at = CASE WHEN l.held THEN {NOW} + $3 ELSE 0 END
             FROM jsonb_to_recordset($1::text::jsonb) AS l (shard integer, token bigint, held boolean)
             WHERE r.shard = l.shard"
        ),
        bind![rows, holder, micros(RELAY_LEASE)],
    )?;
    Ok(held(&places, holder))
}

fn release(c: &Db, holder: &str) -> Result<(), DbError> {
    c.execute("DELETE FROM relay_holders WHERE holder = $1", bind![holder])?;
    c.execute("UPDATE relays SET holder = NULL, expires_at = 0 WHERE holder = $1", bind![holder]).map(drop)
}

fn list(rows: impl Iterator<Item = (u16, u64, u64)>) -> String {
    let rows = rows.map(|(shard, token, position)| {
        serde_json::json!({ "shard": shard, "token": token, "position": position })
    });
    serde_json::Value::from_iter(rows).to_string()
}

/// What [`list`] made, as rows.
const LISTED: &str = "jsonb_to_recordset($1::text::jsonb) AS l (shard integer, token bigint, position bigint)";

/// Gives the shards that were saved.
fn save(c: &Db, positions: &[(u16, u64, u64)]) -> Result<Vec<u16>, DbError> {
    c.rows(
        &format!(
            "UPDATE relays r SET published = GREATEST(r.published, l.position) FROM {LISTED}
             WHERE r.shard = l.shard AND r.token = l.token RETURNING r.shard"
        ),
        bind![list(positions.iter().copied())],
        |row| row.get(0),
    )
}

fn rewind(c: &Db, positions: &[(u16, u64)]) -> Result<(), DbError> {
    let rows = positions.iter().map(|(shard, position)| (*shard, 0, *position));
    c.execute(
        &format!(
            "UPDATE relays r SET published = l.position, token = r.token + 1 FROM {LISTED} WHERE r.shard = l.shard"
        ),
        bind![list(rows)],
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(places: &[Place], names: &[&str]) -> Vec<usize> {
        names.iter().map(|name| held(places, name).len()).collect()
    }

    #[test]
    fn those_that_live_come_to_even_shares_and_a_change_of_hands_is_a_new_token() {
        for (shards, names) in [(32, vec!["a", "b", "c"]), (32, vec!["a"]), (1, vec!["a", "b"]), (5, vec!["a", "b", "c", "d"])] {
            let mut places = vec![Place::default(); shards];
            let mut live = BTreeSet::new();
            for name in &names {
                live.insert((*name).to_owned());
                for _ in 0..2 {
                    for name in &live {
                        let before = places.clone();
                        divide(&mut places, name, &live);
                        for (before, now) in before.iter().zip(&places) {
                            let taken = now.holder.is_some() && now.holder != before.holder;
                            assert_eq!(now.token, before.token + u64::from(taken));
                            assert!(now.holder == before.holder || now.holder.is_none() || before.holder.is_none());
                        }
                    }
                }
                assert!(places.iter().all(|place| place.holder.is_some()));
            }
            let shares = shares(&places, &names);
            assert_eq!(shares.iter().sum::<usize>(), shards);
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
        }
    }
}
