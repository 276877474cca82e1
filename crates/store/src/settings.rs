//! What the store is told at its start.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

use crate::requests;

/// Where the data is and how much may wait.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The data folder. It is made if it is not there; one process at a time may use it. With a `url`
    /// the store has none.
    pub data_dir: PathBuf,
    /// `postgres://user:password@host:port/database?sslmode=…`: the data is in this PostgreSQL, which
    /// any number of processes may use. Unset, it is in SQLite files in the data folder. Certificates
    /// are verified with `sslmode=require`, `verify-ca` and `verify-full`, or if there is a `tls_ca`.
    #[serde(serialize_with = "hidden")]
    pub url: Option<SecretString>,
    /// A PEM file with the certificates that the server's must descend from; unset, the system's.
    pub tls_ca: Option<PathBuf>,
    /// Into how many shards the log is divided when a PostgreSQL store is made, 1 to 256; it stays so.
    /// Files have one.
    pub shards: u16,
    /// How many connections write, with a `url`.
    pub writers: usize,
    /// The key that endpoints' secrets are sealed with: 64 hex digits. Unset, the data folder's
    /// `master.key` is; with a `url` it must be set, to the same in each process.
    #[serde(skip)]
    pub master_key: Option<SecretString>,
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
    /// What is kept of providers' requests.
    pub requests: requests::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("rollcall-data"),
            url: None,
            tls_ca: None,
            shards: 32,
            writers: 4,
            master_key: None,
            write_queue: 4096,
            batch: 256,
            readers: 4,
            disk_refuse_percent: 90,
            disk_warn_percent: 80,
            attempts_retention_days: 30,
            requests: requests::Settings::default(),
        }
    }
}

/// Whether it is set may be known.
fn hidden<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| "(hidden)").serialize(serializer)
}
