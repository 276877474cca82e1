//! The relay: puts each committed event on the topic, in the order of its shard.
//!
//! Cast: the shards that this process **holds**, each by a lease with a fencing token; a **round**,
//! which reads what each of them has next, hands it to the producer in one go and waits for all of it;
//! a **claim**, which keeps the leases and shares the shards with other relays; a **save** of what is
//! published.
//!
//! Plot: the feed moves, a round begins; its end moves the shards on. After any error the producer is
//! thrown away with all that it holds, and the next round goes on from what is known to be there. So the
//! topic may repeat some of the end of a shard, and never lacks anything. A new producer looks first
//! whether the topic is still the one that holds what was published, and looks again every now and then,
//! also at shards that have nothing new: where it is **lost**, the shard begins anew, under a new token,
//! so that the topic holds the whole log again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use rdkafka::{error::KafkaError, producer::DeliveryFuture};
use rollcall_domain::event::LoggedEvent;
use rollcall_store::{
    read::ReadError,
    relay::{RELAY_LEASE, RelayShard, Surplus},
};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Settings,
    client::Pulse,
    producer::{Producer, Refused},
};
use crate::{Feed, Log, metric};

/// How often the leases are renewed and the shards shared anew.
const CLAIM: Duration = Duration::from_secs(1);
/// A lease is not relied on for its last moments.
const MARGIN: Duration = Duration::from_secs(1);
/// How often a partition is looked at of which nothing was heard.
const LOOK: Duration = Duration::from_secs(20);
/// Events of a shard in a round.
const EVENTS: usize = 500;
/// Bytes of bodies in a round, about.
const BYTES: usize = 8 << 20;
/// How often what is published is saved.
const SAVE: Duration = Duration::from_millis(50);
/// Pauses after an error, doubling.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// What may take how long at the end.
const LAST: Duration = Duration::from_secs(2);

