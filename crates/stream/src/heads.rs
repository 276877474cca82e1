//! Asks the store how far the shards are, for what nobody in this process has told.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::{Feed, Log};

/// How often to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Somebody depends on it: every few milliseconds while there is traffic.
    Quick,
    /// It is only a safety net.
    Steady,
}

const BUSY: Duration = Duration::from_millis(4);
const IDLE: Duration = Duration::from_millis(40);
/// Traffic is what was seen within this time.
const RECENT: Duration = Duration::from_secs(1);
const STEADY: Duration = Duration::from_millis(500);
/// After a failure.
const AGAIN: Duration = Duration::from_millis(250);

/// Tells the feed of the heads once, as soon as the store can be asked.
pub(crate) async fn look(log: impl Log, feed: Arc<Feed>) {
    loop {
        match log.heads().await {
            Ok(heads) => {
                heads.iter().for_each(|(shard, position)| feed.head_moved(shard, position));
                return;
            }
            Err(_) => sleep(AGAIN).await,
        }
    }
}

/// Tells the feed of each head that moved, for as long as the pace's sender lives.
pub(crate) async fn watch(log: impl Log, feed: Arc<Feed>, mut pace: watch::Receiver<Pace>) {
    let mut last_move: Option<Instant> = None;
    loop {
        let pause = match log.heads().await {
            Ok(heads) => {
                let mut moved = false;
                for (shard, position) in heads.iter() {
                    moved |= position > feed.head(shard);
                    feed.head_moved(shard, position);
                }
                if moved {
                    last_move = Some(Instant::now());
                }
                match *pace.borrow() {
                    Pace::Quick if last_move.is_some_and(|at| at.elapsed() < RECENT) => BUSY,
                    Pace::Quick => IDLE,
                    Pace::Steady => STEADY,
                }
            }
            // The reader logged the cause.
            Err(_) => AGAIN,
        };
        tokio::select! {
            () = sleep(pause) => {}
            changed = pace.changed() => if changed.is_err() { return },
        }
    }
}
