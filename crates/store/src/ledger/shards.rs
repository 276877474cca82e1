//! Which process dispatches a shard: a lease, and an epoch that grows with each change of hands. What
//! an earlier holder saves under an older epoch is refused.
//!
//! On PostgreSQL whoever saves locks the rows of its epochs as a foreign key would (`FOR KEY SHARE`).
//! A claim changes the epoch, which is part of a unique key, and so waits for the saves under the old
//! one; a renewal changes no key and waits for nobody.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::leases::NOW;
use crate::{
    Store,
    db::{Db, DbError, Row, bind},
    read::ReadError,
};

/// How long a shard stays with its holder that does not renew. Whoever holds one renews well before,
/// and stops sending before it ends by its own monotonic clock.
pub const SHARD_LEASE: Duration = Duration::from_secs(6);

/// How often and after which pause a claim is repeated for shards that are free while a save of
/// their last holder is under way.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// A shard that is held, and by which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeldShard {
    /// Which.
    pub shard: u16,
    /// Grows with each claim.
    pub epoch: u64,
}

/// Why progress was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Somebody else dispatches one of the shards by now: nothing of the batch was saved, and nothing
    /// more may be sent of these.
    #[error("another dispatcher took over")]
    Fenced(Vec<u16>),
    /// The store did not take it; nothing of it was saved.
    #[error(transparent)]
    Store(#[from] ReadError),
}

/// The epochs, where one process alone uses the store: nobody else can hold a shard.
#[derive(Debug, Default)]
pub(crate) struct Epochs(Mutex<HashMap<u16, Held>>);

#[derive(Debug)]
struct Held {
    epoch: u64,
    since: Instant,
    revision: u64,
}

impl Epochs {
    fn claim(&self, shard: u16) -> HeldShard {
        let mut epochs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = epochs.get(&shard).map_or(0, |held| held.epoch) + 1;
        epochs.insert(shard, Held { epoch, since: Instant::now(), revision: 0 });
        HeldShard { shard, epoch }
    }

    fn holds(&self, held: HeldShard) -> bool {
        let epochs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.get(&held.shard).is_some_and(|known| known.epoch == held.epoch)
    }

    fn renew(&self, held: HeldShard, revision: u64) -> bool {
        let mut epochs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = epochs.get_mut(&held.shard).filter(|known| known.epoch == held.epoch) else {
            return false;
        };
        (known.since, known.revision) = (Instant::now(), revision);
        true
    }

    fn seen(&self, revision: u64) -> bool {
        let epochs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.values().all(|held| held.revision >= revision || held.since.elapsed() >= SHARD_LEASE)
    }
}

