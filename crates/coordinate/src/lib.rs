//! What processes tell each other and may lose: that the configuration changed, which breakers
//! are open, who sends where, and that there are new events.
//!
//! Cast: the handle, [`Coordination`], with two adapters. **Local** is the default: one process, so
//! telling is knowing. **Redis**: what is said is known here at once and goes through an outbox,
//! which keeps only the newest of each thing, to one task, which writes and publishes it in one
//! round trip. What the others publish is taken into bounded maps, which every question is
//! answered from: no question and no announcement ever waits for Redis.
//!
//! Plot: while Redis is away, a process goes on with what it knows and has every limit for itself.
//! Back again, it listens, reads what Redis holds, and repeats what it knows; it also repeats that
//! every five seconds, so a Redis that was emptied, however that came about, fills by itself. Events
//! and their order never depend on any of it.
//!
//! # What is in Redis
//! Only this crate names a key. With the prefix `rollcall` there are:
//!
//! | name | what it is | lives | content |
//! |---|---|---|---|
//! | `rollcall:announcements` | channel | | JSON: `from` (the sender), and what changed: `catalog`, `opened` (endpoint: end in µs since the epoch), `closed` (endpoints), and once per second `active` (hashes of the destinations that the sender is active at, perhaps none); at the end `leaving` |
//! | `rollcall:catalog` | string | 2 days after the last write | the newest announced revision of the configuration |
//! | `rollcall:breakers` | sorted set, at most 10,000 | 2 days after the last write; members that are over go at the next | endpoints, by the end of their breaker's opening in µs since the epoch |
//!
//! Who sends where has no key: whoever is not heard of for three seconds is gone. It takes one
//! Redis 6.2 or later (RESP3, `ZADD GT`), or Valkey; a cluster of Redis is not supported. A user of
//! its own needs `+@connection +get +set +zadd +zrem +zrangebyscore +zremrangebyscore
//! +zremrangebyrank +pexpire +publish +subscribe ~rollcall:* &rollcall:*`.

mod activity;
mod breakers;
mod clock;
mod coordination;
mod error;
mod keys;
mod known;
mod link;
mod message;
pub mod metric;
mod outbox;
mod settings;
mod state;

pub use coordination::Coordination;
pub use error::{ConnectError, PingError};
pub use settings::Settings;
pub use state::State;
