//! Several statements sent at once: the server carries them out in their order, and all their answers
//! cost one round trip.

use futures_util::future::join_all;
use tokio_postgres::{Row, Statement, types::ToSql};

use crate::db::{DbError, Session};

/// A value that a statement is given, mostly an array with one element per row.
pub(super) type Parameter<'a> = Box<dyn ToSql + Sync + 'a>;

/// `Vec<Parameter>` of anything that can be one.
macro_rules! parameters {
    ($($value:expr),* $(,)?) => { vec![$(Box::new($value) as $crate::write::postgres::pipeline::Parameter<'_>),*] };
}
pub(super) use parameters;

/// The rows that a statement gave.
pub(super) type Answer = Vec<Row>;

/// Statements that wait to be sent together.
pub(super) struct Pipeline<'s, 'a> {
    session: &'s Session,
    calls: Vec<(Statement, Vec<Parameter<'a>>)>,
}

impl<'s, 'a> Pipeline<'s, 'a> {
    pub(super) fn new(session: &'s Session) -> Self {
        Self { session, calls: Vec::new() }
    }

    /// Adds a statement; gives the place of its answer.
    pub(super) fn add(&mut self, sql: &str, parameters: Vec<Parameter<'a>>) -> Result<usize, DbError> {
        self.calls.push((self.session.statement(sql)?, parameters));
        Ok(self.calls.len() - 1)
    }

    /// Adds a statement that must change so many rows: the server finds it wrong if it does not, and with
    /// it the transaction, so that a `COMMIT` can be sent after it without waiting for its answer.
    pub(super) fn add_exactly(
        &mut self,
        rows: usize,
        sql: &str,
        mut parameters: Vec<Parameter<'a>>,
    ) -> Result<(), DbError> {
        parameters.push(Box::new(i64::try_from(rows).unwrap_or(i64::MAX)));
        let place = parameters.len();
        let sql = format!(
            "WITH changed AS ({sql} RETURNING 1) SELECT 1 / CAST(count(*) = ${place} AS INTEGER) FROM changed"
        );
        self.add(&sql, parameters).map(drop)
    }

    /// Sends them all. If one fails, the first failure is the outcome: within a transaction those after
    /// it fail because it did.
    pub(super) fn run(self) -> Result<Vec<Answer>, DbError> {
        let client = self.session.client();
        let calls = self.calls.iter().map(|(statement, parameters)| async move {
            let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|value| &**value).collect();
            // The first poll sends it, and `join_all` polls in order.
            client.query(statement, &parameters).await
        });
        self.session.run(async { join_all(calls).await.into_iter().collect() })
    }
}