impl Store {
    /// Takes those of the shards that nobody holds, whose lease is over, or that this holder (a name
    /// of the process that no other has had) holds already; each under a new epoch, for
    /// [`SHARD_LEASE`] from the call. The others are left out.
    pub async fn claim_shards(&self, holder: &str, shards: &[u16]) -> Result<Vec<HeldShard>, ReadError> {
        let Some(leases) = self.inner.ledger.leases() else {
            return Ok(shards.iter().map(|shard| self.inner.epochs.claim(*shard)).collect());
        };
        let mut wanted = shards.to_vec();
        let mut held: Vec<HeldShard> = Vec::with_capacity(shards.len());
        for _ in 0..TRIES {
            let (holder, shards) = (holder.to_owned(), serde_json::Value::from(wanted).to_string());
            let (taken, locked) = leases.run(move |c| claim(c, &holder, &shards)).await?;
            held.extend(taken);
            wanted = locked;
            if wanted.is_empty() {
                break;
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        held.sort_unstable_by_key(|held| held.shard);
        Ok(held)
    }

    /// Keeps shards for another [`SHARD_LEASE`], and says which revision of the catalog their holder
    /// has applied. Those that somebody else took meanwhile are left out.
    pub async fn renew_shards(&self, held: &[HeldShard], revision: u64) -> Result<Vec<HeldShard>, ReadError> {
        let Some(leases) = self.inner.ledger.leases() else {
            return Ok(held
                .iter()
                .copied()
                .filter(|held| self.inner.epochs.renew(*held, revision))
                .collect());
        };
        let held = held.to_vec();
        leases.run(move |c| renew(c, &held, revision)).await
    }

    /// Lets shards go, for others to claim at once. Their epochs stay: what is under way can still be
    /// saved until somebody claims them.
    pub async fn release_shards(&self, held: &[HeldShard]) -> Result<(), ReadError> {
        let Some(leases) = self.inner.ledger.leases() else { return Ok(()) };
        let held = held.to_vec();
        leases.run(move |c| release(c, &held)).await
    }

    /// Whether all who hold shards have applied this revision of the catalog or a later one. Who
    /// claimed one has not until it renews.
    pub async fn dispatchers_seen(&self, revision: u64) -> Result<bool, ReadError> {
        if self.inner.ledger.leases().is_none() {
            return Ok(self.inner.epochs.seen(revision));
        }
        self.read(move |c| {
            let sql = format!(
                "SELECT 1 FROM ledger.shards WHERE holder IS NOT NULL AND expires_at > {NOW} AND revision < $1 LIMIT 1"
            );
            Ok(!c.exists(&sql, bind![revision])?)
        })
        .await
    }

    /// The shards of these that are not held under their epochs any more, as far as this process knows
    /// by itself.
    pub(super) fn fenced(&self, epochs: &[HeldShard]) -> Vec<u16> {
        if self.inner.ledger.leases().is_some() {
            return Vec::new();
        }
        epochs.iter().filter(|held| !self.inner.epochs.holds(**held)).map(|held| held.shard).collect()
    }
}

fn held_shard(row: &Row<'_>) -> Result<HeldShard, DbError> {
    Ok(HeldShard { shard: row.get(0)?, epoch: row.uint(1)? })
}

fn list(held: &[HeldShard]) -> String {
    let rows = held.iter().map(|held| serde_json::json!({ "shard": held.shard, "epoch": held.epoch }));
    serde_json::Value::from_iter(rows).to_string()
}

/// What [`list`] made, as rows.
const LISTED: &str = "jsonb_to_recordset($1::text::jsonb) AS l (shard integer, epoch bigint)";

/// Gives what it took, and what is free and could not be locked at once.
fn claim(c: &Db, holder: &str, shards: &str) -> Result<(Vec<HeldShard>, Vec<u16>), DbError> {
    c.execute(
        "INSERT INTO shards (shard, epoch, expires_at) SELECT value::integer, 0, 0 FROM json_each($1)
         ORDER BY 1 ON CONFLICT (shard) DO NOTHING",
        bind![shards],
    )?;
    let free = format!(
        "SELECT shard FROM shards WHERE shard IN (SELECT value::integer FROM json_each($1))
            AND (holder IS NULL OR holder = $2 OR expires_at <= {NOW})"
    );
    // A lock that is not to be had at once is no reason for the renewals behind this to wait.
    let sql = format!(
        "WITH free AS ({free} FOR UPDATE SKIP LOCKED)
         UPDATE shards s SET epoch = s.epoch + 1, holder = $2, expires_at = {NOW} + $3, revision = 0
         FROM free WHERE s.shard = free.shard RETURNING s.shard, s.epoch"
    );
    let lease = i64::try_from(SHARD_LEASE.as_micros()).unwrap_or(i64::MAX);
    let taken = c.rows(&sql, bind![shards, holder, lease], held_shard)?;
    let locked = c
        .rows(&free, bind![shards, holder], |row| row.get::<u16>(0))?
        .into_iter()
        .filter(|shard| taken.iter().all(|held| held.shard != *shard))
        .collect();
    Ok((taken, locked))
}

fn renew(c: &Db, held: &[HeldShard], revision: u64) -> Result<Vec<HeldShard>, DbError> {
    let lease = i64::try_from(SHARD_LEASE.as_micros()).unwrap_or(i64::MAX);
    let sql = format!(
        "UPDATE shards s SET expires_at = {NOW} + $2, revision = $3 FROM {LISTED}
         WHERE s.shard = l.shard AND s.epoch = l.epoch AND s.holder IS NOT NULL RETURNING s.shard, s.epoch"
    );
    let mut kept = c.rows(&sql, bind![list(held), lease, revision], held_shard)?;
    kept.sort_unstable_by_key(|held| held.shard);
    Ok(kept)
}

fn release(c: &Db, held: &[HeldShard]) -> Result<(), DbError> {
    let sql = format!(
        "UPDATE shards s SET holder = NULL, expires_at = 0 FROM {LISTED}
         WHERE s.shard = l.shard AND s.epoch = l.epoch"
    );
    c.execute(&sql, bind![list(held)]).map(drop)
}

/// Those of these epochs that are not the present ones; nobody can claim the others before this
/// transaction ends.
pub(super) fn stale(c: &Db, epochs: impl Iterator<Item = HeldShard>) -> Result<HashSet<HeldShard>, DbError> {
    let mut stale: HashSet<HeldShard> = epochs.collect();
    if stale.is_empty() {
        return Ok(stale);
    }
    let shards: HashSet<u16> = stale.iter().map(|held| held.shard).collect();
    let present = c.rows(
        "SELECT shard, epoch FROM shards WHERE shard IN (SELECT value::integer FROM json_each($1))
         ORDER BY shard FOR KEY SHARE",
        bind![serde_json::Value::from_iter(shards).to_string()],
        held_shard,
    )?;
    for held in present {
        stale.remove(&held);
    }
    Ok(stale)
}
