//! One connection from its opening to its failure. It carries both ways: what this process tells
//! goes out in pipelines, and what the others say comes in beside the answers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use redis::{PushInfo, PushKind, Value, aio::MultiplexedConnection};
use tokio::time::MissedTickBehavior;

use super::{Shared, client::Client};
use crate::{
    PingError,
    breakers::MAX_BREAKERS,
    clock::now,
    known::Known,
    message::Message,
    metric::{self, Dropped},
    outbox::{Change, Pending},
};

/// How often activity is reported, which also proves the connection.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How often, in reports, what this process knows is written again, for Redis may be emptied while
/// the connection holds.
const REPEAT_EVERY: u32 = 5;
/// What changes within so short a time after something was told goes together.
const GATHER: Duration = Duration::from_millis(2);
/// What is in Redis goes away by itself when nobody writes it again for so long.
const KEEP: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// See the module.
pub(super) struct Session {
    connection: MultiplexedConnection,
    client: Client,
}

impl Session {
    /// Connects, listens, and then reads what was said before: in this order nothing is missed.
    /// It takes at most two timeouts.
    pub(super) async fn open(client: &Client, shared: &Arc<Shared>) -> Result<Self, PingError> {
        let listener = Listener {
            known: Arc::downgrade(&shared.known),
            channel: shared.keys.announcements.clone(),
            process: shared.process.clone(),
        };
        let opening = async {
            let connection = client.connect(move |info| listener.heard(info)).await?;
            let mut session = Self { connection, client: client.clone() };
            session.client.within(session.connection.subscribe(&shared.keys.announcements)).await?;
            session.read(shared).await?;
            Ok(session)
        };
        let opened = tokio::time::timeout(client.timeout, opening).await;
        let mut session = opened.unwrap_or(Err(PingError::Timeout(client.timeout)))?;
        session.repeat(shared);
        session.tell(shared, Report::Active).await?;
        *shared.connection() = Some(session.connection.clone());
        Ok(session)
    }

    /// Tells until that fails, or until the process ends (`Ok`).
    pub(super) async fn run(&mut self, shared: &Shared) -> Result<(), PingError> {
        let mut report = tokio::time::interval(REPORT_EVERY);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reports = 0_u32;
        loop {
            tokio::select! {
                () = shared.closing() => {
                    return self.tell(shared, Report::Leaving).await.or(Ok(()));
                }
                _ = report.tick() => {
                    reports = reports.wrapping_add(1);
                    shared.known.breakers.expire(now());
                    if reports.is_multiple_of(REPEAT_EVERY) {
                        self.repeat(shared);
                    }
                    self.tell(shared, Report::Active).await?;
                    let processes = shared.known.activity.processes(Instant::now());
                    metrics::gauge!(metric::PROCESSES).set(f64::from(u32::try_from(processes).unwrap_or(u32::MAX)));
                }
                () = shared.outbox.ready() => {
                    self.tell(shared, Report::None).await?;
                    tokio::time::sleep(GATHER).await;
                }
            }
        }
    }

