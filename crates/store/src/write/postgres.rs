//! The write path on PostgreSQL, which any number of processes use at once.
//!
//! Cast: the [`Writers`], some threads of which each serves its part of the shards (`writer`), and one
//! for the configuration (`config`); a thread's connection is its `link`, which comes back when it is
//! lost. A batch of one shard is a `transaction`, its commands are decided in `wave`s, each over a
//! `world` that is loaded at once and written by a `flush`, many statements going out together in a
//! `pipeline`. What went wrong is a `fault`. The `follow`er keeps the catalog up with other processes.
//!
//! Plot: positions are given under the lock of the shard's row, which is held until the commit, so
//! that they have no gaps and become visible in their order, whoever writes. A batch that meets
//! nothing new costs two round trips: lock and load; write and commit.
//!
//! A ticket resolves after the commit. Where the connection is lost in the middle of it, the answer is
//! looked up in the log, by the id of the batch's last event; if that is not possible within some
//! seconds, or the batch gave no event, the tickets resolve to `Unavailable`, and what was asked for
//! may have happened: a repeated create is then refused as a duplicate.

mod config;
mod fault;
mod flush;
mod follow;
mod link;
mod pipeline;
mod plans;
mod transaction;
mod wave;
mod world;
mod writer;

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use jiff::Timestamp;
use rollcall_domain::shard::shard_of;

use self::{config::Configurer, follow::Follower, link::Link, plans::Plans, writer::Writer};
use super::{Message, meters::Meters};
use crate::{CommitListener, db::Target, shared::Shared, store::OpenError};

pub(crate) use follow::revision;

/// How long a statement may take: a batch has a few.
const ANSWER: Duration = Duration::from_secs(10);

/// What the threads share.
struct Common {
    shared: Arc<Shared>,
    listener: Arc<dyn CommitListener>,
    follower: Follower,
    shards: u16,
}

/// The threads that write. See the module.
pub(crate) struct Writers {
    queues: Vec<SyncSender<Message>>,
    config: SyncSender<Message>,
    shards: u16,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// How [`Writers`] are made.
pub(crate) struct WritersSettings {
    /// How many threads write.
    pub(crate) threads: usize,
    /// How many requests wait at most for each.
    pub(crate) queue: usize,
    /// How many requests share a transaction at most.
    pub(crate) batch: usize,
    /// How many shards the log has.
    pub(crate) shards: u16,
    /// Where the tables are.
    pub(crate) search_path: &'static str,
}

impl Writers {
    /// Starts the threads, which connect by themselves. The catalog must have been loaded, with the [`revision`] read
    /// before as its own.
    pub(crate) fn start(
        target: &Target,
        settings: &WritersSettings,
        shared: Arc<Shared>,
        listener: Arc<dyn CommitListener>,
    ) -> Result<Self, OpenError> {
        let target = target.clone().answering_within(ANSWER);
        let follower = Follower::new(&shared);
        let common = Arc::new(Common { shared, listener, follower, shards: settings.shards });
        let link =
            |name: String| Link::new(target.clone(), name, settings.search_path, common.shared.clone());
        let spawning = |source: io::Error| OpenError::Io { what: "starting a thread".to_owned(), source };
        let mut threads = Vec::new();
        let mut queues = Vec::new();
        for number in 0..settings.threads.clamp(1, settings.shards.max(1).into()) {
            let (sender, queue) = sync_channel(settings.queue.max(1));
            let writer = Writer {
                common: common.clone(),
                link: link(format!("rollcall writer {number}")),
                queue,
                batch_limit: settings.batch.max(1),
                last_time: Timestamp::UNIX_EPOCH,
                plans: Plans::default(),
                meters: Meters::new(),
            };
            let thread = Builder::new().name(format!("rollcall-write-{number}"));
            threads.push(thread.spawn(move || writer.run()).map_err(spawning)?);
            queues.push(sender);
        }
        let (config, queue) = sync_channel(settings.queue.max(1));
        let configurer = Configurer { link: link("rollcall configuration".to_owned()), common, queue };
        let thread = Builder::new().name("rollcall-config".to_owned());
        threads.push(thread.spawn(move || configurer.run()).map_err(spawning)?);
        Ok(Self { queues, config, shards: settings.shards, threads: Mutex::new(threads) })
    }

    /// Whose turn this message is.
    pub(crate) fn queue(&self, message: &Message) -> &SyncSender<Message> {
        match message {
            Message::Write(request, _) => {
                let shard = usize::from(shard_of(&request.directory_id, self.shards));
                &self.queues[shard % self.queues.len()]
            }
            Message::Change(_) | Message::Look | Message::End => &self.config,
        }
    }

    /// Has changes of other processes looked for at once.
    pub(crate) fn look_at_catalog(&self) {
        // If the queue is full, it is soon looked all the same.
        let _ = self.config.try_send(Message::Look);
    }

    /// Finishes what waits, and ends.
    pub(crate) fn shut(&self) {
        for queue in self.queues.iter().chain([&self.config]) {
            // It fails only if the thread has ended.
            let _ = queue.send(Message::End);
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a writer had panicked");
            }
        }
    }
}
