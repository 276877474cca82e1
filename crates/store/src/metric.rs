//! The names of this crate's metrics.

/// Histogram: how many requests shared a commit.
pub const BATCH_SIZE: &str = "rollcall_store_batch_size";
/// Histogram: seconds from a batch's `BEGIN` to the end of its commit.
pub const BATCH_SECONDS: &str = "rollcall_store_batch_seconds";
/// Histogram: seconds that `COMMIT` took (mostly the disk's flush).
pub const COMMIT_SECONDS: &str = "rollcall_store_commit_seconds";
/// Counter: commits that failed.
pub const COMMIT_FAILURES: &str = "rollcall_store_commit_failures_total";
/// Counter, by `outcome` (`done`, `refused`, `failed`, `unavailable`): writes.
pub const WRITES: &str = "rollcall_store_writes_total";
/// Counter, by `type`: events that were committed.
pub const EVENTS: &str = "rollcall_events_total";
/// Gauge: writes that wait for the writer.
pub const WRITE_QUEUE: &str = "rollcall_store_write_queue_depth";
/// Gauge: reads that wait for a reader.
pub const READ_QUEUE: &str = "rollcall_store_read_queue_depth";
/// Counter: reads that were turned away because too many waited.
pub const READS_REFUSED: &str = "rollcall_store_reads_refused_total";
/// Gauge: pages in the write-ahead log that are not in the main file yet.
pub const WAL_PAGES: &str = "rollcall_store_wal_pages";
/// Gauge: how full the file system is, in percent.
pub const DISK_USED_PERCENT: &str = "rollcall_store_disk_used_percent";
/// Counter: requests that are not in the request log, since too many came at once or it could not be written.
pub const REQUESTS_LOST: &str = "rollcall_request_log_lost_total";
/// Histogram: how many progress batches shared a commit of the ledger.
pub const LEDGER_BATCH_SIZE: &str = "rollcall_ledger_batch_size";
/// Histogram: seconds that a commit of the ledger took, statements included.
pub const LEDGER_COMMIT_SECONDS: &str = "rollcall_ledger_commit_seconds";
