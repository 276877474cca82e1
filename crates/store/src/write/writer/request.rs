//! One request of a batch: load, decide, persist, undo if it is refused.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rollcall_domain::{Decision, Refusal, Reply, Write, directory::DirectoryState};
use rusqlite::{ErrorCode, ffi};

use super::{Batch, Rejected, SHARD, Writer};
use crate::{
    clock,
    config_ops::ConfigError,
    db::DbError,
    resources,
    write::{
        Applied, Change, Committed, Touched, WriteRequest,
        decided::{Undecided, decide},
        directories::DirectoryRow,
        events, load,
        persist::{Persist, Problem},
    },
};

impl Writer {
    pub(super) fn write(&mut self, request: WriteRequest, batch: &mut Batch) -> Result<Committed, Rejected> {
        let directory =
            self.directories.get(&self.connection, &request.directory_id).map_err(|e| self.sql(e))?;
        let Some(directory) = directory.filter(|row| row.directory.state != DirectoryState::Deleted) else {
            return Err(Rejected::Refused(Refusal::DirectoryClosed));
        };
        let decided = self.decide(&request, &directory)?;
        let (decision, user) = decided;
        let members_up_to = request.members_up_to;
        if decision.writes.is_empty() && decision.events.is_empty() {
            return self.committed(decision.reply, members_up_to, &directory, 0);
        }
        // What a constraint can refuse is a user's row, and where that is the first statement, a
        // refusal has nothing to undo: the statement undoes itself. A savepoint would copy every
        // page that the request touches.
        let undoes_itself =
            matches!(decision.writes.first(), Some(Write::InsertUser(_) | Write::UpdateUser(_)));
        self.guarded(!undoes_itself, |writer| {
            let mark = (batch.events.len(), writer.position);
            let state = directory.directory.state;
            let mut row = directory;
            let persist = || {
                let mut persist = Persist::new(&writer.connection, &mut row, user);
                for write in decision.writes {
                    persist.write(write)?;
                }
                for event in decision.events {
                    let event =
                        events::append(&writer.connection, SHARD, &mut row, &mut writer.position, event)?;
                    batch.events.push(event);
                }
                Ok(())
            };
            let persisted = persist().map_err(|problem| writer.rejected(problem)).and_then(|()| {
                writer.committed(decision.reply, members_up_to, &row, batch.events.len() - mark.0)
            });
            if persisted.is_err() {
                batch.events.truncate(mark.0);
                writer.position = mark.1;
                return persisted;
            }
            if row.directory.state != state {
                batch.touched.push(Touched::Directory(row.directory.id.clone()));
                if row.directory.state == DirectoryState::Deleted {
                    batch.emptied.push(row.pk);
                }
            }
            if !batch.changed.contains(&row.directory.id) {
                batch.changed.push(row.directory.id.clone());
            }
            writer.directories.put(row);
            persisted
        })
    }

    /// Loads and decides.
    fn decide(
        &mut self,
        request: &WriteRequest,
        directory: &DirectoryRow,
    ) -> Result<(Decision, Option<load::FoundUser>), Rejected> {
        self.last_time = self.last_time.max(clock::now());
        let now = self.last_time;
        // A panic in there is a fault in this program; it must not end the writer.
        let found = catch_unwind(AssertUnwindSafe(|| {
            load::load(&self.connection, directory, &request.command.needs()).map_err(|e| self.sql(e))
        }));
        let found = found.unwrap_or_else(|_| {
            tracing::error!(request_id = %request.request_id, "loading panicked");
            Err(Rejected::Failed)
        })?;
        match decide(request, directory, found.loaded, now) {
            Ok(decision) => Ok((decision, found.user)),
            Err(Undecided::Refused(refusal)) => Err(Rejected::Refused(refusal)),
            Err(Undecided::Panicked) => Err(Rejected::Failed),
        }
    }

