//! What every feed gives: each shard's events in order and complete, once they are committed.

use std::collections::BTreeSet;

use crate::{
    memory::Memory,
    process::{Process, until},
    settings, shared,
};

const SHARDS: u16 = 4;

/// Commits to `writer` while and before `reader` reads; the reader sees all, in order.
async fn gives_all_in_order(log: &Memory, writer: &Process, reader: &Process) -> usize {
    for _ in 0..50 {
        (0..SHARDS).for_each(|shard| writer.commit(shard));
    }
    let mut from_tail = 0;
    for shard in 0..SHARDS {
        for _ in 0..50 {
            writer.commit(shard);
        }
        let (read, tail) = reader.read_to(shard, 100).await;
        from_tail += tail;
        let positions: Vec<u64> = read.iter().map(|event| event.position).collect();
        assert_eq!(positions, (1..=100).collect::<Vec<_>>(), "shard {shard}");
        let query = |event: &rollcall_domain::event::LoggedEvent| event.body.clone();
        assert!(read.iter().all(|event| query(event) == format!(r#"{{"sequence":{}}}"#, event.position)));
    }
    assert_eq!(log.published().len(), usize::from(SHARDS));
    from_tail
}

#[tokio::test]
async fn in_one_process() {
    let log = Memory::new(SHARDS);
    let alone = Process::alone(&log, SHARDS).await;
    assert_eq!(alone.shards(), (0..SHARDS).collect::<BTreeSet<_>>());
    assert_eq!(gives_all_in_order(&log, &alone, &alone).await, 400, "nothing is read from the store");
    assert_eq!(alone.link(), rollcall_stream::Link::Unused);
    alone.stop().await;
}

#[tokio::test]
async fn between_processes_over_kafka() {
    let broker = shared();
    let kafka = settings(&broker);
    let log = Memory::new(SHARDS);
    let ingest = Process::ingest(&log, &kafka, SHARDS, "ingest").await;
    let dispatch = Process::dispatch(&log, &kafka, SHARDS, "dispatch").await;
    until("all shards are assigned", || dispatch.shards().len() == usize::from(SHARDS)).await;
    gives_all_in_order(&log, &ingest, &dispatch).await;
    until("all is on the topic", || log.published() == [100; 4]).await;
    // The store tells that process of heads only: an event in its tail came over Kafka.
    ingest.commit(0);
    until("Kafka carries events", || {
        dispatch.feed.tail_after(0, 100, 10).is_some_and(|events| events.len() == 1)
    })
    .await;
    assert_eq!(dispatch.link(), rollcall_stream::Link::Connected);
    ingest.stop().await;
    dispatch.stop().await;
    assert!(log.relays().is_empty(), "the shards were let go");
}
