//! After a batch: tell everybody what is on the disk now, or that nothing is.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use rusqlite::ErrorCode;

use super::{Batch, Done, REREAD, SHARD, Writer};
use crate::{
    catalog,
    config_ops::ConfigError,
    db::DbError,
    write::{Message, Touched, WriteError, told},
};

/// Why a batch as a whole failed.
enum Failure {
    DiskFull,
    Database,
}

impl Writer {
    pub(super) fn publish(&mut self, batch: Batch, emptied: bool, size: usize, started: Instant) {
        self.shared.advance(SHARD, self.position);
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        self.shared.commit_failed.store(false, Ordering::Relaxed);
        if emptied {
            self.purge.done();
        }
        for directory in batch.emptied {
            self.purge.add(directory);
        }
        if !batch.touched.is_empty() {
            for touched in &batch.touched {
                if let Touched::Directory(id) = touched {
                    self.directories.forget_one(id);
                }
            }
            self.stale.extend(batch.touched);
            self.reread();
        } else {
            self.reread_if_due();
        }
        told::events(&*self.listener, &self.meters, &batch.events);
        for done in batch.done {
            match done {
                Done::Write(ticket, outcome) => told::outcome(&self.meters, ticket, outcome),
                Done::Change(change, outcome) => change.resolve(outcome),
            }
        }
        if size > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a histogram")]
            self.meters.batch_size.record(size as f64);
            self.meters.batch_seconds.record(started.elapsed());
        }
    }

    /// Puts what was touched into the catalog; what cannot be read stays for the next time.
    fn reread(&mut self) {
        self.reread_at = Instant::now();
        if let Some(catalog) = catalog::refreshed(&self.connection, &self.shared, &mut self.stale) {
            let revision = catalog.revision;
            self.shared.catalog.store(Arc::new(catalog));
            self.shared.revision.send_replace(revision);
        }
    }

    pub(super) fn reread_if_due(&mut self) {
        if !self.stale.is_empty() && self.reread_at.elapsed() >= REREAD {
            self.reread();
        }
    }

    /// Nothing of the batch happened.
    pub(super) fn give_up(&mut self, batch: Batch, rest: &mut Vec<Message>, error: &DbError) {
        tracing::error!(%error, requests = batch.done.len() + rest.len(), "a commit failed; nothing of it was kept");
        self.meters.commit_failures.increment(1);
        self.shared.commit_failed.store(true, Ordering::Relaxed);
        if self.connection.sqlite().is_some_and(|connection| !connection.is_autocommit())
            && let Err(error) = self.connection.batch("ROLLBACK")
        {
            tracing::error!(%error, "the transaction could not be rolled back");
        }
        self.position = self.shared.head(SHARD);
        self.directories.forget();
        let failure = if error.sqlite_code() == Some(ErrorCode::DiskFull) {
            Failure::DiskFull
        } else {
            Failure::Database
        };
        let rest = rest.drain(..).filter_map(|message| match message {
            Message::Write(_, ticket) => Some(Done::Write(ticket, Err(WriteError::Failed))),
            Message::Change(change) => Some(Done::Change(change, Err(ConfigError::Failed))),
            Message::Look | Message::End => None,
        });
        for done in batch.done.into_iter().chain(rest) {
            self.meters.failed.increment(1);
            match done {
                Done::Write(ticket, _) => {
                    let _ = ticket.send(Err(failure.for_write()));
                }
                Done::Change(change, _) => change.resolve(Err(failure.for_change())),
            }
        }
    }
}

impl Failure {
    fn for_write(&self) -> WriteError {
        match self {
            Self::DiskFull => WriteError::Unavailable { reason: "the disk is full", retry_after_seconds: 30 },
            Self::Database => WriteError::Failed,
        }
    }

    fn for_change(&self) -> ConfigError {
        match self {
            Self::DiskFull => ConfigError::Unavailable,
            Self::Database => ConfigError::Failed,
        }
    }
}