    pub(super) fn committed(
        &self,
        reply: Reply,
        members_up_to: u64,
        directory: &DirectoryRow,
        events: usize,
    ) -> Result<Committed, Rejected> {
        let members = match &reply {
            Reply::Group(group) if members_up_to > 0 && group.member_count <= members_up_to => {
                let read = || {
                    let Some((pk, _)) = resources::group(&self.connection, directory.pk, &group.id)? else {
                        return Ok(Vec::new());
                    };
                    resources::members(&self.connection, pk, "", members_up_to)
                };
                Some(read().map_err(|e| self.sql(e))?)
            }
            _ => None,
        };
        let last_position = (events > 0).then_some(self.position);
        Ok(Committed { reply, members, events, last_position })
    }

    /// The outer error means that the transaction is lost.
    pub(super) fn change(
        &mut self,
        change: &mut dyn Change,
        batch: &mut Batch,
    ) -> Result<Result<(), ConfigError>, DbError> {
        // What this batch did to directories must be in their rows before a change reads them.
        self.directories.write(&self.connection, &batch.changed)?;
        let mut refused = None;
        let applied = self.savepoint(|writer| {
            let mut applied = Applied {
                connection: &writer.connection,
                position: Some(writer.position),
                touched: Vec::new(),
            };
            match catch_unwind(AssertUnwindSafe(|| change.apply(&mut applied)))
                .unwrap_or(Err(ConfigError::Failed))
            {
                Ok(()) => Ok(applied.touched),
                Err(error) => {
                    refused = Some(error);
                    Err(Rejected::Failed)
                }
            }
        });
        match applied {
            Ok(touched) => {
                batch.touched.extend(touched);
                Ok(Ok(()))
            }
            Err(Rejected::Lost(error)) => Err(error),
            Err(_) => Ok(Err(refused.unwrap_or(ConfigError::Failed))),
        }
    }

    /// Runs `work` in a savepoint, or without one if `work` leaves nothing behind when it is refused.
    fn guarded<T>(
        &mut self,
        savepoint: bool,
        work: impl FnOnce(&mut Self) -> Result<T, Rejected>,
    ) -> Result<T, Rejected> {
        if savepoint {
            return self.savepoint(work);
        }
        match work(self) {
            // It may have left a part of itself: nothing of the batch can be kept.
            Err(Rejected::Failed) => Err(Rejected::Lost(DbError::Sqlite(rusqlite::Error::SqliteFailure(
                ffi::Error::new(ffi::SQLITE_ABORT),
                Some("a request failed half-way".to_owned()),
            )))),
            outcome => outcome,
        }
    }

    /// Runs `work` in a savepoint, which is rolled back if it fails.
    fn savepoint<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Rejected>) -> Result<T, Rejected> {
        self.run_cached("SAVEPOINT request").map_err(Rejected::Lost)?;
        match work(self) {
            Ok(value) => {
                self.run_cached("RELEASE request").map_err(Rejected::Lost)?;
                Ok(value)
            }
            Err(Rejected::Lost(error)) => Err(Rejected::Lost(error)),
            Err(rejected) => {
                self.run_cached("ROLLBACK TO request").map_err(Rejected::Lost)?;
                self.run_cached("RELEASE request").map_err(Rejected::Lost)?;
                Err(rejected)
            }
        }
    }

    fn rejected(&self, problem: Problem) -> Rejected {
        match problem {
            Problem::UserNameTaken => Rejected::Refused(Refusal::UserNameTaken),
            Problem::Missing(what) => {
                tracing::error!(what, "a decision does not fit the database");
                Rejected::Failed
            }
            Problem::Sql(error) => self.sql(error),
        }
    }

    /// Whether an error costs its request only, or the whole transaction.
    fn sql(&self, error: DbError) -> Rejected {
        let lost = self.connection.sqlite().is_none_or(rusqlite::Connection::is_autocommit)
            || matches!(
                error.sqlite_code(),
                Some(
                    ErrorCode::DiskFull
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::OutOfMemory
                        | ErrorCode::DatabaseCorrupt
                        | ErrorCode::CannotOpen
                        | ErrorCode::ReadOnly
                )
            );
        if lost {
            return Rejected::Lost(error);
        }
        tracing::error!(%error, "a statement failed");
        Rejected::Failed
    }
}
