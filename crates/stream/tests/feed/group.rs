//! Processes that come and go.

use std::collections::BTreeSet;

use crate::{
    faults::{assert_complete, on_the_topic},
    memory::Memory,
    process::{Process, until},
    settings, shared,
};

const SHARDS: u16 = 8;

#[tokio::test]
async fn dispatchers_share_the_shards() {
    let broker = shared();
    let kafka = settings(&broker);
    let log = Memory::new(SHARDS);
    let all: BTreeSet<u16> = (0..SHARDS).collect();
    let first = Process::dispatch(&log, &kafka, SHARDS, "first").await;
    until("one has all", || first.shards() == all).await;
    for _ in 0..3 {
        let second = Process::dispatch(&log, &kafka, SHARDS, "second").await;
        until("both have some", || {
            let (mine, theirs) = (first.shards(), second.shards());
            mine.len() == 4 && theirs.len() == 4 && mine.union(&theirs).copied().eq(0..SHARDS)
        })
        .await;
        second.stop().await;
        until("one has all again", || first.shards() == all).await;
    }
    first.stop().await;
}

#[tokio::test]
async fn relays_share_the_shards_and_keep_their_order() {
    let broker = shared();
    let kafka = settings(&broker);
    let log = Memory::new(SHARDS);
    let first = Process::ingest(&log, &kafka, SHARDS, "first").await;
    let commit = |process: &Process, count: usize| {
        for _ in 0..count {
            (0..SHARDS).for_each(|shard| process.commit(shard));
        }
    };
    commit(&first, 20);
    let second = Process::ingest(&log, &kafka, SHARDS, "second").await;
    until("both relay", || log.relays().values().eq(&[4, 4])).await;
    // What one commits the other relays.
    commit(&first, 20);
    commit(&second, 20);
    until("all is on the topic", || log.published() == [60; 8]).await;
    first.stop().await;
    commit(&second, 20);
    until("one relays all", || log.published() == [80; 8]).await;
    second.stop().await;
    for partition in 0..SHARDS {
        assert_complete(&on_the_topic(&kafka, partition.into()), 80);
    }
}
