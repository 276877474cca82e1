//! A copy of a data folder while a server uses it.
//!
//! Plot: each database is copied as one state of it (`VACUUM INTO`), the ledger first, so that it never
//! knows of an event that the record lacks; the keys beside; then the copy is looked through. All of it
//! under a name of its own, which is changed to the target's at the end: a folder with that name is whole.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

/// How often progress is told.
const TELL: Duration = Duration::from_millis(200);

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which database is being copied.
    pub name: &'static str,
    /// Bytes of the copy so far.
    pub copied: u64,
    /// Bytes of the original; the copy is often smaller.
    pub of: u64,
}

/// What was copied, as the copy itself says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Users, of all directories.
    pub users: u64,
    /// Groups.
    pub groups: u64,
    /// Events in the log, which has no gap.
    pub events: u64,
    /// Bytes of both databases.
    pub bytes: u64,
}

/// Why there is no copy. Nothing with the target's name was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no store to copy.
    #[error("{0} is no data folder: it has no main.db")]
    NoStore(PathBuf),
    /// Something has the target's name already.
    #[error("{0} is there already: name a folder that is not")]
    Exists(PathBuf),
    /// An earlier copy to the same target was cut off.
    #[error("{0} is what an earlier backup left when it was cut off: remove it")]
    CutOff(PathBuf),
    /// A folder or file cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A database cannot be read, or not be written to the target.
    #[error("copying {name}: {source}")]
    Database {
        /// Which.
        name: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// The copy is not what it should be.
    #[error("the copy of {name} is damaged, and perhaps the original: {problem}")]
    Damaged {
        /// Which.
        name: &'static str,
        /// What was found.
        problem: String,
    },
}

/// Copies a data folder to a folder that is not there yet. Blocks.
pub fn backup(data: &Path, target: &Path, tell: &mut dyn FnMut(Progress)) -> Result<Summary, BackupError> {
    if !data.join("main.db").is_file() {
        return Err(BackupError::NoStore(data.to_owned()));
    }
    if target.exists() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    if partial.exists() {
        return Err(BackupError::CutOff(partial));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&partial).map_err(failed("making", &partial))?;
    let copied = fill(data, &partial, tell).and_then(|summary| {
        fs::rename(&partial, target).map_err(failed("naming", target))?;
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync(parent.unwrap_or(Path::new(".")))?;
        Ok(summary)
    });
    if copied.is_err() {
        // It is of no use to anybody.
        let _ = fs::remove_dir_all(&partial);
    }
    copied
}

fn fill(data: &Path, partial: &Path, tell: &mut dyn FnMut(Progress)) -> Result<Summary, BackupError> {
    let mut bytes = 0;
    for name in ["ledger.db", "main.db"] {
        bytes += copy(name, data, partial, tell)?;
    }
    for name in ["master.key", "owner.key"] {
        let (from, to) = (data.join(name), partial.join(name));
        match fs::copy(&from, &to) {
            Ok(_) => private(&to)?,
            // Keys may be in the configuration.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("copying", &from)(error)),
        }
    }
    sync(partial)?;
    check("ledger.db", partial, |_| Ok(()))?;
    let mut summary = check("main.db", partial, |c| {
        let count = |sql: &str| c.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
        let summary = Summary {
            users: count("SELECT COUNT(*) FROM users")?,
            groups: count("SELECT COUNT(*) FROM groups")?,
            events: count("SELECT COUNT(*) FROM events")?,
            bytes,
        };
        let span = count("SELECT COALESCE(MAX(position) - MIN(position) + 1, 0) FROM events")?;
        Ok((summary, span))
    })
    .and_then(|(summary, span)| {
        if span == summary.events {
            return Ok(summary);
        }
        let problem = format!("its log has {} events in {span} places", summary.events);
        Err(BackupError::Damaged { name: "main.db", problem })
    })?;
    summary.bytes = bytes;
    Ok(summary)
}

/// Copies one database; gives the size of the copy.
fn copy(
    name: &'static str,
    data: &Path,
    partial: &Path,
    tell: &mut dyn FnMut(Progress),
) -> Result<u64, BackupError> {
    let (from, to) = (data.join(name), partial.join(name));
    let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let of = size(&from);
    let done = thread::scope(|scope| {
        let copying = scope.spawn(|| {
            let c = Connection::open_with_flags(&from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            c.execute("VACUUM INTO $1", [to.to_string_lossy()])
        });
        while !copying.is_finished() {
            tell(Progress { name, copied: size(&to), of });
            thread::park_timeout(TELL);
        }
        copying.join()
    });
    match done {
        Ok(Ok(_)) => {}
        Ok(Err(source)) => return Err(BackupError::Database { name, source }),
        Err(_) => {
            return Err(BackupError::Damaged { name, problem: "the copying ended in a panic".to_owned() });
        }
    }
    private(&to)?;
    sync(&to)?;
    let copied = size(&to);
    tell(Progress { name, copied, of });
    Ok(copied)
}

/// Looks a copy through, and asks it something.
fn check<T>(
    name: &'static str,
    folder: &Path,
    ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, BackupError> {
    let database = |source| BackupError::Database { name, source };
    let c =
        Connection::open_with_flags(folder.join(name), OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(database)?;
    let found: String = c.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(database)?;
    if found != "ok" {
        return Err(BackupError::Damaged { name, problem: found });
    }
    ask(&c).map_err(database)
}

fn private(path: &Path) -> Result<(), BackupError> {
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed("protecting", path))
}

fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(failed("writing", path))
}

fn failed(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let what = format!("{doing} {}", path.display());
    move |source| BackupError::Io { what, source }
}
