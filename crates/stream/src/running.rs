//! Starting and stopping what moves events between processes, on a thread of its own.

use std::{sync::Arc, thread, time::Duration};

use tokio::{
    sync::{Notify, oneshot, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    Feed, Link, Log,
    heads::{self, Pace},
    kafka::{self, TopicError, client::Pulse, consumer::Consumer, relay::Relay, topic},
    metric,
};

/// What this process does with the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// It puts events on Kafka (roles that take writes).
    pub relay: bool,
    /// It dispatches shards.
    pub dispatch: bool,
    /// Other processes write to the same store.
    pub shared_store: bool,
}

/// Why the feed does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The topic is not what it must be.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] kafka::SettingsError),
    /// The operating system gave no thread or no event loop.
    #[error("the feed's thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// What was started. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    stop: Vec<oneshot::Sender<()>>,
    link: watch::Receiver<Link>,
    trouble: watch::Receiver<Option<String>>,
    done: Option<oneshot::Receiver<()>>,
}

/// Starts what the role needs:
/// - one process with a store of its own and no Kafka: nothing; all shards are this process's;
/// - a store that others write to, and no Kafka: the heads are asked for, and all shards are assigned
///   (the store's leases say who gets which);
/// - with Kafka: the relay and, where the store is shared, the consumer. A store of one's own needs no
///   consumer: Kafka is a public feed then.
pub async fn start(
    settings: &kafka::Settings,
    role: Role,
    log: impl Log,
    feed: Arc<Feed>,
    shards: u16,
    holder: &str,
) -> Result<Running, StartError> {
    settings.validate()?;
    let with_kafka = settings.brokers.is_some();
    if role.dispatch && !(with_kafka && role.shared_store) {
        feed.assign((0..shards).collect());
    }
    if !with_kafka && !role.shared_store {
        return Ok(Running {
            stop: Vec::new(),
            link: watch::Sender::new(Link::Unused).subscribe(),
            trouble: watch::Sender::new(None).subscribe(),
            done: None,
        });
    }
    metric::describe();
    let pulse = Pulse::new();
    if with_kafka {
        match topic::ensure_elsewhere(settings, shards).await {
            Ok(()) => pulse.beat(true),
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, "starting without Kafka; it is used as soon as it answers");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let link = if with_kafka { pulse.link() } else { watch::Sender::new(Link::Unused).subscribe() };
    let trouble = pulse.trouble();
    let (stop_relay, relay_stopped) = oneshot::channel();
    let (stop_consumer, consumer_stopped) = oneshot::channel();
    let (stop_rest, rest_stopped) = oneshot::channel();
    let (finished, done) = oneshot::channel();
    let plan = Plan {
        settings: settings.clone(),
        relay: (with_kafka && role.relay).then_some(relay_stopped),
        consumer: (with_kafka && role.shared_store && role.dispatch).then_some(consumer_stopped),
        rest: rest_stopped,
        shared_store: role.shared_store,
        shards,
        holder: holder.to_owned(),
        pulse,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("stream".to_owned()).spawn(move || {
        runtime.block_on(plan.carry_out(log, feed));
        runtime.shutdown_background();
        // Whoever waits may be gone.
        let _ = finished.send(());
    })?;
    Ok(Running { stop: vec![stop_relay, stop_consumer, stop_rest], link, trouble, done: Some(done) })
}

struct Plan {
    settings: kafka::Settings,
    relay: Option<oneshot::Receiver<()>>,
    consumer: Option<oneshot::Receiver<()>>,
    /// Where there is neither.
    rest: oneshot::Receiver<()>,
    shared_store: bool,
    shards: u16,
    holder: String,
    pulse: Pulse,
}

impl Plan {
    /// Until relay and consumer have ended; without either, until told to stop.
    async fn carry_out(self, log: impl Log, feed: Arc<Feed>) {
        let store_id = log.store_id();
        let with_kafka = self.settings.brokers.is_some();
        let relays = self.relay.is_some();
        let (pace, paced) = watch::channel(if relays || !with_kafka { Pace::Quick } else { Pace::Steady });
        let mut beside = JoinSet::new();
        if self.shared_store {
            beside.spawn(heads::watch(log.clone(), Arc::clone(&feed), paced));
        } else {
            // What was committed before this start may not be on Kafka; from here on the store tells.
            beside.spawn(heads::look(log.clone(), Arc::clone(&feed)));
        }
        let topic = Arc::new(Notify::new());
        if with_kafka {
            beside.spawn(keep_topic(self.settings.clone(), self.shards, Arc::clone(&topic)));
            if !relays {
                let link = self.pulse.link();
                beside.spawn(hurry_while_away(link, pace.clone()));
            }
        }
        let mut main = JoinSet::new();
        if let Some(stop) = self.relay {
            let (settings, holder) = (self.settings.clone(), self.holder.clone());
            let relay = Relay::new(log, Arc::clone(&feed), settings, holder, self.pulse.clone(), topic);
            main.spawn(relay.run(stop));
        }
        if let Some(stop) = self.consumer {
            main.spawn(Consumer::new(feed, self.pulse, self.shards, store_id).run(self.settings, stop));
        }
        if main.is_empty() {
            // A sender that is gone stops it as well.
            let _ = self.rest.await;
        }
        while main.join_next().await.is_some() {}
        drop(pace);
    }
}

/// The heads are asked for quickly while Kafka does not tell them.
async fn hurry_while_away(mut link: watch::Receiver<Link>, pace: watch::Sender<Pace>) {
    loop {
        let away = matches!(*link.borrow_and_update(), Link::Away { .. });
        pace.send_replace(if away { Pace::Quick } else { Pace::Steady });
        if link.changed().await.is_err() {
            return;
        }
    }
}

/// Makes the topic anew if it vanished, and says so if it is wrong.
async fn keep_topic(settings: kafka::Settings, shards: u16, asked: Arc<Notify>) {
    let mut pause = Duration::from_secs(10);
    loop {
        tokio::select! {
            () = sleep(pause) => {}
            () = asked.notified() => {}
        }
        pause = match topic::ensure_elsewhere(&settings, shards).await {
            Ok(()) => Duration::from_secs(10),
            Err(error) => {
                if !error.is_passing() {
                    tracing::error!(%error, "events cannot be put on Kafka");
                }
                Duration::from_secs(1)
            }
        };
    }
}

impl Running {
    /// How it stands with Kafka.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// Why events are not put on the topic at the moment, if so.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.clone()
    }

    /// Leaves the consumer group, publishes what is under way, saves and lets the shards go.
    pub async fn stop(self, deadline: Duration) {
        let Self { stop, done, .. } = self;
        for stop in stop {
            // It may not have been started.
            let _ = stop.send(());
        }
        if let Some(done) = done
            && timeout(deadline, done).await.is_err()
        {
            tracing::warn!("the feed did not stop in time");
        }
    }
}
