//! A reader's connection: made when it is needed, given up when it is lost.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::ReadError;
use crate::{
    OpenError, connection,
    db::{Db, Session, Target},
};

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The first one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How a reader comes by its connection.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "each reader has one, and it stays where it is")]
pub(crate) enum Connector {
    /// Three files.
    Sqlite {
        /// `main.db`
        main: PathBuf,
        /// `ledger.db`
        ledger: PathBuf,
        /// `requests.db`
        requests: PathBuf,
    },
    /// A server.
    Postgres(Target),
}

/// One of the pool, on its own thread.
pub(super) struct Reader {
    connector: Connector,
    db: Option<Db>,
    pause: Duration,
    not_before: Instant,
}

impl Reader {
    /// With files, the connection is there at once; with a server, at the first read.
    pub(super) fn new(connector: Connector) -> Result<Self, OpenError> {
        let db = match &connector {
            Connector::Sqlite { main, ledger, requests } => {
                Some(Db::Sqlite(connection::open_reader(main, ledger, requests)?))
            }
            Connector::Postgres(_) => None,
        };
        Ok(Self { connector, db, pause: FIRST_PAUSE, not_before: Instant::now() })
    }

    /// Runs a read in a transaction that sees one state of the database.
    pub(super) fn read<T>(&mut self, run: impl FnOnce(&Db) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let db = self.begun()?;
        let value = run(db);
        // It changed nothing: how it ends does not matter, unless the connection was lost.
        let ended = db.batch("COMMIT");
        if db.is_lost() {
            self.db = None;
        }
        let value = value?;
        ended?;
        Ok(value)
    }

    /// After a read that panicked.
    pub(super) fn recover(&mut self) {
        if let Some(db) = &self.db
            && let Err(error) = db.batch("ROLLBACK")
        {
            tracing::warn!(%error, "a read's transaction did not end in order");
            if !matches!(db, Db::Sqlite(_)) {
                self.db = None;
            }
        }
    }

    /// The connection, with a transaction begun. One that was lost since the last read is noticed
    /// here, and made again once.
    fn begun(&mut self) -> Result<&Db, ReadError> {
        if let Some(db) = &self.db
            && let Err(error) = db.begin_snapshot()
        {
            if !db.is_lost() {
                return Err(error.into());
            }
            self.db = None;
        } else if self.db.is_some() {
            return self.db.as_ref().ok_or(ReadError::Failed);
        }
        let db = self.connect()?;
        db.begin_snapshot()?;
        Ok(self.db.insert(db))
    }

    fn connect(&mut self) -> Result<Db, ReadError> {
        let Connector::Postgres(target) = &self.connector else { return Err(ReadError::Failed) };
        if Instant::now() < self.not_before {
            return Err(ReadError::Unavailable);
        }
        match Session::connect(target, "rollcall reader", "rollcall") {
            Ok(session) => {
                self.pause = FIRST_PAUSE;
                let db = Db::Postgres(session);
                // A plan that was made while the tables were small must not outlive that.
                db.batch("SET plan_cache_mode = force_custom_plan; SET jit = off")?;
                Ok(db)
            }
            Err(error) => {
                // Once for an outage.
                if self.pause == FIRST_PAUSE {
                    tracing::warn!(%error, "a reader cannot connect to the database");
                }
                self.not_before = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                Err(ReadError::Unavailable)
            }
        }
    }
}
