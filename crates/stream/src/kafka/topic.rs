//! The topic: made at the first start, and held against the number of shards at each.

use std::time::Duration;

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::Client,
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{
    Settings,
    client::{self, Silent},
};

const PATIENCE: Duration = Duration::from_secs(5);

/// Why the topic cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// It has another number of partitions than there are shards.
    #[error(
        "the topic {topic} has {partitions} partitions, and the store has {shards} shards: each shard needs \
         its partition. Name another topic (kafka.topic), or make this one anew with {shards} partitions"
    )]
    Partitions {
        /// Its name.
        topic: String,
        /// What it has.
        partitions: usize,
        /// What it should have.
        shards: u16,
    },
    /// It is not there, and is not to be made.
    #[error("the topic {0} does not exist, and kafka.create_topic is false")]
    Missing(String),
    /// The broker does not make it.
    #[error("the topic {topic} cannot be created: {reason}")]
    Refused {
        /// Its name.
        topic: String,
        /// The broker's words.
        reason: String,
    },
    /// Kafka does not answer. This may pass.
    #[error("Kafka does not answer: {0}")]
    Away(KafkaError),
}

impl TopicError {
    /// It may pass by itself.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// How many partitions the topic has; `None` if there is none. Blocks for a few seconds at most.
pub(crate) fn partitions(
    client: &Client<impl rdkafka::ClientContext>,
    topic: &str,
) -> Result<Option<usize>, TopicError> {
    // All topics are asked for: to ask for one would make it, where the broker makes what is asked for.
    let metadata = client.fetch_metadata(None, PATIENCE).map_err(TopicError::Away)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    Ok(found.map(|found| found.partitions().len()).filter(|partitions| *partitions > 0))
}

/// Creates the topic where it is not there, and checks it. Needs a runtime with time; blocks it for a
/// few seconds at most.
pub(crate) async fn ensure(settings: &Settings, shards: u16) -> Result<(), TopicError> {
    let admin: AdminClient<Silent> =
        client::config(settings).create_with_context(Silent).map_err(TopicError::Away)?;
    if partitions(admin.inner(), &settings.topic)?.is_none() {
        create(&admin, settings, shards).await?;
    }
    // Somebody else may have made it meanwhile.
    match partitions(admin.inner(), &settings.topic)? {
        Some(partitions) if partitions == usize::from(shards) => Ok(()),
        Some(partitions) => Err(TopicError::Partitions { topic: settings.topic.clone(), partitions, shards }),
        // Made, and not yet known everywhere.
        None => Ok(()),
    }
}

async fn create(admin: &AdminClient<Silent>, settings: &Settings, shards: u16) -> Result<(), TopicError> {
    if !settings.create_topic {
        return Err(TopicError::Missing(settings.topic.clone()));
    }
    let replication = TopicReplication::Fixed(match settings.replication_factor {
        0 => -1,
        factor => factor.into(),
    });
    let topic = NewTopic::new(&settings.topic, shards.into(), replication);
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
    let results = admin.create_topics([&topic], &options).await.map_err(TopicError::Away)?;
    match results.into_iter().next() {
        Some(Ok(_)) => {
            tracing::info!(topic = settings.topic, partitions = shards, "the topic was created");
            Ok(())
        }
        None | Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code @ (RDKafkaErrorCode::RequestTimedOut | RDKafkaErrorCode::NotController)))) => {
            Err(TopicError::Away(KafkaError::AdminOp(code)))
        }
        Some(Err((_, code))) => {
            Err(TopicError::Refused { topic: settings.topic.clone(), reason: code.to_string() })
        }
    }
}

/// [`ensure`], on a thread of its own.
pub(crate) async fn ensure_elsewhere(settings: &Settings, shards: u16) -> Result<(), TopicError> {
    let settings = settings.clone();
    let work = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(ensure(&settings, shards)),
            Err(_) => Err(TopicError::Away(KafkaError::Canceled)),
        }
    });
    work.await.unwrap_or(Err(TopicError::Away(KafkaError::Canceled)))
}
