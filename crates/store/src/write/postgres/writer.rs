//! A writer's thread: it serves some shards, one transaction at a time.
//!
//! Plot: it takes what waits, by shard; has each shard's commands carried out in one `transaction`;
//! and tells everybody. When the connection is lost, it is made anew at once and the batch carried out
//! again; if `COMMIT` had been sent, what came of it is found out before. While the database cannot be
//! reached, everybody is told so without waiting.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rollcall_domain::{Needs, event::LoggedEvent, shard::shard_of};

use super::{
    Common,
    fault::Fault,
    link::{Link, PAUSE},
    pipeline::{Pipeline, parameters},
    plans::Plans,
    transaction::{self, Broken, Committing, Told},
};
use crate::{
    db::{Db, DbError, Row},
    write::{Message, WriteRequest, WriteTicket, meters::Meters, told},
};

/// How often a batch is carried out again that another process's transactions, or lost connections,
/// were in the way of.
const TRIES: u32 = 5;
/// How long is tried to find out what came of a `COMMIT` without an answer.
const DOUBT: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Writer {
    pub(super) common: Arc<Common>,
    pub(super) link: Link,
    pub(super) queue: Receiver<Message>,
    pub(super) batch_limit: usize,
    pub(super) last_time: Timestamp,
    pub(super) plans: Plans,
    pub(super) meters: Meters,
}

/// A request that waits for its outcome.
struct Pending {
    request: WriteRequest,
    needs: Needs,
    ticket: WriteTicket,
}

