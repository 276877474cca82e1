//! What the store is told at its start.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the data is and how much may wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The data folder. It is made if it is not there; one process at a time may use it.
    pub data_dir: PathBuf,
    /// How many writes may wait for the writer before `Store::write` refuses with `Unavailable`.
    pub write_queue: usize,
    /// At most so many writes share a commit.
    pub batch: usize,
    /// How many connections read beside the writer.
    pub readers: usize,
    /// Refuse writes when the file system is fuller than this, in percent.
    pub disk_refuse_percent: u8,
    /// Warn when the file system is fuller than this, in percent.
    pub disk_warn_percent: u8,
    /// Attempts at deliveries are kept for so many days.
    pub attempts_retention_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("rollcall-data"),
            write_queue: 4096,
            batch: 256,
            readers: 4,
            disk_refuse_percent: 90,
            disk_warn_percent: 80,
            attempts_retention_days: 30,
        }
    }
}