    async fn read(&mut self, shared: &Shared) -> Result<(), PingError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("GET").arg(&shared.keys.catalog);
        pipeline.cmd("ZRANGEBYSCORE").arg(&shared.keys.breakers).arg(now().as_microsecond()).arg("+inf");
        pipeline.arg("WITHSCORES").arg("LIMIT").arg(0).arg(MAX_BREAKERS);
        let call = pipeline.query_async(&mut self.connection);
        let (catalog, breakers): (Option<u64>, Vec<(String, f64)>) = self.client.within(call).await?;
        if let Some(revision) = catalog {
            shared.known.catalog(revision);
        }
        shared.outbox.with_closed(|closed| {
            let open = breakers.into_iter().filter(|(endpoint, _)| !closed(endpoint));
            let open = open.filter_map(|(endpoint, until)| Some((endpoint, moment(until)?)));
            shared.known.breakers.replace(open.collect(), now());
        });
        Ok(())
    }

    fn repeat(&self, shared: &Shared) {
        let known = &shared.known;
        shared.outbox.repeat(*known.catalog.borrow(), known.breakers.own(now()));
    }

    /// Writes and publishes what is to be told, in one round trip.
    async fn tell(&mut self, shared: &Shared, report: Report) -> Result<(), PingError> {
        let pending = shared.outbox.take();
        if matches!(report, Report::None) && pending == Pending::default() {
            return Ok(());
        }
        let message = Message {
            from: shared.process.clone(),
            catalog: pending.catalog,
            opened: opened(&pending),
            closed: closed(&pending),
            active: match report {
                Report::Active => Some(shared.known.activity.report(Instant::now())),
                Report::None | Report::Leaving => None,
            },
            leaving: matches!(report, Report::Leaving),
        };
        let told = self.publish(shared, &message).await;
        if told.is_err() {
            shared.outbox.put_back(pending);
        }
        told
    }

    async fn publish(&mut self, shared: &Shared, message: &Message) -> Result<(), PingError> {
        let keys = &shared.keys;
        let keep = KEEP.as_millis() as u64;
        let mut pipeline = redis::pipe();
        if let Some(revision) = message.catalog {
            pipeline.cmd("SET").arg(&keys.catalog).arg(revision).arg("PX").arg(keep).ignore();
        }
        if !message.closed.is_empty() {
            pipeline.cmd("ZREM").arg(&keys.breakers).arg(&message.closed).ignore();
        }
        if !message.opened.is_empty() {
            // The later end wins here as it does in each process.
            pipeline.cmd("ZADD").arg(&keys.breakers).arg("GT");
            for (endpoint, until) in &message.opened {
                pipeline.arg(until).arg(endpoint);
            }
            pipeline.ignore();
            pipeline
                .cmd("ZREMRANGEBYSCORE")
                .arg(&keys.breakers)
                .arg("-inf")
                .arg(now().as_microsecond())
                .ignore();
            let surplus = format!("-{}", MAX_BREAKERS + 1);
            pipeline.cmd("ZREMRANGEBYRANK").arg(&keys.breakers).arg(0).arg(surplus).ignore();
            pipeline.cmd("PEXPIRE").arg(&keys.breakers).arg(keep).ignore();
        }
        pipeline.cmd("PUBLISH").arg(&keys.announcements).arg(message.encode());
        let call = pipeline.query_async(&mut self.connection);
        let (listeners,): (u64,) = self.client.within(call).await?;
        // This connection listens too.
        if listeners == 0 {
            return Err(PingError::Unreachable("the subscription was lost".to_owned()));
        }
        Ok(())
    }
}

/// What a message says of its sender.
#[derive(Clone, Copy, Debug)]
enum Report {
    None,
    Active,
    Leaving,
}

fn opened(pending: &Pending) -> BTreeMap<String, i64> {
    let time = now();
    let of = |(endpoint, change): (&String, &Change)| match change {
        Change::Opened(until) if *until > time => Some((endpoint.clone(), until.as_microsecond())),
        Change::Opened(_) | Change::Closed => None,
    };
    pending.breakers.iter().filter_map(of).collect()
}

fn closed(pending: &Pending) -> Vec<String> {
    let closed = pending.breakers.iter().filter(|(_, change)| **change == Change::Closed);
    closed.map(|(endpoint, _)| endpoint.clone()).collect()
}

/// A score is a whole number of microseconds, which a double holds exactly for two centuries.
fn moment(score: f64) -> Option<Timestamp> {
    Timestamp::from_microsecond(score as i64).ok()
}

/// Takes in what comes over the channel, in the connection's own task: it must not wait.
struct Listener {
    known: Weak<Known>,
    channel: String,
    process: String,
}

impl Listener {
    fn heard(&self, info: PushInfo) {
        let (PushKind::Message, [channel, payload]) = (info.kind, &info.data[..]) else { return };
        let Some(known) = self.known.upgrade() else { return };
        if bytes(channel) != Some(self.channel.as_bytes()) {
            return;
        }
        match bytes(payload).and_then(Message::decode) {
            Some(message) if message.from == self.process => {}
            Some(message) => known.apply(message),
            None => Dropped::Message.count(),
        }
    }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}
