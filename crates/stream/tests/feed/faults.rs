//! Kafka killed, frozen, wiped: the feed goes on, and the topic lacks nothing.

use std::time::Duration;

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::RDKafkaErrorCode,
    message::Headers as _,
};
use rollcall_stream::{Link, kafka};
use rollcall_tests::servers::kafka::Kafka;

use crate::{
    memory::Memory,
    process::{Process, until},
    settings,
};

/// The positions on a partition of the topic, from its beginning, as any other client reads them.
pub(crate) fn on_the_topic(settings: &kafka::Settings, partition: i32) -> Vec<u64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", settings.brokers.as_deref().unwrap())
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&settings.topic, partition, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut positions = Vec::new();
    loop {
        match consumer.poll(Duration::from_secs(20)).expect("the topic can be read") {
            Ok(message) => {
                let headers = message.headers().unwrap();
                let position = headers.iter().find(|header| header.key == "ce_position").unwrap();
                positions.push(std::str::from_utf8(position.value.unwrap()).unwrap().parse().unwrap());
            }
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => return positions,
            Err(error) => panic!("{error}"),
        }
    }
}

/// In order and complete; a part may come again, in order, from where it was cut off.
pub(crate) fn assert_complete(positions: &[u64], end: u64) {
    let mut reached = 0;
    let mut last = 0;
    for position in positions {
        assert!(*position == last + 1 || *position <= reached, "{position} after {last}: {positions:?}");
        assert!(*position <= reached + 1, "{position} where {reached} was reached");
        reached = reached.max(*position);
        last = *position;
    }
    assert_eq!(reached, end);
}

#[tokio::test]
async fn a_broker_that_is_killed_costs_nothing() {
    let broker = Kafka::start();
    let kafka = settings(&broker);
    let log = Memory::new(2);
    let ingest = Process::ingest(&log, &kafka, 2, "ingest").await;
    let dispatch = Process::dispatch(&log, &kafka, 2, "dispatch").await;
    until("the shards are assigned", || dispatch.shards().len() == 2).await;
    for _ in 0..200 {
        ingest.commit(0);
    }
    broker.kill(1);
    for _ in 0..200 {
        ingest.commit(0);
    }
    // Without Kafka, from the store.
    let (read, _) = dispatch.read_to(0, 400).await;
    assert!(read.iter().map(|event| event.position).eq(1..=400));
    until("it is known to be away", || matches!(dispatch.link(), Link::Away { .. })).await;
    assert_eq!(dispatch.shards().len(), 2, "the assignment is kept");
    broker.launch();
    ingest.commit(0);
    until("all is on the topic", || log.published()[0] == 401).await;
    assert_complete(&on_the_topic(&kafka, 0), 401);
    until("it answers again", || dispatch.link() == Link::Connected).await;
    ingest.stop().await;
    dispatch.stop().await;
}

#[tokio::test]
async fn a_broker_that_lost_everything_gets_a_new_topic() {
    let broker = Kafka::start();
    let kafka = settings(&broker);
    let log = Memory::new(1);
    let ingest = Process::ingest(&log, &kafka, 1, "ingest").await;
    let dispatch = Process::dispatch(&log, &kafka, 1, "dispatch").await;
    (0..50).for_each(|_| ingest.commit(0));
    until("all is on the topic", || log.published()[0] == 50).await;
    broker.wipe();
    (0..50).for_each(|_| ingest.commit(0));
    let (read, _) = dispatch.read_to(0, 100).await;
    assert!(read.iter().map(|event| event.position).eq(1..=100));
    until("what came later is on the new topic", || log.published()[0] == 100).await;
    // The new topic holds all of it, what was on the old one too.
    assert_complete(&on_the_topic(&kafka, 0), 100);
    ingest.stop().await;
    dispatch.stop().await;
}

/// Whether or not the producer's connection noticed.
#[tokio::test]
async fn a_topic_that_somebody_made_anew_gets_the_whole_log() {
    let broker = Kafka::start();
    let kafka = settings(&broker);
    let log = Memory::new(3);
    let ingest = Process::ingest(&log, &kafka, 3, "ingest").await;
    (0..50).for_each(|_| ingest.commit(0));
    (0..30).for_each(|_| ingest.commit(2));
    until("all is on the topic", || log.published() == [50, 0, 30]).await;
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().unwrap();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    admin.delete_topics(&[&kafka.topic], &options).await.unwrap()[0].as_ref().unwrap();
    let again = NewTopic::new(&kafka.topic, 3, TopicReplication::Fixed(1));
    loop {
        let made = admin.create_topics([&again], &options).await.unwrap();
        match made[0] {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => break,
            // It is being deleted.
            Err(_) => tokio::task::yield_now().await,
        }
    }
    ingest.commit(0);
    ingest.commit(1);
    until("all is on the topic again", || log.published() == [51, 1, 30]).await;
    let positions = on_the_topic(&kafka, 0);
    // What was under way may stand before the beginning.
    let beginning = positions.iter().rposition(|position| *position == 1).unwrap();
    assert_complete(&positions[beginning..], 51);
    assert_complete(&on_the_topic(&kafka, 1), 1);
    // Nothing new ever came of the third.
    let whole = async {
        loop {
            let kafka = kafka.clone();
            let read = tokio::task::spawn_blocking(move || on_the_topic(&kafka, 2)).await.unwrap();
            if read.len() >= 30 {
                break assert_complete(&read, 30);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), whole).await.expect("a quiet shard is refilled too");
    ingest.stop().await;
}

#[tokio::test]
async fn a_frozen_broker_holds_up_no_dispatcher() {
    let broker = Kafka::start();
    let kafka = settings(&broker);
    let log = Memory::new(1);
    let ingest = Process::ingest(&log, &kafka, 1, "ingest").await;
    let dispatch = Process::dispatch(&log, &kafka, 1, "dispatch").await;
    until("the shard is assigned", || dispatch.shards().len() == 1).await;
    (0..50).for_each(|_| ingest.commit(0));
    broker.freeze(1);
    (0..50).for_each(|_| ingest.commit(0));
    let (read, _) = dispatch.read_to(0, 100).await;
    assert_eq!(read.len(), 100);
    until("it is known to be away", || matches!(dispatch.link(), Link::Away { .. })).await;
    broker.thaw(1);
    until("all is on the topic", || log.published()[0] == 100).await;
    assert_complete(&on_the_topic(&kafka, 0), 100);
    ingest.stop().await;
    dispatch.stop().await;
}

#[tokio::test]
async fn a_start_without_kafka_is_a_start() {
    let broker = Kafka::start();
    let kafka = settings(&broker);
    let log = Memory::new(3);
    broker.kill(1);
    let ingest = Process::ingest(&log, &kafka, 3, "ingest").await;
    let dispatch = Process::dispatch(&log, &kafka, 2, "dispatch").await;
    (0..20).for_each(|_| ingest.commit(1));
    // Nobody shares the shards out, so after a while whoever is there asks for all of them.
    until("all shards are assigned", || dispatch.shards().len() == 2).await;
    assert_eq!(dispatch.read_to(1, 20).await.0.len(), 20);
    broker.launch();
    until("all is on the topic", || log.published()[1] == 20).await;
    ingest.stop().await;
    dispatch.stop().await;
}
