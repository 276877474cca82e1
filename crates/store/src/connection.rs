//! How the files are opened: the pragmas, in one place.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use crate::OpenError;

/// Statements that each connection keeps prepared.
const STATEMENTS: usize = 256;

/// How long a connection waits for a lock of another one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The writer of `main.db`: each commit is on the disk when it returns.
    Writer,
    /// Moves the write-ahead log into `main.db`.
    Checkpointer,
    /// The writer of `ledger.db`: a commit survives a kill, not a power cut.
    Ledger,
    /// The writer of `requests.db`: likewise, and it needs little memory.
    Requests,
}

/// Opens a file for writing.
pub(crate) fn open(path: &Path, purpose: Purpose) -> Result<Connection, OpenError> {
    let pragmas = match purpose {
        // Eight KiB pages hold a resource or an event without overflow. 64 MiB of cache keep the
        // inner pages of a few million rows.
        Purpose::Writer => {
            "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;"
        }
        Purpose::Checkpointer => "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;",
        Purpose::Ledger => {
            "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;
             PRAGMA journal_size_limit = 67108864;"
        }
        Purpose::Requests => {
            "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             PRAGMA cache_size = -2048; PRAGMA journal_size_limit = 16777216;"
        }
    };
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    (|| {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.execute_batch(pragmas)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    })()
    .map_err(|e: rusqlite::Error| failed("opening", path, &e))
}

/// Opens the files for reading on one connection: `main.db`, `ledger.db` as `ledger`, `requests.db` as `requests`.
pub(crate) fn open_reader(main: &Path, ledger: &Path, requests: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    (|| {
        let connection = Connection::open_with_flags(main, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch("PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;")?;
        connection.execute("ATTACH DATABASE $1 AS ledger", [ledger.to_string_lossy()])?;
        connection.execute("ATTACH DATABASE $1 AS requests", [requests.to_string_lossy()])?;
        connection.execute_batch(
            "PRAGMA ledger.cache_size = -2048; PRAGMA requests.cache_size = -256; PRAGMA query_only = ON;",
        )?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    })()
    .map_err(|e: rusqlite::Error| failed("opening for reading", main, &e))
}

/// A database error with what was tried.
pub(crate) fn failed(doing: &str, path: &Path, source: &dyn std::error::Error) -> OpenError {
    OpenError::Database { what: format!("{doing} {}", path.display()), source: flat(source) }
}

/// An error of the database's libraries without its sources: its text repeats theirs.
pub(crate) fn flat(error: &dyn std::error::Error) -> Box<dyn std::error::Error + Send + Sync> {
    error.to_string().into()
}
