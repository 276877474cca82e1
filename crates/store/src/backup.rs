//! A copy of a data folder while a server uses it.
//!
//! Plot: what cannot become a good copy is refused before anything is written. Each database is copied as
//! one state of it (`VACUUM INTO`), the ledger first, so that it never knows of an event that the record
//! lacks; the keys beside; then the copy is looked through, its log event by event. All of it under a name
//! of its own, which is changed to the target's at the end: a folder with that name is whole.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::{
    disk,
    schema::{self, Schema},
};

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
    /// The position of the newest of them; 0 if there is none. What comes after it is not in the copy.
    pub position: u64,
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
    /// Nobody could sign a webhook with the copy.
    #[error(
        "{0} has no master.key, and master_key is not configured: the endpoints' secrets in the copy could not be opened"
    )]
    NoKey(PathBuf),
    /// A newer version of this program wrote the folder: what makes it whole is not known here.
    #[error("{name}: {reason}")]
    Newer {
        /// Which database.
        name: &'static str,
        /// Both versions of its schema.
        reason: String,
    },
    /// The copy could fill the disk that it is to be on.
    #[error("{target} has {} MB free, and the copy may need {} MB", .free / 1_000_000, .needed.div_ceil(1_000_000))]
    NoRoom {
        /// Where the copy was to be.
        target: PathBuf,
        /// Bytes that it may need.
        needed: u64,
        /// Bytes that are free there.
        free: u64,
    },
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

/// Copies a data folder to a folder that is not there yet. Unless the master key is configured elsewhere,
/// the folder must have it. Blocks.
pub fn backup(
    data: &Path,
    target: &Path,
    key_is_configured: bool,
    tell: &mut dyn FnMut(Progress),
) -> Result<Summary, BackupError> {
    if !data.join("main.db").is_file() {
        return Err(BackupError::NoStore(data.to_owned()));
    }
    if !key_is_configured && !data.join("master.key").is_file() {
        return Err(BackupError::NoKey(data.to_owned()));
    }
    for (name, schema) in [("main.db", Schema::Main), ("ledger.db", Schema::Ledger)] {
        let newer = Connection::open_with_flags(data.join(name), OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|c| schema::newer_than_known(&c, schema))
            .map_err(|source| BackupError::Database { name, source })?;
        if let Some(reason) = newer {
            return Err(BackupError::Newer { name, reason });
        }
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
    let free = disk::free_bytes(&partial).map_err(failed("looking at the space in", &partial));
    let copied = free.and_then(|free| room(target, needed(data), free)).and_then(|()| {
        let summary = fill(data, &partial, tell)?;
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
    let (mut summary, whole) = check("main.db", partial, |c| {
        let count = |sql: &str| c.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
        let (events, whole) = read_log(c)?;
        let users = count("SELECT COUNT(*) FROM users")?;
        let groups = count("SELECT COUNT(*) FROM groups")?;
        Ok((Summary { users, groups, events, position: events, bytes }, whole))
    })?;
    whole.map_err(|problem| BackupError::Damaged { name: "main.db", problem })?;
    summary.bytes = bytes;
    Ok(summary)
}

/// Reads the log once. Positions begin at 1 and have no gap; nor has the sequence of any directory, which
/// ends where the directory says. Gives the number of events, and what is wrong with them.
fn read_log(c: &Connection) -> rusqlite::Result<(u64, Result<(), String>)> {
    let mut count = 0;
    let mut last: HashMap<i64, i64> = HashMap::new();
    let mut events = c.prepare("SELECT position, directory_pk, sequence FROM events ORDER BY position")?;
    let mut rows = events.query([])?;
    while let Some(row) = rows.next()? {
        let (position, directory, sequence): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        count += 1;
        if position != count {
            return Ok((0, Err(format!("its log has position {position} where {count} should be"))));
        }
        let before = last.insert(directory, sequence).unwrap_or(0);
        if sequence != before + 1 {
            let problem =
                format!("at position {position} a directory's sequence goes from {before} to {sequence}");
            return Ok((0, Err(problem)));
        }
    }
    let mut directories = c.prepare("SELECT pk, id, sequence FROM directories")?;
    let mut rows = directories.query([])?;
    while let Some(row) = rows.next()? {
        let (pk, id, sequence): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let found = last.get(&pk).copied().unwrap_or(0);
        if found != sequence {
            let problem = format!("{id} is at sequence {sequence}, and its last event has {found}");
            return Ok((0, Err(problem)));
        }
    }
    Ok((count.unsigned_abs(), Ok(())))
}

/// The most that the copies of both databases can take: what is in the files and in their logs.
fn needed(data: &Path) -> u64 {
    ["main.db", "main.db-wal", "ledger.db", "ledger.db-wal"]
        .iter()
        .filter_map(|name| fs::metadata(data.join(name)).ok())
        .map(|found| found.len())
        .sum()
}

fn room(target: &Path, needed: u64, free: u64) -> Result<(), BackupError> {
    if needed <= free {
        return Ok(());
    }
    Err(BackupError::NoRoom { target: target.to_owned(), needed, free })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_may_not_fit_is_refused() {
        let target = Path::new("copy");
        for (needed, free, fits) in [(0, 0, true), (10, 10, true), (11, 10, false), (10, 0, false)] {
            assert_eq!(room(target, needed, free).is_ok(), fits, "{needed} of {free}");
        }
        let told = room(target, 2_000_001, 1_999_999).map_err(|error| error.to_string());
        assert_eq!(told, Err("copy has 1 MB free, and the copy may need 3 MB".to_owned()));
    }
}