/// Something that goes on, and since or until when.
type UnderWay<T> = Option<(Instant, BoxFuture<'static, T>)>;

/// A shard that is held.
#[derive(Clone, Copy, Debug)]
struct Held {
    token: u64,
    until: Instant,
    /// Known to be on the topic up to here.
    published: u64,
    /// And saved up to here.
    saved: u64,
}

/// What came of a round: how far each shard got, and whether all of it went well.
struct Round {
    reached: Vec<(u16, u64, u64)>,
    /// Shards (with their tokens) whose partitions are not those that they were published to.
    lost: Vec<(u16, u64)>,
    outcome: Result<(), String>,
}

/// See the module.
pub(crate) struct Relay<L> {
    log: L,
    feed: Arc<Feed>,
    settings: Settings,
    holder: String,
    pulse: Pulse,
    /// Asked to look after the topic when something is wrong.
    topic: Arc<Notify>,
    producer: Option<Arc<Producer>>,
    held: BTreeMap<u16, Held>,
    /// Shards that are to begin anew, each with the token that it is held under.
    lost: BTreeMap<u16, u64>,
    /// No round before.
    pause_until: Instant,
    pause: Duration,
}

impl<L: Log> Relay<L> {
    pub(crate) fn new(
        log: L,
        feed: Arc<Feed>,
        settings: Settings,
        holder: String,
        pulse: Pulse,
        topic: Arc<Notify>,
    ) -> Self {
        Self {
            log,
            feed,
            settings,
            holder,
            pulse,
            topic,
            producer: None,
            held: BTreeMap::new(),
            lost: BTreeMap::new(),
            pause_until: Instant::now(),
            pause: PAUSES.0,
        }
    }

    /// Relays until it is told to stop.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        if let Some(producer) = self.producer() {
            // The first record would wait for the topic's metadata.
            tokio::task::spawn_blocking(move || producer.warm());
        }
        let mut moved = self.feed.moved();
        let (mut claim_due, mut save_due) = (Instant::now(), Instant::now());
        let mut claim: UnderWay<Result<Vec<RelayShard>, ReadError>> = None;
        let mut round: UnderWay<Round> = None;
        let mut round_begun = Instant::now();
        let mut look_due = Instant::now() + LOOK;
        // A claim is under way that may let shards go.
        let mut sharing = false;
        let mut save: Option<BoxFuture<'static, Saved>> = None;
        loop {
            let now = Instant::now();
            // Shards change hands between rounds: what another publishes must not be followed by what was
            // under way here. A round that hangs keeps what it has.
            let surplus = match &round {
                None => Some(Surplus::LetGo),
                Some(_) if now >= round_begun + CLAIM => Some(Surplus::Keep),
                Some(_) => None,
            };
            if claim.is_none()
                && now >= claim_due
                && let Some(surplus) = surplus
            {
                claim = Some((now, self.claim(surplus)));
                sharing = surplus == Surplus::LetGo;
            }
            if save.is_none() && now >= save_due {
                save = self.save();
                if save.is_some() {
                    save_due = now + SAVE;
                }
            }
            if now >= look_due {
                look_due = now + LOOK;
                if let Some(producer) = &self.producer {
                    producer.doubt();
                }
            }
            // Before the look at what there is, so that nothing is missed after it.
            moved.borrow_and_update();
            if round.is_none() && !sharing && now >= self.pause_until {
                round = self.begin();
                round_begun = now;
            }
            let claim_at = if round.is_some() { claim_due.max(round_begun + CLAIM) } else { claim_due };
            let idle = round.is_none();
            let unsaved = save.is_none() && self.held.values().any(|held| held.saved < held.published);
            let expiry = round.as_ref().map_or(now, |(until, _)| *until);
            tokio::select! {
                biased;
                _ = &mut stop => break,
                claimed = ready(&mut claim), if claim.is_some() => {
                    let (asked, _) = claim.take().unwrap_or_else(|| (now, Box::pin(async { Ok(Vec::new()) })));
                    claim_due = asked + CLAIM;
                    sharing = false;
                    self.claimed(asked, claimed);
                }
                done = ready(&mut round), if round.is_some() => {
                    round = None;
                    if !done.lost.is_empty() {
                        claim_due = Instant::now();
                    }
                    self.ended(done);
                }
                () = sleep_until(expiry), if round.is_some() => {
                    // Somebody else may publish soon: nothing of ours may follow.
                    round = None;
                    self.give_up("a lease ended before Kafka answered");
                }
                saved = saved(&mut save), if save.is_some() => {
                    save = None;
                    self.saved(saved);
                }
                _ = moved.changed(), if idle => {}
                () = sleep_until(claim_at), if claim.is_none() => {}
                () = sleep_until(save_due), if unsaved => {}
                () = sleep_until(look_due), if idle => {}
                () = sleep_until(self.pause_until), if idle && self.pause_until > now => {}
            }
        }
        self.end(round.map(|(_, round)| round), save).await;
    }

    /// Has what is lost begin anew, and claims.
    fn claim(&self, surplus: Surplus) -> BoxFuture<'static, Result<Vec<RelayShard>, ReadError>> {
        let (log, holder) = (self.log.clone(), self.holder.clone());
        let lost: Vec<(u16, u64)> = self.lost.iter().map(|(shard, token)| (*shard, *token)).collect();
        Box::pin(async move {
            if !lost.is_empty() {
                log.relay_rewind(&lost).await?;
            }
            log.relay_claim(&holder, surplus).await
        })
    }

    /// Takes over what the store says is held, by leases from when it was asked.
    fn claimed(&mut self, asked: Instant, claimed: Result<Vec<RelayShard>, ReadError>) {
        // The store logged the cause; the leases go on until they end.
        let Ok(shards) = claimed else { return };
        let until = asked + RELAY_LEASE - MARGIN;
        let before = std::mem::take(&mut self.held);
        for found in shards {
            let held = match before.get(&found.shard) {
                Some(held) if held.token == found.token => Held { until, ..*held },
                _ => Held { token: found.token, until, published: found.published, saved: found.published },
            };
            self.held.insert(found.shard, held);
        }
        // What has another token by now, or another holder, is lost no more.
        let held = &self.held;
        self.lost.retain(|shard, token| held.get(shard).is_some_and(|held| held.token == *token));
        if self.held.keys().ne(before.keys()) {
            tracing::info!(shards = self.held.len(), "relaying");
        }
        #[expect(clippy::cast_precision_loss, reason = "gauges")]
        {
            metrics::gauge!(metric::RELAY_SHARDS).set(self.held.len() as f64);
            let lag: u64 = self
                .held
                .iter()
                .map(|(shard, held)| self.feed.head(*shard).saturating_sub(held.published))
                .sum();
            metrics::gauge!(metric::RELAY_LAG).set(lag as f64);
        }
    }

    /// A round, if a shard that is held has something new, or has to be looked at.
    fn begin(&mut self) -> UnderWay<Round> {
        let now = Instant::now();
        let producer = self.producer()?;
        let behind: Vec<(u16, u64, u64)> = self
            .held
            .iter()
            .filter(|(_, held)| held.until > now)
            .filter(|(shard, held)| {
                self.feed.head(**shard) > held.published || held.published > 0 && !producer.knows(**shard)
            })
            .filter(|(shard, _)| !self.lost.contains_key(shard))
            .map(|(shard, held)| (*shard, held.token, held.published))
            .collect();
        let until =
            behind.iter().filter_map(|(shard, ..)| self.held.get(shard)).map(|held| held.until).min()?;
        Some((until, Box::pin(publish(self.log.clone(), Arc::clone(&self.feed), producer, behind))))
    }

    /// The producer, a new one if there is none.
    fn producer(&mut self) -> Option<Arc<Producer>> {
        if self.producer.is_none() {
            match Producer::new(&self.settings, &self.log.store_id(), self.pulse.clone()) {
                Ok(producer) => self.producer = Some(Arc::new(producer)),
                Err(error) => self.failed(&error.to_string()),
            }
        }
        self.producer.clone()
    }

    fn ended(&mut self, round: Round) {
        let mut count = 0;
        for (shard, token, position) in round.reached {
            if let Some(held) = self.held.get_mut(&shard).filter(|held| held.token == token) {
                count += position.saturating_sub(held.published);
                held.published = held.published.max(position);
            }
        }
        metrics::counter!(metric::RELAYED).increment(count);
        // What happened to one partition may have happened to all.
        if !round.lost.is_empty()
            && let Some(producer) = &self.producer
        {
            producer.doubt();
        }
        for (shard, token) in round.lost {
            tracing::warn!(shard, "the topic does not hold what was published: publishing all of it again");
            self.lost.insert(shard, token);
        }
        match round.outcome {
            Ok(()) => {
                self.pause = PAUSES.0;
                self.pulse.note_relay(None);
            }
            Err(reason) => self.give_up(&reason),
        }
    }

    /// Throws the producer away with all that it holds.
    fn give_up(&mut self, reason: &str) {
        self.producer = None;
        metrics::counter!(metric::REBUILDS).increment(1);
        self.failed(reason);
    }

    fn failed(&mut self, reason: &str) {
        tracing::warn!(reason, "events are not being relayed; trying again");
        self.pulse.note_relay(Some(reason));
        self.topic.notify_one();
        self.pause_until = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(PAUSES.1);
    }

    fn save(&self) -> Option<BoxFuture<'static, Saved>> {
        let positions: Vec<(u16, u64, u64)> = self
            .held
            .iter()
            .filter(|(_, held)| held.saved < held.published)
            .map(|(shard, held)| (*shard, held.token, held.published))
            .collect();
        if positions.is_empty() {
            return None;
        }
        let log = self.log.clone();
        Some(Box::pin(async move {
            let result = log.relay_published(&positions).await;
            Saved { positions, result }
        }))
    }

    fn saved(&mut self, saved: Saved) {
        // Else it is saved at the next turn.
        let Ok(fenced) = saved.result else { return };
        for (shard, token, position) in saved.positions {
            if fenced.contains(&shard) {
                if self.held.get(&shard).is_some_and(|held| held.token == token) {
                    tracing::warn!(shard, "another relay took over");
                    self.held.remove(&shard);
                }
            } else if let Some(held) = self.held.get_mut(&shard).filter(|held| held.token == token) {
                held.saved = held.saved.max(position);
            }
        }
    }

    /// Lets what is under way end, saves, and lets the shards go for others to take at once.
    async fn end(
        mut self,
        round: Option<BoxFuture<'static, Round>>,
        save: Option<BoxFuture<'static, Saved>>,
    ) {
        if let Some(round) = round
            && let Ok(round) = timeout(LAST, round).await
        {
            self.ended(round);
        }
        let last = async {
            if let Some(save) = save {
                let saved = save.await;
                self.saved(saved);
            }
            if let Some(save) = self.save() {
                let saved = save.await;
                self.saved(saved);
            }
            let _ = self.log.relay_release(&self.holder).await;
        };
        if timeout(LAST, last).await.is_err() {
            tracing::warn!(
                "the last published positions were not saved: some events will be published again"
            );
        }
    }
}

