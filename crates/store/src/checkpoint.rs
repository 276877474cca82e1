//! Moves the write-ahead log into `main.db` beside the writer, so that no commit waits for it; and
//! lets the log start over before it is long, which only the writer can see to: under a steady
//! stream of writes, nobody else finds it between two transactions.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rusqlite::Connection;

use crate::{connection::PATIENCE, metric, shared::Shared, stop::Stop};

/// Eight MiB of pages.
const PASSIVE_PAGES: i64 = 1024;
/// 32 MiB of pages: under a steady stream of writes the log never starts over by itself. It should,
/// because it would grow without end, and because a commit that overwrites blocks of the file costs
/// the disk half of one that makes it grow.
const RESTART_PAGES: i64 = 4 * 1024;
/// Starting over waits for the readers of the log, and the writer with it: not for long, then.
const RESTART_PATIENCE: Duration = Duration::from_millis(10);

/// Works until told to end.
pub(crate) fn run(connection: &Connection, shared: &Shared, stop: &Stop) {
    let pages = metrics::gauge!(metric::WAL_PAGES);
    let mut seen = 0;
    while !stop.wait(Duration::from_millis(50)) {
        let commits = shared.commits.load(Ordering::Relaxed);
        if commits == seen {
            continue;
        }
        seen = commits;
        let outcome = state(connection, "NOOP").and_then(|(log, moved)| {
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            pages.set(log.saturating_sub(moved) as f64);
            if log - moved < PASSIVE_PAGES {
                return Ok(());
            }
            state(connection, "PASSIVE")?;
            if log > RESTART_PAGES {
                // What the passive one left is little, so the writer waits for little. If a reader is
                // in its way, it is asked again at the next turn.
                shared.log_is_long.store(true, Ordering::Relaxed);
            }
            Ok(())
        });
        if let Err(error) = outcome {
            tracing::warn!(%error, "a checkpoint failed");
        }
    }
}

/// If the checkpointer asked for it, moves the rest of the log, so that the next transaction writes
/// at the log's beginning. For the writer, between two transactions.
pub(crate) fn start_over(connection: &Connection, shared: &Shared) {
    if !shared.log_is_long.swap(false, Ordering::Relaxed) {
        return;
    }
    let outcome = connection.busy_timeout(RESTART_PATIENCE).and_then(|()| {
        let restarted = state(connection, "RESTART");
        connection.busy_timeout(PATIENCE)?;
        restarted
    });
    if let Err(error) = outcome {
        tracing::warn!(%error, "the write-ahead log could not start over");
    }
}

/// Pages in the log, and how many of them are in the main file.
fn state(connection: &Connection, mode: &str) -> rusqlite::Result<(i64, i64)> {
    connection
        .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?
        .query_row([], |row| Ok((row.get(1)?, row.get(2)?)))
}

/// Starts the thread.
pub(crate) fn start(
    connection: Connection,
    shared: Arc<Shared>,
    stop: Stop,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name("rollcall-checkpoint".to_owned())
        .spawn(move || run(&connection, &shared, &stop))
}
