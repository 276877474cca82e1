//! A look at Kafka, for `rollcall check`.

use std::time::Duration;

use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};

use super::{
    Settings,
    client::{self, Silent},
    topic,
};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// How many brokers there are.
    pub brokers: usize,
    /// How many partitions the topic has; `None` if it is not there yet.
    pub partitions: Option<usize>,
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum PingError {
    /// No `kafka.brokers`.
    #[error("no brokers are configured")]
    Unused,
    /// Nobody answers.
    #[error("Kafka at {brokers} does not answer: {error}")]
    Away {
        /// Who was asked.
        brokers: String,
        /// What came of it.
        error: KafkaError,
    },
}

/// Asks the brokers for their topics. Blocks for some seconds at most.
pub fn ping(settings: &Settings) -> Result<Info, PingError> {
    let brokers = settings.brokers.clone().ok_or(PingError::Unused)?;
    let away = |error| PingError::Away { brokers: brokers.clone(), error };
    let consumer: BaseConsumer<Silent> =
        client::config(settings).create_with_context(Silent).map_err(away)?;
    let metadata = consumer.client().fetch_metadata(None, Duration::from_secs(5)).map_err(away)?;
    let partitions = topic::partitions(consumer.client(), &settings.topic).map_err(|error| match error {
        topic::TopicError::Away(error) => away(error),
        _ => away(KafkaError::Canceled),
    })?;
    Ok(Info { brokers: metadata.brokers().len(), partitions })
}
