//! What says that a store moves or has moved: a file in the folder, and a row on the server. Both
//! name the move by the same id, so that no folder goes on with what another began.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::MigrateError;
use crate::{
    OpenError,
    db::{Db, DbError, bind},
};

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Some of it is there.
    Running,
    /// All of it is there, and was compared.
    Finished,
}

/// The file in the folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Left {
    pub(super) id: String,
    /// Where to, for people.
    pub(super) to: String,
    pub(super) state: State,
}

/// The row on the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Arrived {
    pub(super) id: String,
    pub(super) state: State,
    /// The tables that a newer version adds are not known to what an older one began.
    pub(super) version: String,
    /// How many tables are there as a whole, and how many rows of the next one.
    pub(super) tables: usize,
    pub(super) rows: u64,
}

/// The file's place.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("moved.json")
}

/// What the folder says.
pub(super) fn read(folder: &Path) -> Result<Option<Left>, MigrateError> {
    let path = path(folder);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|e| MigrateError::Damaged(format!("{}: {e}", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(MigrateError::Io { what: format!("reading {}", path.display()), source }),
    }
}

/// Says it; on the disk when it returns.
pub(super) fn write(folder: &Path, left: &Left) -> Result<(), MigrateError> {
    let (path, beside) = (path(folder), folder.join("moved.json.new"));
    let text = serde_json::to_string_pretty(left).unwrap_or_default();
    (|| {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(folder)?.sync_all()
    })()
    .map_err(|source| MigrateError::Io { what: format!("writing {}", path.display()), source })
}

/// A folder that moves or has moved is not used: what came to it would be missing on the other side.
pub(crate) fn refuse_moved(folder: &Path) -> Result<(), OpenError> {
    match read(folder) {
        Ok(None) => Ok(()),
        Ok(Some(left)) => Err(OpenError::Moved {
            folder: folder.to_owned(),
            to: left.to,
            file: path(folder),
            begun: left.state == State::Running,
        }),
        Err(error) => Err(OpenError::Database {
            what: "looking at the folder".to_owned(),
            source: error.to_string().into(),
        }),
    }
}

/// What the server says.
pub(super) fn arrived(db: &Db) -> Result<Option<Arrived>, DbError> {
    db.row("SELECT value FROM rollcall.meta WHERE name = 'migration'", bind![], |row| row.json(0))
}

/// Says it, in whichever transaction is open.
pub(super) fn note(db: &Db, arrived: &Arrived) -> Result<(), DbError> {
    db.execute(
        "INSERT INTO rollcall.meta (name, value) VALUES ('migration', $1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        bind![serde_json::to_string(arrived).unwrap_or_default()],
    )
    .map(drop)
}

/// A store of which only some has arrived is not used.
pub(crate) fn refuse_unfinished(db: &Db, name: &str) -> Result<(), OpenError> {
    match arrived(db) {
        Ok(Some(arrived)) if arrived.state == State::Running => {
            Err(OpenError::Unfinished { store: name.to_owned() })
        }
        Ok(_) => Ok(()),
        Err(error) => {
            Err(OpenError::Database { what: format!("reading {name}"), source: error.to_string().into() })
        }
    }
}
