//! A thread's connection, which is made anew when it is lost.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crate::{
    db::{Db, DbError, Session, Target, bind},
    shared::Shared,
};

/// Between two tries to connect.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// What holds for the writers' sessions beside what holds for all. Their statements name rows by keys
/// and are prepared once, perhaps while the tables are empty: only ways through an index stay right.
/// Who is stopped in the middle of a transaction must not keep the others from its shard for long.
const SETTINGS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
     SET plan_cache_mode = force_generic_plan; SET jit = off; SET idle_in_transaction_session_timeout = '15s'";

/// See the module.
pub(super) struct Link {
    target: Target,
    name: String,
    search_path: &'static str,
    shared: Arc<Shared>,
    db: Option<Db>,
    /// It counts among those that cannot reach the database.
    down: bool,
    tried: Instant,
}

impl Link {
    /// It connects when it is first used, on the thread that uses it.
    pub(super) fn new(target: Target, name: String, search_path: &'static str, shared: Arc<Shared>) -> Self {
        Self { target, name, search_path, shared, db: None, down: false, tried: Instant::now() }
    }

    fn connect(&self) -> Result<Db, DbError> {
        let db = Db::Postgres(Session::connect(&self.target, &self.name, self.search_path)?);
        db.batch(SETTINGS)?;
        // What is answered 2xx is on the disk, whatever the role's settings are.
        db.batch(
            "SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') = 'off'",
        )?;
        // After a failover the server may be one that only follows.
        if db.exists("SELECT 1 WHERE current_setting('transaction_read_only') = 'on'", bind![])? {
            return Err(DbError::ReadOnly);
        }
        Ok(db)
    }

    /// The connection; made anew if it is lost, unless that was tried in vain just now.
    pub(super) fn db(&mut self) -> Option<&Db> {
        if self.db.as_ref().is_some_and(Db::is_lost) {
            self.lose();
        }
        if self.db.is_none() && !(self.down && self.tried.elapsed() < PAUSE) {
            match self.connect() {
                Ok(db) => {
                    self.db = Some(db);
                    self.set_down(false);
                }
                Err(error) => {
                    // An outage is one line, however long it is.
                    if !self.down {
                        tracing::warn!(%error, database = %self.target.name(), "the database cannot be reached");
                    }
                    self.set_down(true);
                }
            }
            self.tried = Instant::now();
        }
        self.db.as_ref()
    }

    /// Whether the last try to connect failed.
    pub(super) fn is_down(&self) -> bool {
        self.down
    }

    /// Gives the connection up.
    pub(super) fn lose(&mut self) {
        self.db = None;
    }

    /// Ends the transaction that is open, if there is one, without keeping anything of it.
    pub(super) fn roll_back(&mut self) {
        if let Some(db) = &self.db
            && let Err(error) = db.batch("ROLLBACK")
        {
            tracing::warn!(%error, "a transaction could not be rolled back");
            self.lose();
        }
    }

    fn set_down(&mut self, down: bool) {
        if down != self.down {
            self.down = down;
            if down {
                self.shared.unreachable.fetch_add(1, Ordering::Relaxed);
            } else {
                self.shared.unreachable.fetch_sub(1, Ordering::Relaxed);
                tracing::info!(database = %self.target.name(), "the database can be reached again");
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.set_down(false);
    }
}
