//! One connection to the database, whichever of the two it is.
//!
//! Cast: a [`Db`], owned by the one thread that uses it; its [`Row`]s, read column by column; the
//! [`Value`]s that a statement is given (`bind!`); a `postgres` session, or a connection of SQLite.
//!
//! A statement is written once, in what the two have in common: `$1` parameters, `ON CONFLICT`,
//! `RETURNING`, integers for times and truth, JSON as text. SQLite's own forms that PostgreSQL says
//! differently are put into its words by `dialect` when a statement is prepared.

mod dialect;
mod error;
mod postgres;
mod row;
mod tls;
mod value;

use std::ops::ControlFlow;

pub(crate) use error::{DbError, READ_ONLY};
pub(crate) use postgres::{Session, Target};
pub(crate) use row::{FromColumn, Row};
pub(crate) use value::{Value, bind, json_array};

/// A connection. Its methods block: it belongs to a thread of its own.
#[expect(clippy::large_enum_variant, reason = "a thread has one, and it stays where it is")]
pub(crate) enum Db {
    /// A file, or two of them.
    Sqlite(rusqlite::Connection),
    /// A server.
    Postgres(Session),
}

impl Db {
    /// Runs a statement; gives how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, DbError> {
        match self {
            Self::Sqlite(c) => Ok(c.prepare_cached(sql)?.execute(rusqlite::params_from_iter(values))? as u64),
            Self::Postgres(session) => session.execute(sql, values),
        }
    }

    /// Inserts one row into a table that numbers its rows by `pk`; gives the number.
    pub(crate) fn insert(&self, sql: &str, values: &[Value<'_>]) -> Result<i64, DbError> {
        match self {
            Self::Sqlite(c) => {
                c.prepare_cached(sql)?.execute(rusqlite::params_from_iter(values))?;
                Ok(c.last_insert_rowid())
            }
            Self::Postgres(session) => {
                let rows = session.query(&format!("{sql} RETURNING pk"), values)?;
                let row = rows.first().ok_or(DbError::Corrupt { column: 0, wanted: "a row's number" })?;
                Row::Postgres(row).get(0)
            }
        }
    }

    /// Whether a query gives anything.
    pub(crate) fn exists(&self, sql: &str, values: &[Value<'_>]) -> Result<bool, DbError> {
        Ok(self.row(sql, values, |_| Ok::<_, DbError>(()))?.is_some())
    }

    /// All rows of a query.
    pub(crate) fn rows<T, E: From<DbError>>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let mut all = Vec::new();
        self.each(sql, values, |row| {
            all.push(read(row)?);
            Ok::<_, E>(ControlFlow::Continue(()))
        })?;
        Ok(all)
    }

    /// The first row of a query, if it has one.
    pub(crate) fn row<T, E: From<DbError>>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let mut first = None;
        self.each(sql, values, |row| {
            first = Some(read(row)?);
            Ok::<_, E>(ControlFlow::Break(()))
        })?;
        Ok(first)
    }

    /// One row after the other, until `read` breaks off. No other statement may run meanwhile on
    /// PostgreSQL's account: what `read` looks up beside it is answered by the same connection, which
    /// both databases allow.
    pub(crate) fn each<E: From<DbError>>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        match self {
            Self::Sqlite(c) => {
                let mut statement = c.prepare_cached(sql).map_err(DbError::from)?;
                let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(DbError::from)?;
                while let Some(row) = rows.next().map_err(DbError::from)? {
                    if read(&Row::Sqlite(row))?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
            Self::Postgres(session) => {
                for row in session.query(sql, values)? {
                    if read(&Row::Postgres(&row))?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// Runs statements that take no values, one after the other.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), DbError> {
        match self {
            Self::Sqlite(c) => Ok(c.execute_batch(sql)?),
            Self::Postgres(session) => session.batch(sql),
        }
    }

    /// Runs `work` in a transaction, which is rolled back if it fails.
    pub(crate) fn transaction<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.batch("BEGIN")?;
        let outcome = work(self);
        let end = if outcome.is_ok() { self.batch("COMMIT") } else { self.batch("ROLLBACK") };
        match (outcome, end) {
            (Ok(value), Ok(())) => Ok(value),
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(error), _) => Err(error),
        }
    }

    /// Begins a transaction that sees one state of the database and changes nothing.
    pub(crate) fn begin_snapshot(&self) -> Result<(), DbError> {
        self.batch(match self {
            Self::Sqlite(_) => "BEGIN",
            Self::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        })
    }

    /// SQLite's connection, if it is one: for what the other database has no counterpart of.
    pub(crate) fn sqlite(&self) -> Option<&rusqlite::Connection> {
        match self {
            Self::Sqlite(connection) => Some(connection),
            Self::Postgres(_) => None,
        }
    }

    /// Closes it in order.
    pub(crate) fn close(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(connection) => connection.close().map_err(|(_, error)| error.into()),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// The session with PostgreSQL, for what only it can do.
    pub(crate) fn postgres(&self) -> Result<&Session, DbError> {
        match self {
            Self::Postgres(session) => Ok(session),
            Self::Sqlite(_) => Err(DbError::Corrupt { column: 0, wanted: "a server" }),
        }
    }

    /// The connection is of no use any more: make another.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(session) => session.is_lost(),
        }
    }
}