struct Saved {
    positions: Vec<(u16, u64, u64)>,
    result: Result<Vec<u16>, ReadError>,
}

async fn ready<T>(under_way: &mut UnderWay<T>) -> T {
    match under_way {
        Some((_, future)) => future.await,
        None => std::future::pending().await,
    }
}

async fn saved(save: &mut Option<BoxFuture<'static, Saved>>) -> Saved {
    match save {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Publishes what comes next of each shard (shard, token, after).
async fn publish(
    log: impl Log,
    feed: Arc<Feed>,
    producer: Arc<Producer>,
    behind: Vec<(u16, u64, u64)>,
) -> Round {
    let mut reached = behind.clone();
    let mut lost = Vec::new();
    let mut sent: Vec<(usize, u64, DeliveryFuture)> = Vec::new();
    let mut bytes = 0;
    let mut outcome = Ok(());
    'shards: for (index, (shard, token, after)) in behind.iter().copied().enumerate() {
        if bytes >= BYTES {
            break;
        }
        // Only of a shard of which something was published can something be lost.
        if after > 0 && !producer.knows(shard) {
            match is_new(&producer, shard).await {
                Ok(false) => {}
                Ok(true) => {
                    lost.push((shard, token));
                    continue;
                }
                Err(error) => {
                    outcome = Err(error.to_string());
                    break;
                }
            }
        }
        let events = match next_events(&log, &feed, shard, after).await {
            Ok(events) => events,
            Err(error) => {
                outcome = Err(error.to_string());
                continue;
            }
        };
        for event in events {
            bytes += event.body.len();
            loop {
                match producer.send(&event) {
                    Ok(future) => {
                        sent.push((index, event.position, future));
                        break;
                    }
                    // What was sent before makes room.
                    Err(Refused::Full) => sleep(Duration::from_millis(2)).await,
                    Err(Refused::Failed(error)) => {
                        outcome = Err(error.to_string());
                        break 'shards;
                    }
                }
            }
        }
    }
    for (index, position, future) in sent {
        let (shard, token, after) = behind[index];
        let failed = match future.await {
            Ok(Ok(delivery)) if !producer.goes_on(shard, delivery.offset) => {
                lost.push((shard, token));
                reached[index].2 = after;
                continue;
            }
            Ok(Ok(_)) => None,
            Ok(Err((error, _))) => Some(error.to_string()),
            Err(_) => Some("the producer is gone".to_owned()),
        };
        match failed {
            // Only what everything before it is with counts.
            None if reached[index].2 + 1 == position => reached[index].2 = position,
            None => {}
            Some(reason) => outcome = Err(reason),
        }
    }
    Round { reached, lost, outcome }
}

/// See [`Producer::is_new`]; elsewhere, for it blocks.
async fn is_new(producer: &Arc<Producer>, shard: u16) -> Result<bool, KafkaError> {
    let producer = Arc::clone(producer);
    tokio::task::spawn_blocking(move || producer.is_new(shard)).await.unwrap_or(Err(KafkaError::Canceled))
}

/// From the tail, or from the store where it does not reach back.
async fn next_events(
    log: &impl Log,
    feed: &Feed,
    shard: u16,
    after: u64,
) -> Result<Vec<Arc<LoggedEvent>>, ReadError> {
    if let Some(events) = feed.tail_after(shard, after, EVENTS)
        && !events.is_empty()
    {
        return Ok(events);
    }
    log.shard_events(shard, after, u32::try_from(EVENTS).unwrap_or(u32::MAX)).await
}
