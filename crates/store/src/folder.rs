//! The data folder: made with mode 700, its files with mode 600, and locked so that one process at
//! a time uses it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::OpenError;

/// A process that was just killed may still be going away, and hold the lock while it does.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the lock is tried meanwhile.
const AGAIN: Duration = Duration::from_millis(20);
/// Only the owner reads and writes.
const PRIVATE: u32 = 0o600;

/// A folder that this process has to itself until it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder and the databases' files if need be, and locks it. While another process
    /// has the lock, it waits for two seconds.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let until = Instant::now() + PATIENCE;
        Self::open_with(path, || {
            thread::sleep(AGAIN);
            Instant::now() < until
        })
    }

    /// The same; `pause` waits until the lock is to be tried again, or gives up with `false`.
    fn open_with(path: &Path, pause: impl FnMut() -> bool) -> Result<Self, OpenError> {
        if !path.is_dir() {
            let made = if path.exists() {
                Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a file, not a folder"))
            } else {
                DirBuilder::new().recursive(true).mode(0o700).create(path)
            };
            made.map_err(failed("making the folder", path))?;
        }
        let path = fs::canonicalize(path).map_err(failed("finding the folder", path))?;
        let lock_path = path.join("lock");
        let lock = make(&lock_path)?;
        lock_within(&lock, pause).map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::Locked(path.clone()),
            TryLockError::Error(source) => failed("locking", &lock_path)(source),
        })?;
        let folder = Self { path, _lock: lock };
        folder.make_private()?;
        Ok(folder)
    }

    /// SQLite would make the databases for everybody to read. The files beside them get the mode
    /// of their database.
    fn make_private(&self) -> Result<(), OpenError> {
        for database in [self.main(), self.ledger(), self.requests()] {
            make(&database)?;
        }
        let databases = ["main.db", "ledger.db", "requests.db"];
        let files = databases.iter().flat_map(|name| ["", "-wal", "-shm"].map(|end| format!("{name}{end}")));
        for name in files {
            let path = self.path.join(&name);
            let Ok(found) = fs::metadata(&path) else { continue };
            if found.permissions().mode() & 0o777 & !PRIVATE != 0
                && let Err(error) = fs::set_permissions(&path, Permissions::from_mode(PRIVATE))
            {
                // Not every file system has modes.
                tracing::warn!(path = %path.display(), %error, "others can read a file of the data folder");
            }
        }
        Ok(())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file with everything that may not be lost.
    pub(crate) fn main(&self) -> PathBuf {
        self.path.join("main.db")
    }

    /// The file whose tail may be lost.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.path.join("ledger.db")
    }

    /// The file that may be lost.
    pub(crate) fn requests(&self) -> PathBuf {
        self.path.join("requests.db")
    }
}

/// Opens a file of the folder; if it is not there, it is made.
fn make(path: &Path) -> Result<File, OpenError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(PRIVATE)
        .open(path)
        .map_err(failed("opening", path))
}

fn lock_within(lock: &File, mut pause: impl FnMut() -> bool) -> Result<(), TryLockError> {
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if pause() => {}
            outcome => return outcome,
        }
    }
}

fn failed(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let what = format!("{doing} {}", path.display());
    move |source| OpenError::Io { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_lock_is_waited_for() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut first = Some(Folder::open(folder.path()).unwrap());
        let mut pauses = 0;
        let refused = Folder::open_with(folder.path(), || {
            pauses += 1;
            pauses < 3
        });
        assert!(matches!(refused, Err(OpenError::Locked(_))));
        assert_eq!(pauses, 3);
        // The other one ends meanwhile.
        Folder::open_with(folder.path(), || first.take().is_some()).unwrap();
    }

    #[test]
    fn the_databases_are_for_the_owner_only() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("data");
        drop(Folder::open(&path).unwrap());
        assert_eq!(mode(&path), 0o700);
        for name in ["main.db", "ledger.db", "lock"] {
            assert_eq!(mode(&path.join(name)), PRIVATE, "{name}");
        }
        let older = ["main.db", "ledger.db", "ledger.db-wal"];
        for name in older {
            fs::write(path.join(name), "").unwrap();
            fs::set_permissions(path.join(name), Permissions::from_mode(0o644)).unwrap();
        }
        drop(Folder::open(&path).unwrap());
        for name in older {
            assert_eq!(mode(&path.join(name)), PRIVATE, "{name}");
        }
    }

    #[test]
    fn a_file_is_no_folder() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("data");
        fs::write(&path, "").unwrap();
        let Err(OpenError::Io { what, source }) = Folder::open(&path) else { panic!("opened") };
        assert_eq!(what, format!("making the folder {}", path.display()));
        assert_eq!(source.to_string(), "it is a file, not a folder");
    }
}
