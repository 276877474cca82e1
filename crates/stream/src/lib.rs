//! The feed of committed events: from the store that committed them to whoever delivers or reads
//! them, in this process or another.
//!
//! Cast: the [`Feed`], which every reader of this process reads from; in a cluster the
//! **relay** (`kafka::relay`), which puts each committed event on Kafka, the **consumer**
//! (`kafka::consumer`), which offers what it finds there to the feed and says which shards this
//! process dispatches, and the [`heads`] watch, which asks the store for what neither has told.
//!
//! Plot: embedded, the store tells the feed of each commit, and nothing else runs. In a cluster a
//! process commits; the relay of the shard (one of all processes, by a lease) produces; the consumers
//! share the shards as one group. Kafka may repeat, lose everything or be away: the feed passes over
//! what it knows, and whoever misses something reads it from the store, which is the truth.

mod feed;
pub mod heads;
pub mod kafka;
mod link;
pub mod metric;
mod running;
#[cfg(test)]
mod testing;

pub use feed::{Feed, MAX_SHARDS, Settings};
pub use link::{Link, Log};
pub use running::{Role, Running, StartError, start};
