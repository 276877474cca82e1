//! Many rows in one statement, on PostgreSQL: a column is an array, `unnest` makes rows of them.

use tokio_postgres::types::ToSql;

use crate::db::{DbError, Session};

/// Runs a statement whose parameters are arrays.
pub(super) fn write(
    session: &Session,
    sql: &str,
    columns: &[&(dyn ToSql + Sync)],
) -> Result<(), DbError> {
    let statement = session.statement(sql)?;
    session.run(session.client().execute(&statement, columns)).map(drop)
}
