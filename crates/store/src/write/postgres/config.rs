//! The thread for changes of the configuration: each in a transaction of its own, under the lock of the
//! configuration's revision. It also follows what other processes change, and removes what deleted
//! directories left.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    Common,
    fault::Fault,
    follow,
    link::{Link, PAUSE},
    pipeline::Pipeline,
    transaction::log_touched,
};
use crate::{
    config_ops::ConfigError,
    db::{Db, DbError, bind},
    write::{Applied, Change, Message, Touched, purge},
};

/// How often is looked for changes of other processes.
const FOLLOW: Duration = Duration::from_millis(400);
/// How long is tried to find out what came of a `COMMIT` without an answer.
const DOUBT: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Configurer {
    pub(super) common: Arc<Common>,
    pub(super) link: Link,
    pub(super) queue: Receiver<Message>,
}

/// What became of a change.
enum Made {
    /// It is committed.
    Yes,
    /// Nothing happened.
    No(ConfigError),
    /// `COMMIT` had no answer: it made this revision, if it happened.
    Perhaps(u64, Vec<Touched>),
}

impl Configurer {
    /// Works until it is told to end or nobody can send any more.
    pub(super) fn run(mut self) {
        let mut purging = true;
        loop {
            let wait = if purging { Duration::ZERO } else { FOLLOW };
            match self.queue.recv_timeout(wait) {
                Ok(Message::Change(change)) => {
                    self.common.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                    self.change(change);
                    if !self.link.is_down() {
                        self.common.shared.note_heard();
                    }
                }
                // Commands go to the shards' threads.
                Ok(Message::Write(_, ticket)) => drop(ticket),
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Message::Look) | Err(RecvTimeoutError::Timeout) => {
                    let Some(db) = self.link.db() else {
                        purging = false;
                        continue;
                    };
                    let done =
                        self.common.follower.catch_up(db, &self.common.shared).and_then(|_| purge_piece(db));
                    purging = match done {
                        Ok(purging) => {
                            self.common.shared.note_heard();
                            purging
                        }
                        Err(error) => {
                            tracing::warn!(%error, "the configuration could not be looked after");
                            self.link.roll_back();
                            false
                        }
                    };
                }
            }
        }
    }

    fn change(&mut self, mut change: Box<dyn Change>) {
        let Some(db) = self.link.db() else { return change.resolve(Err(ConfigError::Unavailable)) };
        let mut outcome = match make(db, change.as_mut()) {
            Made::Yes => Ok(()),
            Made::No(error) => {
                self.link.roll_back();
                Err(error)
            }
            Made::Perhaps(revision, touched) => {
                self.link.lose();
                if self.is_made(revision, &touched) { Ok(()) } else { Err(ConfigError::Unavailable) }
            }
        };
        if let Some(db) = self.link.db() {
            if db.is_lost() && outcome.is_err() {
                outcome = Err(ConfigError::Unavailable);
            }
            if outcome.is_ok()
                && let Err(error) = self.common.follower.catch_up(db, &self.common.shared)
            {
                tracing::error!(%error, "the configuration could not be read again; that is tried again");
            }
        }
        change.resolve(outcome);
    }

    /// Whether this revision is the one that touched this.
    fn is_made(&mut self, revision: u64, touched: &[Touched]) -> bool {
        let Some(first) = touched.first() else { return false };
        let until = Instant::now() + DOUBT;
        while Instant::now() < until {
            if let Some(db) = self.link.db() {
                let found = db.transaction(|db| {
                    // Who holds this lock knows that the transaction is not under way any more.
                    db.exists("SELECT 1 FROM meta WHERE name = 'catalog_revision' FOR UPDATE", bind![])?;
                    db.exists(
                        "SELECT 1 FROM catalog_changes WHERE revision = $1 AND kind = $2 AND id = $3",
                        bind![revision, first.kind(), first.id()],
                    )
                });
                match found {
                    Ok(found) => return found,
                    Err(error) => {
                        let error: DbError = error;
                        tracing::warn!(%error, "it is not known whether a change was committed");
                        self.link.roll_back();
                    }
                }
            }
            std::thread::sleep(PAUSE / 5);
        }
        false
    }
}

/// Carries the change out and commits it.
fn make(db: &Db, change: &mut dyn Change) -> Made {
    let failed = |error: DbError| {
        Made::No(match Fault::of(&error.into()) {
            Fault::Lost | Fault::Again | Fault::Unavailable(..) => ConfigError::Unavailable,
            Fault::Command(_) | Fault::Failed => ConfigError::Failed,
        })
    };
    let begin = || {
        db.batch("BEGIN")?;
        db.exists("SELECT 1 FROM meta WHERE name = 'catalog_revision' FOR UPDATE", bind![])?;
        follow::revision(db)
    };
    let before = match begin() {
        Ok(revision) => revision,
        Err(error) => return failed(error),
    };
    let mut applied = Applied { connection: db, position: None, touched: Vec::new() };
    match catch_unwind(AssertUnwindSafe(|| change.apply(&mut applied))) {
        Ok(Ok(())) => {}
        Ok(Err(_)) if db.is_lost() => return Made::No(ConfigError::Unavailable),
        Ok(Err(error)) => return Made::No(error),
        Err(_) => {
            tracing::error!("a change of the configuration panicked");
            return Made::No(ConfigError::Failed);
        }
    }
    let mut touched = applied.touched;
    touched.dedup();
    let log = || {
        if touched.is_empty() {
            return Ok(());
        }
        let mut pipeline = Pipeline::new(db.postgres()?);
        log_touched(&mut pipeline, touched.iter())?;
        pipeline.run()?;
        db.execute(
            "DELETE FROM catalog_changes WHERE revision <= $1",
            bind![before.saturating_sub(follow::KEPT)],
        )?;
        Ok(())
    };
    if let Err(error) = log() {
        return failed(error);
    }
    match db.batch("COMMIT") {
        Ok(()) => Made::Yes,
        Err(error) => match Fault::of(&error.into()) {
            Fault::Lost => Made::Perhaps(before + 1, touched),
            Fault::Again | Fault::Unavailable(..) => Made::No(ConfigError::Unavailable),
            Fault::Command(_) | Fault::Failed => Made::No(ConfigError::Failed),
        },
    }
}

/// Removes a piece of what a deleted directory left; true if there may be more. Processes share the
/// work: each takes a directory that no other one is at.
fn purge_piece(db: &Db) -> Result<bool, DbError> {
    const UNFINISHED: &str =
        "SELECT pk FROM directories WHERE state = 'deleted' AND purged = 0 ORDER BY pk LIMIT 1";
    if !db.exists(UNFINISHED, bind![])? {
        return Ok(false);
    }
    db.transaction(|db| {
        let sql = "SELECT pk FROM directories WHERE state = 'deleted' AND purged = 0 ORDER BY pk LIMIT 1
             FOR UPDATE SKIP LOCKED";
        let Some(directory) = db.row(sql, bind![], |row| row.get::<i64>(0))? else { return Ok(false) };
        purge::piece(db, directory)?;
        Ok(true)
    })
}
