//! The dispatchers' end of the topic: offers what is on it to the feed, and says which shards this
//! process dispatches.
//!
//! Cast: the **group**, as the callbacks of librdkafka tell it; the loop, which never waits for
//! anything but the next record. What is not on the topic, or comes late, the feed's readers read from
//! the store; so nothing here is ever waited for.
//!
//! An assignment is kept while Kafka is away. After a while of that, all shards are assigned: the leases
//! of the store say who gets which, so that those of a dispatcher that is gone find another.

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use rdkafka::{
    ClientContext, Message, Statistics,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer},
    error::KafkaError,
    message::BorrowedMessage,
    topic_partition_list::TopicPartitionList,
};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{
    GroupProtocol, Settings,
    client::{self, Listening, Pulse},
    record,
};
use crate::{Feed, metric};

/// Records that are offered at once.
const BATCH: usize = 256;
/// How long without Kafka until whoever is there takes what is free.
const ALONE: Duration = Duration::from_secs(10);
/// How often it is told that the topic has records of others.
const FOREIGN_TOLD: Duration = Duration::from_secs(60);
/// How long leaving the group may take.
const LEAVE: Duration = Duration::from_secs(3);

/// What the group has given this process.
#[derive(Debug, Default)]
struct Group {
    shards: BTreeSet<u16>,
    /// It has been given anything, if only nothing, since it last joined.
    joined: bool,
}

/// The callbacks: they run inside the client and only take notes.
struct Member {
    listening: Listening,
    topic: String,
    group: Arc<Mutex<Group>>,
    changed: Arc<Notify>,
}

impl Member {
    fn note(&self, change: impl FnOnce(&mut Group)) {
        change(&mut self.group.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    fn shards(&self, list: &TopicPartitionList) -> Vec<u16> {
        let ours = list.elements_for_topic(&self.topic);
        ours.iter().filter_map(|element| u16::try_from(element.partition()).ok()).collect()
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.listening.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.listening.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.listening.stats(statistics);
    }
}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            let lost = consumer.assignment_lost();
            self.note(|group| {
                if lost {
                    *group = Group::default();
                } else {
                    for shard in self.shards(list) {
                        group.shards.remove(&shard);
                    }
                }
            });
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            self.note(|group| {
                group.shards.extend(self.shards(list));
                group.joined = true;
            });
        }
    }
}

/// See the module.
pub(crate) struct Consumer {
    feed: Arc<Feed>,
    pulse: Pulse,
    shards: u16,
    store_id: Box<str>,
    /// When it was last told that there are records of others.
    foreign_told: Cell<Option<Instant>>,
    group: Arc<Mutex<Group>>,
    /// Since when it is not in the group, or Kafka does not answer.
    alone_since: Option<Instant>,
}

impl Consumer {
    pub(crate) fn new(feed: Arc<Feed>, pulse: Pulse, shards: u16, store_id: Box<str>) -> Self {
        let foreign_told = Cell::new(None);
        Self { feed, pulse, shards, store_id, foreign_told, group: Arc::default(), alone_since: None }
    }

