//! A producer that is thrown away at the first error, and what was asked of it with it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _, PurgeConfig},
};
use rollcall_domain::event::LoggedEvent;

use super::{
    Settings,
    client::{self, Listening, Pulse},
    record,
};

/// How long the threads of a producer that is given up may take to end.
const END: Duration = Duration::from_secs(5);

/// How long a broker may take to say where a partition ends.
const PATIENCE: Duration = Duration::from_secs(3);

/// See the module.
pub(crate) struct Producer {
    inner: Option<FutureProducer<Listening>>,
    topic: String,
    store_id: Box<str>,
    /// What is known of the partitions.
    known: Mutex<BTreeMap<u16, Known>>,
}

/// Of one partition.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The newest offset that this producer was told of, or -1.
    offset: i64,
    /// Whether it was looked at since that was last asked for.
    looked_at: bool,
}

/// Why a record was not taken.
pub(crate) enum Refused {
    /// The queue is full: wait for what was sent before.
    Full,
    /// Anything else.
    Failed(KafkaError),
}

impl Producer {
    /// Makes the client; its threads connect by themselves.
    pub(crate) fn new(settings: &Settings, store_id: &str, pulse: Pulse) -> Result<Self, KafkaError> {
        let inner = client::config(settings)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("compression.type", "lz4")
            // The relay decides when to give up: a record that times out by itself would leave a gap.
            .set("message.timeout.ms", "0")
            .set("enable.gapless.guarantee", "true")
            .set("queue.buffering.max.messages", "20000")
            .set("queue.buffering.max.kbytes", "65536")
            .set("message.max.bytes", "16777216")
            .create_with_context(Listening(pulse))?;
        Ok(Self {
            inner: Some(inner),
            topic: settings.topic.clone(),
            store_id: store_id.into(),
            known: Mutex::default(),
        })
    }

    /// Puts an event into the queue, and gives what tells that all replicas have it.
    pub(crate) fn send(&self, event: &LoggedEvent) -> Result<DeliveryFuture, Refused> {
        let Some(producer) = &self.inner else { return Err(Refused::Failed(KafkaError::Canceled)) };
        let record = FutureRecord::to(&self.topic)
            .partition(event.shard.into())
            .key(event.directory_id.as_str())
            .payload(&*event.body)
            .timestamp(event.timestamp.as_millisecond())
            .headers(record::headers(event, &self.store_id));
        producer.send_result(record).map_err(|(error, _)| match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => Refused::Full,
            error => Refused::Failed(error),
        })
    }

    /// Whether this producer knows that the shard's partition is the one that held what was published.
    pub(crate) fn knows(&self, shard: u16) -> bool {
        self.known().get(&shard).is_some_and(|known| known.looked_at)
    }

    /// From now on each partition has to be looked at again.
    pub(crate) fn doubt(&self) {
        self.known().values_mut().for_each(|known| known.looked_at = false);
    }

    /// Asks where the shard's partition ends. It is the one that held what was published unless nothing
    /// was ever on it, or less than this producer put there: what Kafka removes by age leaves the offsets
    /// as they were. Blocks.
    pub(crate) fn is_new(&self, shard: u16) -> Result<bool, KafkaError> {
        let Some(producer) = &self.inner else { return Err(KafkaError::Canceled) };
        let (_, end) = producer.client().fetch_watermarks(&self.topic, shard.into(), PATIENCE)?;
        let mut known = self.known();
        let known = known.entry(shard).or_insert(Known { offset: -1, looked_at: false });
        known.looked_at = end > 0 && end > known.offset;
        Ok(!known.looked_at)
    }

    /// Takes note of the offset that a record got. `false` if it is no later than one before: the
    /// partition is another one.
    pub(crate) fn goes_on(&self, shard: u16, offset: i64) -> bool {
        // A record that was there already has none.
        if offset < 0 {
            return true;
        }
        let mut known = self.known();
        let known = known.entry(shard).or_insert(Known { offset: -1, looked_at: true });
        let goes_on = offset > known.offset;
        *known = Known { offset, looked_at: true };
        goes_on
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u16, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches the topic's metadata, which the first record would wait for. Blocks.
    pub(crate) fn warm(&self) {
        let Some(producer) = &self.inner else { return };
        // What is wrong shows with the first record.
        let _ = producer.client().fetch_metadata(Some(&self.topic), Duration::from_secs(3));
    }
}

impl Drop for Producer {
    /// What waits is not sent any more. The client's threads may take their time, elsewhere.
    fn drop(&mut self) {
        let Some(producer) = self.inner.take() else { return };
        producer.purge(PurgeConfig::default().queue().inflight());
        let gone = std::thread::Builder::new().name("kafka-producer-end".to_owned()).spawn(move || {
            // Serves the callbacks of what was purged.
            let _ = producer.flush(END);
            drop(producer);
        });
        if let Err(error) = gone {
            tracing::warn!(%error, "a producer was closed here for want of a thread");
        }
    }
}