impl Writer {
    /// Works until it is told to end or nobody can send any more.
    pub(super) fn run(mut self) {
        self.link.db();
        let mut going = true;
        while going {
            let first = if self.link.is_down() {
                self.queue.recv_timeout(PAUSE)
            } else {
                self.queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            let mut pending = Vec::new();
            match first {
                Ok(message) => going = Self::take(message, &mut pending),
                Err(RecvTimeoutError::Timeout) => {
                    self.link.db();
                }
                Err(RecvTimeoutError::Disconnected) => going = false,
            }
            while going && pending.len() < self.batch_limit {
                let Ok(message) = self.queue.try_recv() else { break };
                going = Self::take(message, &mut pending);
            }
            if !pending.is_empty() {
                let taken = pending.len() as u64;
                let before = self.common.shared.waiting.fetch_sub(taken, Ordering::Relaxed);
                #[expect(clippy::cast_precision_loss, reason = "a gauge")]
                self.meters.queue.set(before.saturating_sub(taken) as f64);
                self.batch(pending);
            }
        }
    }

    /// False if it is the end.
    fn take(message: Message, pending: &mut Vec<Pending>) -> bool {
        match message {
            Message::Write(request, ticket) => {
                let needs = request.command.needs();
                pending.push(Pending { request: *request, needs, ticket });
                true
            }
            // Changes go to a thread of their own.
            Message::Change(change) => {
                change.resolve(Err(crate::config_ops::ConfigError::Failed));
                true
            }
            Message::Look => true,
            Message::End => false,
        }
    }

    fn batch(&mut self, pending: Vec<Pending>) {
        let mut shards: Vec<(u16, Vec<Pending>)> = Vec::new();
        for one in pending {
            let shard = shard_of(&one.request.directory_id, self.common.shards);
            match shards.iter_mut().find(|(known, _)| *known == shard) {
                Some((_, pending)) => pending.push(one),
                None => shards.push((shard, vec![one])),
            }
        }
        for (shard, pending) in shards {
            self.shard(shard, pending);
        }
    }

    /// All in one transaction; if a command is in the way of that, each in its own.
    fn shard(&mut self, shard: u16, pending: Vec<Pending>) {
        let started = Instant::now();
        match self.attempt(shard, &pending) {
            Ok(told) => self.tell(shard, told, pending, started),
            Err(Fault::Command(_) | Fault::Failed) if pending.len() > 1 => {
                for one in pending {
                    self.shard(shard, vec![one]);
                }
            }
            Err(fault) => {
                if !matches!(fault, Fault::Command(_)) {
                    self.meters.commit_failures.increment(1);
                }
                for one in pending {
                    told::outcome(&self.meters, one.ticket, Err(fault.clone().into_write_error()));
                }
            }
        }
    }

    fn attempt(&mut self, shard: u16, pending: &[Pending]) -> Result<Told, Fault> {
        let commands: Vec<_> = pending.iter().map(|one| (&one.request, &one.needs)).collect();
        let mut tries = 0;
        loop {
            tries += 1;
            let Some(db) = self.link.db() else { return Err(Fault::Lost) };
            self.plans.renew(db);
            let run =
                transaction::run(db, shard, &commands, &mut self.last_time, &self.meters.commit_seconds);
            let Broken { problem, committing } = match run {
                Ok(told) => return Ok(told),
                Err(broken) => broken,
            };
            let fault = Fault::of(&problem);
            if matches!(fault, Fault::Lost) || db.is_lost() {
                tracing::warn!(shard, "the connection to the database was lost during a batch");
                self.link.lose();
                if let Some(committing) = committing {
                    match self.find_out(shard, &committing) {
                        Some(true) => return Ok(committing.told),
                        Some(false) => {}
                        None => return Err(Fault::Lost),
                    }
                }
            } else {
                self.link.roll_back();
            }
            if !matches!(fault, Fault::Lost | Fault::Again) || tries >= TRIES {
                return Err(fault);
            }
        }
    }

    /// What came of a `COMMIT` that had no answer; `None` if that cannot be found out now. Who holds the
    /// shard's lock knows that no transaction of the shard is under way any more.
    fn find_out(&mut self, shard: u16, committing: &Committing) -> Option<bool> {
        if !committing.wrote {
            // Nothing was to be kept.
            return Some(true);
        }
        let last = committing.told.events.last()?.clone();
        let until = Instant::now() + DOUBT;
        while Instant::now() < until {
            if let Some(db) = self.link.db() {
                let found = is_logged(db, shard, &last);
                self.link.roll_back();
                match found {
                    Ok(committed) => return Some(committed),
                    Err(error) => {
                        tracing::warn!(shard, %error, "it is not known whether a batch was committed")
                    }
                }
            }
            std::thread::sleep(PAUSE / 5);
        }
        None
    }

    fn tell(&mut self, shard: u16, told: Told, pending: Vec<Pending>, started: Instant) {
        let Common { shared, listener, follower, .. } = &*self.common;
        shared.advance(shard, told.position);
        shared.commits.fetch_add(1, Ordering::Relaxed);
        shared.commit_failed.store(false, Ordering::Relaxed);
        if !told.touched.is_empty()
            && let Some(db) = self.link.db()
            && let Err(error) = follower.catch_up(db, shared)
        {
            tracing::error!(%error, "the configuration could not be read again; that is tried again");
        }
        told::events(&**listener, &self.meters, &told.events);
        #[expect(clippy::cast_precision_loss, reason = "a histogram")]
        self.meters.batch_size.record(pending.len() as f64);
        self.meters.batch_seconds.record(started.elapsed());
        for (one, outcome) in pending.into_iter().zip(told.outcomes) {
            told::outcome(&self.meters, one.ticket, outcome);
        }
    }
}

/// Whether the event stands in the log, which nobody else writes to while this is looked up.
fn is_logged(db: &Db, shard: u16, event: &LoggedEvent) -> Result<bool, DbError> {
    let mut pipeline = Pipeline::new(db.postgres()?);
    pipeline.add("BEGIN", Vec::new())?;
    pipeline.add("SELECT position FROM shards WHERE shard = $1 FOR UPDATE", parameters![i32::from(shard)])?;
    pipeline.add(
        "SELECT id FROM events WHERE shard = $1 AND position = $2",
        parameters![i32::from(shard), super::flush::int(event.position)],
    )?;
    let answers = pipeline.run()?;
    match answers[2].first() {
        Some(row) => Ok(Row::Postgres(row).get::<&str>(0)? == event.id.as_str()),
        None => Ok(false),
    }
}
