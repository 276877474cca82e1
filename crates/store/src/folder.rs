//! The data folder: made with mode 700, and locked so that one process at a time uses it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::OpenError;

/// A folder that this process has to itself until it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let io = |doing: &str, path: &Path| {
            let what = format!("{doing} {}", path.display());
            move |source| OpenError::Io { what, source }
        };
        if !path.is_dir() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(io("making the folder", path))?;
        }
        let path = fs::canonicalize(path).map_err(io("finding the folder", path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(io("opening", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path)),
            Err(TryLockError::Error(source)) => Err(io("locking", &lock_path)(source)),
        }
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
}
