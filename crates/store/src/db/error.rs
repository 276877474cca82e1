//! What can go wrong between us and a database.

/// An error of either database. The text of each variant says all that its sources say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// SQLite's.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL's, or of the connection to it.
    #[error("{}", described(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The server did not answer in time.
    #[error("the database did not answer within {0:?}")]
    Late(std::time::Duration),
    /// The server takes no writes.
    #[error("{READ_ONLY}")]
    ReadOnly,
    /// A column holds what this program never wrote.
    #[error("column {column} does not hold {wanted}")]
    Corrupt {
        /// Counted from 0.
        column: usize,
        /// In words.
        wanted: &'static str,
    },
}

/// Of a server that takes no writes.
pub(crate) const READ_ONLY: &str =
    "it takes no writes: it is a standby, or default_transaction_read_only is on";

impl DbError {
    /// SQLite's code, if the error is SQLite's.
    pub(crate) fn sqlite_code(&self) -> Option<rusqlite::ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Whether the server is not to be had at the moment, which passes.
    pub(crate) fn is_unavailable(&self) -> bool {
        match self {
            Self::Sqlite(_) | Self::Corrupt { .. } => false,
            Self::Late(_) | Self::ReadOnly => true,
            // Connection exceptions, insufficient resources, operator intervention (a shutdown, a
            // statement or an idle transaction that took too long).
            Self::Postgres(error) => {
                ends(error)
                    || error.code().is_some_and(|code| {
                        ["08", "53", "57"].iter().any(|class| code.code().starts_with(class))
                    })
            }
        }
    }

    /// Whether a unique constraint said no; `name` is a part of the constraint's or the index's name
    /// (PostgreSQL), or of its columns' (SQLite).
    pub(crate) fn is_taken(&self, index: &str, column: &str) -> bool {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(code, Some(text))) => {
                code.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE && text.contains(column)
            }
            Self::Postgres(error) => error.as_db_error().is_some_and(|error| {
                *error.code() == tokio_postgres::error::SqlState::UNIQUE_VIOLATION
                    && error.constraint().is_some_and(|name| name.contains(index))
            }),
            _ => false,
        }
    }
}

/// Whether the connection ended with this error.
pub(super) fn ends(error: &tokio_postgres::Error) -> bool {
    use tokio_postgres::error::Severity;
    match error.as_db_error() {
        Some(error) => matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic)),
        None => {
            error.is_closed()
                || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
        }
    }
}

/// tokio-postgres keeps the cause out of its text.
fn described(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
