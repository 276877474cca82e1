//! Metrics: one Prometheus recorder for the process, kept tidy in the background.

use std::sync::OnceLock;

use anyhow::Context as _;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use rollcall_api::metric as api;
use rollcall_store::metric as store;

/// Seconds, from a memory access's answer to a receiver's timeout.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// Bytes, from a small body to the largest.
const BYTES: &[f64] =
    &[256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];
/// How many of something came together.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// The process's recorder. A second call gives the same one.
pub(crate) fn install() -> anyhow::Result<PrometheusHandle> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), BYTES))
        .and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), COUNTS))
        .and_then(PrometheusBuilder::install_recorder)
        .context("metrics cannot be recorded")?;
    describe();
    register();
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// The help texts that the crates do not give by themselves.
fn describe() {
    rollcall_ingest::metric::describe();
    rollcall_coordinate::metric::describe();
    describe_counter!(api::REQUESTS_TOTAL, "Requests to /v1 that were answered.");
    describe_histogram!(
        api::REQUEST_SECONDS,
        Unit::Seconds,
        "From a request to /v1 to the head of its answer."
    );
    describe_histogram!(store::BATCH_SIZE, "How many requests shared a commit.");
    describe_histogram!(
        store::BATCH_SECONDS,
        Unit::Seconds,
        "From a batch's BEGIN to the end of its commit."
    );
    describe_histogram!(
        store::COMMIT_SECONDS,
        Unit::Seconds,
        "How long COMMIT took, mostly the disk's flush."
    );
    describe_counter!(store::COMMIT_FAILURES, "Commits that failed.");
    describe_counter!(store::WRITES, "Writes, by what became of them.");
    describe_counter!(store::EVENTS, "Events that were committed.");
    describe_gauge!(store::WRITE_QUEUE, "Writes that wait for the writer.");
    describe_gauge!(store::READ_QUEUE, "Reads that wait for a reader.");
    describe_counter!(store::REQUESTS_LOST, "Requests that are not in the request log.");
    describe_counter!(store::READS_REFUSED, "Reads that were turned away because too many waited.");
    describe_gauge!(store::WAL_PAGES, "Pages of the write-ahead log that are not in the main file yet.");
    describe_gauge!(store::DISK_USED_PERCENT, "How full the data folder's file system is.");
    describe_histogram!(store::LEDGER_BATCH_SIZE, "How many progress batches shared a commit of the ledger.");
    describe_histogram!(store::LEDGER_COMMIT_SECONDS, Unit::Seconds, "How long a commit of the ledger took.");
    describe_gauge!("rollcall_build_info", "1, with the version as a label.");
    metrics::gauge!("rollcall_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// What counts something rare, or only begins later, is there from the start with 0: a dashboard
/// and an alert see a number and not nothing, and the first of its kind is a rise. The names that
/// are spelled out here are not public in their crate; `tests/serve.rs` holds them against
/// `docs/operations.md`.
fn register() {
    rollcall_coordinate::metric::register();
    rollcall_stream::metric::register();
    let _ = metrics::counter!(store::COMMIT_FAILURES);
    for kind in ["rollcall_breakers_open", "rollcall_parked_subjects"] {
        let _ = metrics::gauge!(kind);
    }
    for pool in ["fast", "slow"] {
        let _ = metrics::gauge!("rollcall_slots_in_use", "pool" => pool);
    }
    let _ = metrics::counter!("rollcall_attempts_total", "outcome" => "delivered");
    let _ = metrics::histogram!("rollcall_delivery_latency_seconds");
    let _ = metrics::counter!(rollcall_ingest::metric::REFUSED, "reason" => "unauthorized");
    let _ =
        metrics::counter!(rollcall_ingest::metric::BULK_OPERATIONS, "method" => "POST", "status" => "201");
    for rule in rollcall_scim::Rule::ALL {
        let _ = metrics::counter!(rollcall_ingest::metric::RULE_APPLIED, "rule" => rule.name());
    }
}
