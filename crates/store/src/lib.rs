//! The record of everything: resources, memberships, uniqueness, events, configuration, and (where
//! the tail may be lost) attempts and lane progress. It is in two SQLite files of this process, or in
//! the two schemas of a PostgreSQL that any number of processes use; the statements are the same.
//!
//! Cast: the **writer**, which drains what is waiting, decides it within one transaction and resolves
//! the **tickets** after the commit: one thread for the files, some for a server, each with its part of
//! the **shards**; **readers** beside it, each a connection of its own; the **catalog**, the
//! configuration that every request needs, held in memory and kept up with other processes; the
//! **ledger**, for what the dispatcher learns; the **request log**, for who has to explain; with files, the **checkpointer**, which keeps the
//! write-ahead log short, and the **housekeeper**, which watches the disk.
//!
//! Plot: `Store::write` sends a [`WriteRequest`] with a ticket; the writer loads what the command
//! [needs](rollcall_domain::Needs), calls [`rollcall_domain::decide()`], persists what it returns,
//! commits, tells the [`CommitListener`] of the new events, and resolves the ticket. An answer of
//! success can only be built from what the ticket resolves to.

pub mod backup;
pub mod catalog;
pub mod clock;
pub mod config_ops;
pub mod consumers;
pub mod ledger;
pub mod metric;
pub mod migrate;
pub mod read;
pub mod relay;
pub mod replays;
pub mod requests;
pub mod settings;
pub mod write;

mod checkpoint;
mod connection;
mod db;
mod disk;
mod folder;
mod identity;
mod names;
mod open;
mod resources;
mod rows;
mod schema;
mod seal;
mod secret;
mod shared;
mod stop;
mod store;

pub use catalog::Catalog;
pub use settings::Settings;
pub use store::{CommitListener, OpenError, Store};
pub use write::{Committed, WriteError, WriteRequest};
