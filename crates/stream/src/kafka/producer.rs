//! A producer that is thrown away at the first error, and what was asked of it with it.

use std::time::Duration;

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

/// See the module.
pub(crate) struct Producer {
    inner: Option<FutureProducer<Listening>>,
    topic: String,
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
    pub(crate) fn new(settings: &Settings, pulse: Pulse) -> Result<Self, KafkaError> {
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
        Ok(Self { inner: Some(inner), topic: settings.topic.clone() })
    }

    /// Puts an event into the queue, and gives what tells that all replicas have it.
    pub(crate) fn send(&self, event: &LoggedEvent) -> Result<DeliveryFuture, Refused> {
        let Some(producer) = &self.inner else { return Err(Refused::Failed(KafkaError::Canceled)) };
        let record = FutureRecord::to(&self.topic)
            .partition(event.shard.into())
            .key(event.directory_id.as_str())
            .payload(&*event.body)
            .timestamp(event.timestamp.as_millisecond())
            .headers(record::headers(event));
        producer.send_result(record).map_err(|(error, _)| match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => Refused::Full,
            error => Refused::Failed(error),
        })
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
