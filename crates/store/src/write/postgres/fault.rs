//! What is to be done about a transaction that failed.

use rollcall_domain::Refusal;
use rollcall_scim::error::ScimError;
use tokio_postgres::error::SqlState;

use crate::{
    db::DbError,
    write::{WriteError, persist::Problem},
};

/// See the module. None of them left anything behind, but for what [`Fault::Lost`] may have committed.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The connection is gone, or no answer came in time.
    Lost,
    /// The transactions of two processes were in each other's way: once more.
    Again,
    /// The server takes no writes at the moment.
    Unavailable(&'static str, u32),
    /// A command cannot be carried out. Which one shows when each is tried alone.
    Command(Refusal),
    /// Something else; it was logged.
    Failed,
}

impl Fault {
    /// What kind of failure it was.
    pub(super) fn of(problem: &Problem) -> Self {
        let error = match problem {
            Problem::UserNameTaken => return Self::Command(Refusal::UserNameTaken),
            Problem::Missing(what) => {
                tracing::error!(what, "a decision does not fit the database");
                return Self::Failed;
            }
            Problem::Sql(error) => error,
        };
        let fault = match error {
            DbError::Late(_) | DbError::ReadOnly => Self::Lost,
            DbError::Postgres(error) if error.is_closed() => Self::Lost,
            DbError::Postgres(error) => match error.code() {
                Some(code) => Self::of_code(code),
                // Neither the server's word nor a value that has no such form: the connection's.
                None if std::error::Error::source(error).is_some_and(|e| e.is::<std::io::Error>()) => {
                    Self::Lost
                }
                None => Self::Failed,
            },
            DbError::Sqlite(_) | DbError::Corrupt { .. } => Self::Failed,
        };
        match &fault {
            Self::Failed => tracing::error!(%error, "a transaction failed; nothing of it was kept"),
            _ => tracing::debug!(%error, ?fault, "a transaction failed; nothing of it was kept"),
        }
        fault
    }

    fn of_code(code: &SqlState) -> Self {
        match code.code() {
            "40001" | "40P01" => Self::Again,
            // Connections' ends: a terminated session, a server that stops or starts, and timeouts.
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Self::Lost,
            text if text.starts_with("08") => Self::Lost,
            "53100" => Self::Unavailable("the database's disk is full", 30),
            // A standby, since a switch-over.
            "25006" => Self::Lost,
            "53200" | "53300" | "53400" => Self::Unavailable("the database is overloaded", 5),
            "57014" | "55P03" => Self::Unavailable("the database is busy", 2),
            // What no column of text, and no index, can hold.
            "22021" | "22P05" => Self::Command(Refusal::Scim(ScimError::invalid_value(
                "A value contains the character U+0000.",
            ))),
            // See `Pipeline::add_exactly`.
            "22012" => {
                tracing::error!("a decision does not fit the database: rows that it is about are not there");
                Self::Failed
            }
            "54000" => Self::Command(Refusal::Scim(ScimError::invalid_value("A value is too long."))),
            _ => Self::Failed,
        }
    }

    /// What whoever asked for a write is told.
    pub(super) fn into_write_error(self) -> WriteError {
        match self {
            Self::Lost => UNREACHABLE,
            Self::Again => WriteError::Unavailable { reason: "the database is busy", retry_after_seconds: 1 },
            Self::Unavailable(reason, retry_after_seconds) => {
                WriteError::Unavailable { reason, retry_after_seconds }
            }
            Self::Command(refusal) => refusal.into(),
            Self::Failed => WriteError::Failed,
        }
    }
}

/// Nobody knows when it can be reached again.
pub(super) const UNREACHABLE: WriteError =
    WriteError::Unavailable { reason: "the database cannot be reached", retry_after_seconds: 2 };