    /// Consumes until it is told to stop; then leaves the group at once, for others to take over.
    pub(crate) async fn run(mut self, settings: Settings, mut stop: oneshot::Receiver<()>) {
        let changed = Arc::new(Notify::new());
        let consumer = loop {
            match self.join(&settings, &changed) {
                Ok(consumer) => break consumer,
                Err(error) => tracing::error!(%error, "the topic cannot be consumed; trying again"),
            }
            tokio::select! {
                _ = &mut stop => return,
                () = sleep(Duration::from_secs(1)) => self.assign(),
            }
        };
        let mut tick = interval(Duration::from_millis(500));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut events = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                _ = &mut stop => break,
                () = changed.notified() => self.assign(),
                _ = tick.tick() => self.assign(),
                received = consumer.recv() => {
                    let mut next = Some(received);
                    let mut count = 0;
                    while let Some(received) = next.take() {
                        match received {
                            Ok(message) => {
                                self.take(&consumer, &message, &mut events);
                                count += 1;
                                if count < BATCH {
                                    next = consumer.recv().now_or_never();
                                }
                            }
                            Err(error) => {
                                tracing::debug!(%error, "the topic could not be read");
                                sleep(Duration::from_millis(100)).await;
                            }
                        }
                    }
                    metrics::counter!(metric::CONSUMED).increment(count as u64);
                    self.feed.offer(&events);
                    events.clear();
                }
            }
        }
        leave(consumer).await;
    }

    fn join(&self, settings: &Settings, changed: &Arc<Notify>) -> Result<StreamConsumer<Member>, KafkaError> {
        let mut config = client::config(settings);
        config
            .set("group.id", &settings.group)
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "1000")
            // What was there before is in the store.
            .set("auto.offset.reset", "latest")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.max.messages.kbytes", "16384")
            .set("max.poll.interval.ms", "300000");
        match settings.group_protocol {
            GroupProtocol::Classic => {
                config
                    .set("partition.assignment.strategy", "cooperative-sticky")
                    .set("session.timeout.ms", "6000")
                    // A member learns of a rebalance by its heartbeat: shards that move wait for it.
                    .set("heartbeat.interval.ms", "300");
            }
            GroupProtocol::Consumer => {
                config.set("group.protocol", "consumer");
            }
        }
        let member = Member {
            listening: Listening(self.pulse.clone()),
            topic: settings.topic.clone(),
            group: Arc::clone(&self.group),
            changed: Arc::clone(changed),
        };
        let consumer: StreamConsumer<Member> = config.create_with_context(member)?;
        consumer.subscribe(&[&settings.topic])?;
        Ok(consumer)
    }

    fn take(
        &self,
        consumer: &StreamConsumer<Member>,
        message: &BorrowedMessage<'_>,
        events: &mut Vec<Arc<rollcall_domain::event::LoggedEvent>>,
    ) {
        let shard = u16::try_from(message.partition()).ok().filter(|shard| *shard < self.shards);
        let event = shard.zip(message.headers()).and_then(|(shard, headers)| {
            record::event(shard, headers, message.payload().unwrap_or_default(), &self.store_id)
        });
        match event {
            Some(event) => events.push(Arc::new(event)),
            None => self.foreign(),
        }
        // For the group's lag to mean something; where it goes on from does not matter.
        if let Err(error) = consumer.store_offset_from_message(message) {
            tracing::debug!(%error, "an offset was not kept");
        }
    }

    /// A record that this store did not put there. It goes nowhere.
    fn foreign(&self) {
        metrics::counter!(metric::FOREIGN).increment(1);
        let now = Instant::now();
        if self.foreign_told.get().is_none_or(|told| now.duration_since(told) >= FOREIGN_TOLD) {
            self.foreign_told.set(Some(now));
            tracing::warn!(
                "the topic has records that this store did not put there: each store needs a topic of its own (kafka.topic)"
            );
        }
    }

    /// Tells the feed which shards are this process's.
    fn assign(&mut self) {
        let group = {
            let group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
            (group.joined && !self.pulse.is_away()).then(|| group.shards.clone())
        };
        let shards = match group {
            Some(shards) => {
                self.alone_since = None;
                Some(shards)
            }
            None => {
                let since = *self.alone_since.get_or_insert_with(Instant::now);
                (since.elapsed() >= ALONE).then(|| (0..self.shards).collect())
            }
        };
        if let Some(shards) = shards {
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!(metric::ASSIGNED).set(shards.len() as f64);
            self.feed.assign(shards);
        }
    }
}

/// Closing a consumer can block.
async fn leave(consumer: StreamConsumer<Member>) {
    let (left, has_left) = oneshot::channel();
    let leaving = std::thread::Builder::new().name("kafka-consumer-end".to_owned()).spawn(move || {
        drop(consumer);
        let _ = left.send(());
    });
    if let Err(error) = leaving {
        tracing::warn!(%error, "a consumer was closed here for want of a thread");
    }
    if tokio::time::timeout(LEAVE, has_left).await.is_err() {
        tracing::warn!("the consumer group was not left in time: others take over when the session ends");
    }
}
