//! Processes that come and go.

use std::collections::BTreeSet;

use rollcall_stream::{Log as _, kafka};

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

/// Two stores on one topic are a mistake that costs neither of them anything.
#[tokio::test]
async fn what_another_store_put_on_the_topic_goes_nowhere() {
    let broker = shared();
    let kafka = settings(&broker);
    let other = kafka::Settings { group: "another".to_owned(), ..kafka.clone() };
    let (log, strange) = (Memory::new(1), Memory::new(1));
    let dispatch = Process::dispatch(&log, &kafka, 1, "dispatch").await;
    until("the shard is assigned", || dispatch.shards().len() == 1).await;
    let stranger = Process::ingest(&strange, &other, 1, "stranger").await;
    (0..100).for_each(|_| stranger.commit(0));
    until("the stranger is on the topic", || strange.published()[0] == 100).await;
    let ingest = Process::ingest(&log, &kafka, 1, "ingest").await;
    (0..50).for_each(|_| ingest.commit(0));
    let (read, _) = dispatch.read_to(0, 50).await;
    let own: Vec<_> =
        log.shard_events(0, 0, 100).await.unwrap().iter().map(|event| event.id.clone()).collect();
    assert_eq!(read.iter().map(|event| event.id.clone()).collect::<Vec<_>>(), own);
    for process in [ingest, stranger, dispatch] {
        process.stop().await;
    }
}
