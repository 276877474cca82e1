//! Moves an embedded store, a folder, into an empty store on PostgreSQL.
//!
//! Cast: the folder, which nobody else uses meanwhile; its *side* database, which says where each event
//! of the one log comes to stand among the server's shards, and what else is turned; the *tables*, which
//! are carried row by row; two *markers*, one on each side, by which neither store is used before all of
//! it has arrived, and the old one not after that.
//!
//! Plot: both sides are brought to this version's schema, and the side database is made. Each table is
//! copied in its order, a piece per transaction, which also notes how far it is: whoever is killed goes
//! on there, for the folder does not change. At the end everything is compared, and the server's store
//! is declared finished.

pub(crate) mod marker;
mod side;
mod tables;
mod verify;
mod wire;

use std::{
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use bytes::Bytes;
use futures_util::SinkExt as _;
use rusqlite::Connection;

use self::{
    marker::{Arrived, Left, State},
    side::Sealers,
    tables::Table,
};
use crate::{
    OpenError, Settings, clock,
    connection::{self, Purpose},
    db::{Db, DbError, Session, Target, bind},
    folder::Folder,
    ledger,
    schema::{self, Schema},
    seal::Sealer,
    write,
};

/// One move at a time into a database.
const LOCK: i64 = i64::from_be_bytes(*b"rollmove");
/// A piece is what brings it to so many bytes or rows.
const PIECE_BYTES: usize = 16 << 20;
const PIECE_ROWS: u64 = 100_000;
/// What is sent at a time.
const CHUNK: usize = 256 << 10;
/// Sums over a great table take their time.
const ANSWER: Duration = Duration::from_secs(6 * 3600);

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding out where each event comes to stand.
    Mapping,
    /// Copying a table.
    Copying,
    /// Comparing a table.
    Comparing,
}

/// Hears what is being done, with which table, how many rows are done, and of how many (0: not known).
pub type Tell<'a> = &'a mut dyn FnMut(Stage, &'static str, u64, u64);

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The rows of each table that are there now.
    pub tables: Vec<(String, u64)>,
    /// How many of them this run copied.
    pub copied: u64,
    /// Into how many shards.
    pub shards: u16,
    /// Where to.
    pub to: String,
    /// An earlier run had finished already: nothing was done.
    pub already: bool,
}

/// Why the store is not moved (yet).
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// There is no store to move.
    #[error("{0} is no data folder: it has no main.db")]
    NoStore(PathBuf),
    /// One of the stores cannot be opened, or is in use.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The folder went elsewhere.
    #[error("the folder has moved to {to} already: if it is to move again, remove {file}")]
    Elsewhere {
        /// Where to.
        to: String,
        /// The file that says so.
        file: PathBuf,
    },
    /// The server's store is not empty.
    #[error("{store} holds data already ({table} is not empty): name an empty database")]
    Occupied {
        /// Which.
        store: String,
        /// In which table something is.
        table: String,
    },
    /// Another folder, or another version, began to move there.
    #[error("{store} holds what another move began ({why}): finish that one, or name an empty database")]
    Foreign {
        /// Which.
        store: String,
        /// In words.
        why: String,
    },
    /// Processes use the server's store.
    #[error("{0} is in use by another process of rollcall: stop it first")]
    InUse(String),
    /// Replays run, whose ranges are places in the folder's log.
    #[error("{0} replays run: let them end, or cancel them, and move the store then")]
    Replays(i64),
    /// A text cannot be kept by PostgreSQL.
    #[error(
        "{table} has the character U+0000 in {column} of the row {row} ({id}), which PostgreSQL cannot hold: start \
         the folder again, have the value changed, and move it then"
    )]
    Nul {
        /// In which table.
        table: String,
        /// The row's key.
        row: String,
        /// Its id.
        id: String,
        /// In which column.
        column: String,
    },
    /// A secret cannot be opened by the folder's key, nor by the configured one.
    #[error("a secret of {0} opens neither with the folder's master.key nor with the configured master_key")]
    Secret(String),
    /// The files hold what they should not.
    #[error("the folder is damaged: {0}")]
    Damaged(String),
    /// The two sides are not the same. The server's store stays unfinished.
    #[error("what arrived is not what was sent: {0}")]
    Differs(String),
    /// A file cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A database failed; what has arrived stays, and another run goes on.
    #[error("{0}; run the same again to go on")]
    Database(String),
}

impl From<DbError> for MigrateError {
    fn from(error: DbError) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<rusqlite::Error> for MigrateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(format!("the folder's files: {error}"))
    }
}

