//! What all clients of Kafka have in common: their configuration, and how they tell whether a broker
//! answers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Statistics,
    config::{ClientConfig, RDKafkaLogLevel},
    consumer::BaseConsumer,
    error::KafkaError,
};
use tokio::sync::watch;

use super::Settings;
use crate::Link;

/// The configuration that all clients begin with.
pub(crate) fn config(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", settings.brokers.clone().unwrap_or_default())
        .set("client.id", "rollcall")
        .set("socket.keepalive.enable", "true")
        // A broker that hangs is noticed by what is asked of it.
        .set("socket.timeout.ms", "6000")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("topic.metadata.propagation.max.ms", "5000")
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("statistics.interval.ms", "500")
        .set("log.connection.close", "false");
    for (name, value) in &settings.options {
        config.set(name, value);
    }
    config.set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// Why librdkafka does not take the options, if it does not. Nothing is connected to.
pub(crate) fn refused_option(settings: &Settings) -> Option<String> {
    let mut local = settings.clone();
    local.brokers = None;
    let made: Result<BaseConsumer<Silent>, _> = config(&local).create_with_context(Silent);
    match made {
        Err(KafkaError::ClientConfig(_, why, name, value)) => Some(format!("{name} = {value:?}: {why}")),
        Err(error) => Some(error.to_string()),
        Ok(_) => None,
    }
}

/// Says nothing.
pub(crate) struct Silent;
impl ClientContext for Silent {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}
impl rdkafka::consumer::ConsumerContext for Silent {}

/// Whether Kafka answers, as its clients notice.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    link: Arc<watch::Sender<Link>>,
    /// The last thing that went wrong, and when a client last had a broker.
    seen: Arc<Mutex<(String, Option<Instant>)>>,
    /// Why the relay cannot put events on the topic, if so.
    trouble: Arc<watch::Sender<Option<String>>>,
}

/// How long all clients are without a broker until Kafka is taken to be away: the first connection of
/// a new one takes a moment.
const AWAY: Duration = Duration::from_secs(2);

impl Pulse {
    /// Away until a client has connected.
    pub(crate) fn new() -> Self {
        let away = Link::Away { since: Instant::now(), reason: "connecting".to_owned() };
        Self {
            link: Arc::new(watch::Sender::new(away)),
            seen: Arc::default(),
            trouble: Arc::new(watch::Sender::new(None)),
        }
    }

    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// Why the relay cannot put events on the topic, if so.
    pub(crate) fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// The relay goes on, or does not.
    pub(crate) fn note_relay(&self, trouble: Option<&str>) {
        self.trouble.send_if_modified(|known| {
            let changes = known.as_deref() != trouble;
            if changes {
                *known = trouble.map(str::to_owned);
            }
            changes
        });
    }

    pub(crate) fn is_away(&self) -> bool {
        !matches!(*self.link.borrow(), Link::Connected)
    }

    fn seen(&self) -> MutexGuard<'_, (String, Option<Instant>)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, reason: &str) {
        reason.clone_into(&mut self.seen().0);
    }

    /// A client has a broker that answers, or none.
    pub(crate) fn beat(&self, up: bool) {
        let (reason, away) = {
            let mut seen = self.seen();
            if up {
                seen.1 = Some(Instant::now());
            }
            (seen.0.clone(), seen.1.is_none_or(|at| at.elapsed() > AWAY))
        };
        if !up && !away {
            return;
        }
        let turned = self.link.send_if_modified(|link| match (&mut *link, up) {
            (Link::Connected, true) => false,
            (_, true) => {
                *link = Link::Connected;
                true
            }
            (Link::Connected | Link::Unused, false) => {
                *link = Link::Away { since: Instant::now(), reason };
                true
            }
            (Link::Away { reason: known, .. }, false) => {
                // The newest words, which nobody is woken for.
                if !reason.is_empty() {
                    *known = reason;
                }
                false
            }
        });
        if turned {
            metrics::gauge!(crate::metric::CONNECTED).set(if up { 1.0 } else { 0.0 });
            match &*self.link.borrow() {
                Link::Connected => tracing::info!("Kafka answers"),
                Link::Away { reason, .. } => tracing::warn!(reason, "Kafka does not answer"),
                Link::Unused => {}
            }
        }
    }
}

/// Listens to a client of librdkafka for a [`Pulse`].
#[derive(Clone, Debug)]
pub(crate) struct Listening(pub(crate) Pulse);

impl ClientContext for Listening {
    fn log(&self, level: RDKafkaLogLevel, _: &str, message: &str) {
        tracing::debug!(?level, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "a client of Kafka reports");
        self.0.failed(reason);
    }

    fn stats(&self, statistics: Statistics) {
        // Only what was learned from a broker is one; what is configured may be a name for any.
        let up = statistics.brokers.values().any(|broker| broker.state == "UP" && broker.nodeid >= 0);
        self.0.beat(up);
    }
}
