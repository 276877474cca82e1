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

mod memory;
mod rows;

use std::{collections::BTreeSet, time::Duration};

pub(crate) use memory::Relays;
pub(crate) use rows::save_published;

use crate::{Store, ledger::Task, read::ReadError};

/// How long a shard stays with a relay that does not call. A relay stops publishing before it ends by
/// its own monotonic clock.
pub const RELAY_LEASE: Duration = Duration::from_secs(5);

/// How often and after which pause a claim is repeated while another relay is at it.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

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

/// What becomes of shards that are more than a relay's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surplus {
    /// They are free for others at once: nothing of them may be under way.
    LetGo,
    /// They are kept.
    Keep,
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
fn divide(places: &mut [Place], holder: &str, live: &BTreeSet<String>, surplus: Surplus) {
    let rank = live.iter().filter(|name| name.as_str() < holder).count();
    let (each, more) = (places.len() / live.len().max(1), places.len() % live.len().max(1));
    let share = each + usize::from(rank < more);
    let mut held = places.iter().filter(|place| place.holder.as_deref() == Some(holder)).count();
    // The last ones go first: who comes and goes moves few of the others.
    for place in places.iter_mut().rev() {
        if surplus == Surplus::LetGo && held > share && place.holder.as_deref() == Some(holder) {
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
    pub async fn relay_claim(&self, holder: &str, surplus: Surplus) -> Result<Vec<RelayShard>, ReadError> {
        let (shards, holder) = (self.shards(), holder.to_owned());
        match self.inner.ledger.leases() {
            Some(leases) => {
                for _ in 0..TRIES {
                    let holder = holder.clone();
                    if let Some(held) = leases.run(move |c| rows::claim(c, &holder, shards, surplus)).await? {
                        return Ok(held);
                    }
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                Err(ReadError::Busy)
            }
            None => {
                let known = self.read(|c| Ok(rows::published(c)?)).await?;
                Ok(self.inner.ledger.relays.claim(&holder, shards, &known, surplus))
            }
        }
    }

    /// Lets all shards of this holder go, for others to take at once.
    pub async fn relay_release(&self, holder: &str) -> Result<(), ReadError> {
        let holder = holder.to_owned();
        match self.inner.ledger.leases() {
            Some(leases) => leases.run(move |c| rows::release(c, &holder)).await,
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
            Some(leases) => leases.run(move |c| rows::save(c, &positions)).await?,
            None => {
                let saved = self.inner.ledger.relays.advance(&positions);
                self.inner.ledger.ask(Task::Published(saved.clone())).await?;
                saved.into_iter().map(|(shard, _)| shard).collect()
            }
        };
        refused.retain(|shard| !saved.contains(shard));
        Ok(refused)
    }

    /// Begins shards anew at position 0, for a topic that lost what it held: each with the token that
    /// it is held under; with an older one nothing happens. The holder keeps them, and hears of it at
    /// its next claim, under a new token: what it still saves under the old one is refused.
    pub async fn relay_rewind(&self, lost: &[(u16, u64)]) -> Result<(), ReadError> {
        let lost = lost.to_vec();
        match self.inner.ledger.leases() {
            Some(leases) => leases.run(move |c| rows::rewind(c, &lost)).await,
            None => {
                let rewound = self.inner.ledger.relays.rewind(&lost);
                self.inner.ledger.ask(Task::Published(rewound)).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(places: &[Place], names: &[&str]) -> Vec<usize> {
        names.iter().map(|name| held(places, name).len()).collect()
    }

    #[test]
    fn those_that_live_come_to_even_shares_and_a_change_of_hands_is_a_new_token() {
        for (shards, names) in
            [(32, vec!["a", "b", "c"]), (32, vec!["a"]), (1, vec!["a", "b"]), (5, vec!["a", "b", "c", "d"])]
        {
            let mut places = vec![Place::default(); shards];
            let mut live = BTreeSet::new();
            for name in &names {
                live.insert((*name).to_owned());
                for _ in 0..2 {
                    for name in &live {
                        let before = places.clone();
                        divide(&mut places, name, &live, Surplus::LetGo);
                        for (before, now) in before.iter().zip(&places) {
                            let taken = now.holder.is_some() && now.holder != before.holder;
                            assert_eq!(now.token, before.token + u64::from(taken));
                            assert!(
                                now.holder == before.holder
                                    || now.holder.is_none()
                                    || before.holder.is_none()
                            );
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