/// Moves the folder's store to the one that the settings name. Blocks; not from within a runtime.
pub fn migrate(from: &Path, settings: &Settings, tell: Tell<'_>) -> Result<Summary, MigrateError> {
    if !from.join("main.db").is_file() {
        return Err(MigrateError::NoStore(from.to_owned()));
    }
    let folder = Folder::open(from)?;
    let url = settings
        .url
        .as_ref()
        .ok_or_else(|| OpenError::Url { why: "it is not set, and names where to".to_owned() })?;
    let key = settings.master_key.as_ref().ok_or_else(Sealer::missing)?;
    let new = Sealer::configured(key, &[])?;
    let c = files(&folder)?;
    let running: i64 =
        c.query_row("SELECT COUNT(*) FROM replays WHERE status = 'running'", [], |row| row.get(0))?;
    if running > 0 {
        return Err(MigrateError::Replays(running));
    }

    let old = [Sealer::existing(folder.path())?, Some(Sealer::configured(key, &[])?)];
    let old: Vec<Sealer> = old.into_iter().flatten().collect();
    let sealers = Sealers { old: &old, new: &new };
    // Before either side knows of it: a move that cannot be made leaves nothing behind.
    if marker::read(folder.path())?.is_none() {
        side::look_at_secrets(&c, &sealers)?;
    }

    let target = Target::new(url, settings.tls_ca.as_ref())?.answering_within(ANSWER);
    let to = target.name();
    schema::migrate_server(&target, settings.shards)?;
    let db = Db::Postgres(Session::connect(&target, "rollcall migrate", schema::MAIN)?);
    let (mut left, mut arrived) = begin(&folder, &db, &to)?;
    let shards = write::heads(&db)?.shards();
    let mut summary = Summary { shards, to, ..Summary::default() };
    if arrived.state == State::Finished {
        left.state = State::Finished;
        marker::write(folder.path(), &left)?;
        summary.already = true;
        return Ok(summary);
    }

    let moved = carry(&c, &db, &folder, &mut arrived, &mut summary, &sealers, tell);
    drop(c);
    side::remove(&folder);
    moved?;
    left.state = State::Finished;
    marker::write(folder.path(), &left)?;
    Ok(summary)
}

/// Copies what is not there yet, compares, and declares the server's store finished.
fn carry(
    c: &Connection,
    db: &Db,
    folder: &Folder,
    arrived: &mut Arrived,
    summary: &mut Summary,
    sealers: &Sealers<'_>,
    tell: Tell<'_>,
) -> Result<(), MigrateError> {
    side::make(c, folder, summary.shards, sealers, tell)?;
    // Only the last commit waits for the disk, and with it all before.
    db.batch("SET synchronous_commit = off")?;
    for (number, table) in tables::all().enumerate().skip(arrived.tables) {
        summary.copied += copy(c, db, table, arrived, tell)?;
        arrived.tables = number + 1;
        arrived.rows = 0;
        marker::note(db, arrived)?;
    }
    counters(c, db)?;
    summary.tables = verify::contents(c, db, tell)?;
    verify::gapless(db)?;
    verify::secrets(c, db, sealers)?;
    db.batch("ANALYZE")?;
    db.batch("SET synchronous_commit = on")?;
    arrived.state = State::Finished;
    marker::note(db, arrived)?;
    Ok(())
}

/// Both files on one connection, in this version's schema, without what belongs to nobody any more.
fn files(folder: &Folder) -> Result<Connection, MigrateError> {
    let mut ledger_file = connection::open(&folder.ledger(), Purpose::Ledger)?;
    schema::migrate(&mut ledger_file, Schema::Ledger)?;
    drop(ledger_file);
    let mut c = connection::open(&folder.main(), Purpose::Writer)?;
    schema::migrate(&mut c, Schema::Main)?;
    c.execute("ATTACH DATABASE $1 AS ledger", [folder.ledger().to_string_lossy()])?;
    // As at a start: the process may have ended between the two commits.
    c.execute_batch(
        "UPDATE ledger.endpoints SET deleted = 1
         WHERE deleted = 0 AND id NOT IN (SELECT id FROM main.endpoints);
         DELETE FROM main.endpoint_secrets WHERE endpoint_id NOT IN (SELECT id FROM main.endpoints);",
    )?;
    for table in ledger::OF_AN_ENDPOINT {
        c.execute_batch(&format!(
            "DELETE FROM ledger.{table}
             WHERE endpoint_pk IN (SELECT pk FROM ledger.endpoints WHERE deleted = 1)"
        ))?;
    }
    Ok(c)
}

