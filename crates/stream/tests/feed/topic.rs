//! The topic itself: made, refused, and shared with others.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use rollcall_stream::{Feed, Role, Settings, StartError, kafka, start};

use crate::{
    memory::Memory,
    process::{Process, until},
    settings, shared,
};

#[tokio::test]
async fn another_number_of_partitions_is_refused() {
    let broker = shared();
    let settings_ = settings(&broker);
    let log = Memory::new(3);
    Process::ingest(&log, &settings_, 3, "first").await.stop().await;
    let info = kafka::ping(&settings_).unwrap();
    assert_eq!((info.brokers, info.partitions), (1, Some(3)));
    let role = Role { relay: true, dispatch: true, shared_store: true };
    let refused = start(&settings_, role, log, Feed::new(Settings::default()), 4, "second").await;
    let Err(StartError::Topic(error)) = refused else { panic!("it started") };
    assert_eq!(
        error.to_string(),
        format!(
            "the topic {} has 3 partitions, and the store has 4 shards: each shard needs its partition. Name \
             another topic (kafka.topic), or make this one anew with 4 partitions",
            settings_.topic
        )
    );
}

#[tokio::test]
async fn a_topic_that_may_not_be_made_is_missed() {
    let broker = shared();
    let settings = kafka::Settings { create_topic: false, ..settings(&broker) };
    let role = Role { relay: true, dispatch: false, shared_store: true };
    let refused = start(&settings, role, Memory::new(1), Feed::new(Settings::default()), 1, "one").await;
    let Err(error) = refused else { panic!("it started") };
    let expected = format!("the topic {} does not exist, and kafka.create_topic is false", settings.topic);
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn nobody_there_is_said_in_one_line() {
    let nobody = kafka::Settings { brokers: Some("127.0.0.1:1".to_owned()), ..kafka::Settings::default() };
    let error = tokio::task::spawn_blocking(move || kafka::ping(&nobody)).await.unwrap().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("Kafka at 127.0.0.1:1 does not answer: "), "{text}");
    assert!(!text.contains('\n'));
}

#[tokio::test]
async fn what_others_put_on_the_topic_is_passed_over() {
    let broker = shared();
    let settings = settings(&broker);
    let log = Memory::new(1);
    let ingest = Process::ingest(&log, &settings, 1, "ingest").await;
    let dispatch = Process::dispatch(&log, &settings, 1, "dispatch").await;
    until("the shard is assigned", || dispatch.shards().len() == 1).await;
    let others: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", settings.brokers.as_deref().unwrap()).create().unwrap();
    for payload in ["", "not ours", "{}"] {
        others.send(BaseRecord::to(&settings.topic).partition(0).key("k").payload(payload)).unwrap();
    }
    others.flush(Duration::from_secs(20)).unwrap();
    (0..10).for_each(|_| ingest.commit(0));
    assert!(dispatch.read_to(0, 10).await.0.iter().map(|event| event.position).eq(1..=10));
    ingest.stop().await;
    dispatch.stop().await;
}
