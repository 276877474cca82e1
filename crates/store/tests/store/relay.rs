use std::collections::BTreeMap;

use rollcall_store::{
    Store,
    relay::{RelayShard, Surplus},
};

use crate::{processes::Processes, support::Fixture};

/// Lets each of these call as often as it takes until nothing changes hands any more; gives what
/// each holds.
async fn settled(relays: &[(&Store, &str)]) -> Vec<Vec<RelayShard>> {
    let mut before = Vec::new();
    loop {
        let mut held = Vec::new();
        for (store, holder) in relays {
            held.push(store.relay_claim(holder, Surplus::LetGo).await.unwrap());
        }
        if held == before {
            return held;
        }
        before = held;
    }
}

fn shares(held: &[Vec<RelayShard>], shards: u16) -> Vec<usize> {
    let mut all: Vec<u16> = held.iter().flatten().map(|held| held.shard).collect();
    all.sort_unstable();
    assert_eq!(all, (0..shards).collect::<Vec<_>>(), "each shard is held once");
    held.iter().map(Vec::len).collect()
}

async fn relays_share_evenly(f: &Fixture, stores: &[Store]) {
    let shards = f.store.shards();
    let names = ["a", "b", "c", "d"];
    let mut relays = Vec::new();
    let mut tokens: BTreeMap<u16, u64> = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        relays.push((&stores[at % stores.len()], *name));
        let held = settled(&relays).await;
        let shares = shares(&held, shards);
        assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
        for held in held.iter().flatten() {
            assert!(tokens.insert(held.shard, held.token).is_none_or(|before| before <= held.token));
        }
    }
    // Two go; the others take over at once, under new tokens.
    let gone = settled(&relays).await;
    for (store, name) in relays.drain(..2) {
        store.relay_release(name).await.unwrap();
    }
    let held = settled(&relays).await;
    shares(&held, shards);
    for before in gone[..2].iter().flatten() {
        let now = held.iter().flatten().find(|now| now.shard == before.shard).unwrap();
        assert_eq!(now.token, before.token + 1);
    }
}

/// What was published is kept, and only from whoever holds the shard.
async fn published_positions_are_the_holders(f: &Fixture, other: &Store) {
    let first = f.store.relay_claim("a", Surplus::LetGo).await.unwrap();
    assert_eq!(first.len(), usize::from(f.store.shards()));
    // Somebody else comes, and nothing is let go while something is under way.
    assert!(other.relay_claim("b", Surplus::LetGo).await.unwrap().is_empty());
    assert_eq!(f.store.relay_claim("a", Surplus::Keep).await.unwrap(), first);
    other.relay_release("b").await.unwrap();
    assert!(first.iter().all(|held| held.published == 0), "everything in the log belongs on the feed");
    let token = first[0].token;
    assert_eq!(f.store.relay_published(&[(0, token, 7)]).await.unwrap(), [0_u16; 0]);
    // Never back.
    assert_eq!(f.store.relay_published(&[(0, token, 5)]).await.unwrap(), [0_u16; 0]);
    f.store.relay_release("a").await.unwrap();
    let second = other.relay_claim("b", Surplus::LetGo).await.unwrap();
    assert_eq!((second[0].published, second[0].token), (7, token + 1));
    assert_eq!(f.store.relay_published(&[(0, token, 9)]).await.unwrap(), [0]);
    assert_eq!(other.relay_published(&[(0, token + 1, 8)]).await.unwrap(), [0_u16; 0]);
    let held = other.relay_claim("b", Surplus::LetGo).await.unwrap();
    assert_eq!(held[0], RelayShard { shard: 0, token: token + 1, published: 8 });

    // The topic lost what it held, which only the holder can say.
    f.store.relay_rewind(&[(0, token)]).await.unwrap();
    assert_eq!(other.relay_claim("b", Surplus::LetGo).await.unwrap()[0], held[0]);
    other.relay_rewind(&[(0, token + 1)]).await.unwrap();
    assert_eq!(other.relay_published(&[(0, token + 1, 9)]).await.unwrap(), [0]);
    let again = other.relay_claim("b", Surplus::LetGo).await.unwrap();
    assert_eq!(again[0], RelayShard { shard: 0, token: token + 2, published: 0 });
    assert_eq!(again[1..], held[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_on_files() {
    let f = Fixture::new().await;
    relays_share_evenly(&f, std::slice::from_ref(&f.store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn published_on_files() {
    let f = Fixture::new().await;
    published_positions_are_the_holders(&f, &f.store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_on_a_server() {
    let p = Processes::new().await;
    let stores = [p.one.store.clone(), p.two.clone(), p.another()];
    relays_share_evenly(&p.one, &stores).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn published_on_a_server() {
    let p = Processes::new().await;
    published_positions_are_the_holders(&p.one, &p.two).await;
}

/// One that does not call any more is not waited for.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_relay_loses_its_shards() {
    let p = Processes::new().await;
    let first = p.one.store.relay_claim("a", Surplus::LetGo).await.unwrap();
    assert_eq!(p.two.relay_claim("b", Surplus::LetGo).await.unwrap(), []);
    p.sql
        .batch_execute(
            "UPDATE ledger.relays SET expires_at = 1; UPDATE ledger.relay_holders SET expires_at = 1",
        )
        .await
        .unwrap();
    let second = p.two.relay_claim("b", Surplus::LetGo).await.unwrap();
    assert_eq!(second.len(), first.len());
    assert!(first.iter().zip(&second).all(|(first, second)| second.token == first.token + 1));
    let positions: Vec<(u16, u64, u64)> = first.iter().map(|held| (held.shard, held.token, 1)).collect();
    assert_eq!(p.one.store.relay_published(&positions).await.unwrap().len(), first.len());
}