/// Finds out what each side says of a move, and has both say that it runs.
fn begin(folder: &Folder, db: &Db, to: &str) -> Result<(Left, Arrived), MigrateError> {
    // One that was killed may still be going away.
    db.batch("SET lock_timeout = '15s'")?;
    db.execute("SELECT 1 FROM (SELECT pg_advisory_lock($1)) l", bind![LOCK])
        .map_err(|_| MigrateError::InUse(to.to_owned()))?;
    db.batch("SET lock_timeout = 0")?;
    let others = db.exists(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
         AND application_name LIKE 'rollcall%' AND application_name NOT LIKE 'rollcall migrat%'",
        bind![],
    )?;
    if others {
        return Err(MigrateError::InUse(to.to_owned()));
    }
    let left = marker::read(folder.path())?;
    let file = marker::path(folder.path());
    let foreign = |why: &str| MigrateError::Foreign { store: to.to_owned(), why: why.to_owned() };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    match (left, marker::arrived(db)?) {
        (Some(left), Some(arrived)) if left.id == arrived.id => {
            if arrived.state == State::Running && arrived.version != version {
                return Err(foreign(&format!("by rollcall {}", arrived.version)));
            }
            Ok((left, arrived))
        }
        (_, Some(arrived)) if arrived.state == State::Running => Err(foreign("of another folder")),
        (Some(left), _) if left.state == State::Finished => {
            Err(MigrateError::Elsewhere { to: left.to, file })
        }
        (left, _) => {
            for table in tables::all() {
                if db.exists(&format!("SELECT 1 FROM {} LIMIT 1", table.there()), bind![])? {
                    return Err(MigrateError::Occupied { store: to.to_owned(), table: table.there() });
                }
            }
            let id = left.map_or_else(|| clock::new_uuid().to_string(), |left| left.id);
            let left = Left { id: id.clone(), to: to.to_owned(), state: State::Running };
            marker::write(folder.path(), &left)?;
            let arrived = Arrived { id, state: State::Running, version, tables: 0, rows: 0 };
            marker::note(db, &arrived)?;
            Ok((left, arrived))
        }
    }
}

/// Copies a table from where an earlier run had come to; gives how many rows.
fn copy(
    c: &Connection,
    db: &Db,
    table: &Table,
    arrived: &mut Arrived,
    tell: Tell<'_>,
) -> Result<u64, MigrateError> {
    let kinds = wire::kinds(db, table)?;
    let total: i64 = c.query_row(&format!("SELECT COUNT(*) FROM {}", table.here()), [], |row| row.get(0))?;
    let mut statement = c.prepare(&table.select())?;
    let mut rows = statement.query([i64::try_from(arrived.rows).unwrap_or(i64::MAX)])?;
    let mut copied = 0;
    let mut more = true;
    while more {
        let before = arrived.rows;
        db.transaction(|db| {
            let session = db.postgres()?;
            let columns = table.columns().collect::<Vec<_>>().join(", ");
            let sql = format!("COPY {} ({columns}) FROM STDIN (FORMAT binary)", table.there());
            let sink = session.run(session.client().copy_in::<_, Bytes>(&sql))?;
            let mut sink = pin!(sink);
            let mut chunk = wire::HEADER.to_vec();
            let mut bytes = 0;
            more = false;
            while let Some(row) = rows.next()? {
                wire::write(table, &kinds, row, &mut chunk)?;
                arrived.rows += 1;
                if chunk.len() >= CHUNK {
                    bytes += chunk.len();
                    session.run(sink.send(Bytes::from(std::mem::take(&mut chunk))))?;
                }
                if bytes >= PIECE_BYTES || arrived.rows - before >= PIECE_ROWS {
                    more = true;
                    break;
                }
            }
            chunk.extend_from_slice(wire::TRAILER);
            session.run(sink.send(Bytes::from(chunk)))?;
            session.run(sink.as_mut().finish())?;
            marker::note(db, arrived)?;
            Ok::<_, MigrateError>(())
        })?;
        copied += arrived.rows - before;
        tell(Stage::Copying, table.name, arrived.rows, total.unsigned_abs());
    }
    Ok(copied)
}

/// What numbers rows, positions and sequences goes on after what is there.
fn counters(c: &Connection, db: &Db) -> Result<(), MigrateError> {
    db.execute(
        "UPDATE rollcall.shards s SET position = COALESCE((SELECT MAX(e.position) FROM rollcall.events e
            WHERE e.shard = s.shard), 0)",
        bind![],
    )?;
    for table in tables::all() {
        let Some(column) = table.numbered else { continue };
        // A number that was given once is not given again, where the files see to that.
        let given: Option<i64> = c
            .query_row(
                &format!("SELECT MAX(seq) FROM {}.sqlite_sequence WHERE name = $1", table.schema),
                [table.name],
                |row| row.get(0),
            )
            .unwrap_or_default();
        let there = table.there();
        let last =
            db.row(&format!("SELECT MAX({column}) FROM {there}"), bind![], |row| row.get::<Option<i64>>(0))?;
        let last = last.flatten().max(given);
        if let Some(last) = last.filter(|last| *last > 0) {
            db.execute(
                "SELECT 1 FROM (SELECT setval(pg_get_serial_sequence($1, $2), $3)) s",
                bind![&there, column, last],
            )?;
        }
    }
    Ok(())
}
