//! How Kafka is reached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The `kafka` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `host:port`, several with commas. Without it there is no Kafka.
    pub brokers: Option<String>,
    /// The topic of the events. One partition for each shard.
    pub topic: String,
    /// The consumer group of the dispatchers.
    pub group: String,
    /// Create the topic if it is not there.
    pub create_topic: bool,
    /// The topic's replication factor where it is created; 0 leaves it to the broker.
    pub replication_factor: u16,
    /// How the dispatchers' group is kept.
    pub group_protocol: GroupProtocol,
    /// Further properties of librdkafka, such as `security.protocol` and `sasl.*`, for all clients.
    pub options: BTreeMap<String, String>,
}

/// How a consumer group is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// By the members, cooperative-sticky. Every broker knows it.
    #[default]
    Classic,
    /// By the broker (KIP-848); brokers from 4.0.
    Consumer,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            brokers: None,
            topic: "rollcall.events".to_owned(),
            group: "rollcall-dispatch".to_owned(),
            create_topic: true,
            replication_factor: 0,
            group_protocol: GroupProtocol::Classic,
            options: BTreeMap::new(),
        }
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// What is promised depends on this one, so it is not for the owner to set.
    #[error("kafka.options may not set {0}: the order and the completeness of the events depend on it")]
    Reserved(String),
    /// librdkafka does not take it.
    #[error("kafka.options: {0}")]
    Refused(String),
    /// The topic's or the group's name.
    #[error("{0} must be 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-'")]
    Name(&'static str),
    /// The broker list.
    #[error("kafka.brokers must be host:port, several separated by commas")]
    Brokers,
}

impl SettingsError {
    /// The key of the setting that is wrong.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Reserved(_) | Self::Refused(_) => "kafka.options",
            Self::Name(key) => key,
            Self::Brokers => "kafka.brokers",
        }
    }
}

/// What Rollcall sets itself.
const RESERVED: [&str; 20] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "group.protocol",
    "group.instance.id",
    "partition.assignment.strategy",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "enable.idempotence",
    "acks",
    "request.required.acks",
    "transactional.id",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "retries",
    "message.send.max.retries",
    "statistics.interval.ms",
];

impl Settings {
    /// Looks at all that can be seen without a broker.
    pub fn validate(&self) -> Result<(), SettingsError> {
        for (value, name) in [(&self.topic, "kafka.topic"), (&self.group, "kafka.group")] {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if !(1..=249).contains(&value.len()) || !value.chars().all(known) {
                return Err(SettingsError::Name(name));
            }
        }
        if let Some(brokers) = &self.brokers {
            let fits = |broker: &str| {
                broker.trim().rsplit_once(':').is_some_and(|(host, port)| {
                    !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
                })
            };
            if !brokers.split(',').all(fits) {
                return Err(SettingsError::Brokers);
            }
        }
        for name in self.options.keys() {
            if RESERVED.contains(&name.as_str()) {
                return Err(SettingsError::Reserved(name.clone()));
            }
        }
        super::client::refused_option(self).map_or(Ok(()), |why| Err(SettingsError::Refused(why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_named() {
        let with = |name: &str, value: &str| Settings {
            options: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            ..Settings::default()
        };
        assert_eq!(Settings::default().validate(), Ok(()));
        assert_eq!(with("sasl.username", "rollcall").validate(), Ok(()));
        assert_eq!(with("acks", "1").validate(), Err(SettingsError::Reserved("acks".to_owned())));
        let refused = with("no.such.property", "1").validate().unwrap_err().to_string();
        assert!(refused.contains("no.such.property"), "{refused}");
        for (brokers, fits) in [
            ("kafka:9092", true),
            ("a:1, b:2", true),
            ("kafka", false),
            ("kafka:0", false),
            ("a:1,,b:2", false),
        ] {
            let settings = Settings { brokers: Some(brokers.to_owned()), ..Settings::default() };
            assert_eq!(settings.validate().is_ok(), fits, "{brokers}");
        }
        let named = Settings { topic: "a b".to_owned(), ..Settings::default() };
        assert_eq!(named.validate(), Err(SettingsError::Name("kafka.topic")));
    }
}
