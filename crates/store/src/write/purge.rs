//! Removes what a deleted directory left, a piece per commit, so that nobody waits for it. Its
//! events stay, and so does its row, which they refer to.

use std::collections::VecDeque;

use crate::db::{Db, DbError, bind};

/// Rows per piece, about: a user goes with its e-mail rows.
const PIECE: i64 = 250;

/// The directories that are to be emptied.
#[derive(Default)]
pub(super) struct Purge(VecDeque<i64>);

impl Purge {
    /// Those that an earlier run of the program left unfinished.
    pub(super) fn unfinished(c: &Db) -> Result<Self, DbError> {
        let sql = "SELECT pk FROM directories WHERE state = 'deleted' AND purged = 0 ORDER BY pk";
        Ok(Self(c.rows(sql, bind![], |row| row.get(0))?.into()))
    }

    /// One more.
    pub(super) fn add(&mut self, directory: i64) {
        self.0.push_back(directory);
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes the next piece within the transaction that is open; true when its directory is
    /// empty now, of which [`Purge::done`] is to be told after the commit.
    pub(super) fn next_piece(&self, c: &Db) -> Result<bool, DbError> {
        self.0.front().map_or(Ok(false), |directory| piece(c, *directory))
    }

    /// The first directory is done.
    pub(super) fn done(&mut self) {
        self.0.pop_front();
    }
}

/// Removes a piece of a directory within the transaction that is open; true if it is empty now.
pub(super) fn piece(c: &Db, directory: i64) -> Result<bool, DbError> {
    let mut left = PIECE;
    for statement in [
        "DELETE FROM members WHERE pk IN (SELECT pk FROM members WHERE directory_pk = $1 LIMIT $2)",
        "DELETE FROM user_emails WHERE (user_pk, value_key) IN
             (SELECT user_pk, value_key FROM user_emails WHERE directory_pk = $1 LIMIT $2)",
        "DELETE FROM users WHERE pk IN (SELECT pk FROM users WHERE directory_pk = $1 LIMIT $2)",
        "DELETE FROM groups WHERE pk IN (SELECT pk FROM groups WHERE directory_pk = $1 LIMIT $2)",
    ] {
        let removed = c.execute(statement, bind![directory, left])?;
        left -= i64::try_from(removed).unwrap_or(PIECE);
        if left <= 0 {
            return Ok(false);
        }
    }
    c.execute(
        "UPDATE directories SET purged = 1, user_count = 0, group_count = 0 WHERE pk = $1",
        bind![directory],
    )?;
    Ok(true)
}
