//! Has the server plan the writer's statements anew as the tables grow.
//!
//! A statement is planned once for all its executions. While a table is empty, every index looks as
//! good as the other, and a plan that looks a name up among all users of a directory, by the wrong
//! index, would stay until the server's housekeeping comes by, a minute or so later.

use crate::db::Db;

/// After so many transactions of a connection for the first time.
const FIRST: u64 = 8;
/// Each time after so many times as many as the time before.
const FACTOR: u64 = 4;

/// When plans are due.
pub(super) struct Plans {
    transactions: u64,
    next: u64,
}

impl Default for Plans {
    fn default() -> Self {
        Self { transactions: 0, next: FIRST }
    }
}

impl Plans {
    /// Counts a transaction that is about to begin, and has what is planned so far thrown away if that
    /// is due.
    pub(super) fn renew(&mut self, db: &Db) {
        self.transactions += 1;
        if self.transactions >= self.next {
            self.next *= FACTOR;
            if let Err(error) = db.batch("DISCARD PLANS") {
                // The transaction that follows meets the same.
                tracing::debug!(%error, "statements keep their plans");
            }
        }
    }
}
