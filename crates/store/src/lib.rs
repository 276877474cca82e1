//! The record of everything: resources, memberships, uniqueness, events, configuration, and (in
//! a second file that may lose its tail) attempts and lane progress.
//!
//! Cast: one **writer** thread, which drains what is waiting, decides each command in a savepoint
//! of one transaction and resolves the **tickets** after the commit; **readers** beside it, each a
//! connection of its own; the **catalog**, the configuration that every request needs, held in
//! memory; the **ledger**, the second file, for what the dispatcher learns; the **checkpointer**,
//! which keeps the write-ahead log short; the **housekeeper**, which watches the disk.
//!
//! Plot: `Store::write` sends a [`WriteRequest`] with a ticket; the writer loads what the command
//! [needs](rollcall_domain::Needs), calls [`rollcall_domain::decide()`], persists what it returns,
//! commits, tells the [`CommitListener`] of the new events, and resolves the ticket. An answer of
//! success can only be built from what the ticket resolves to.

pub mod catalog;
pub mod clock;
pub mod config_ops;
pub mod ledger;
pub mod metric;
pub mod read;
pub mod relay;
pub mod settings;
pub mod write;

mod checkpoint;
mod connection;
mod db;
mod disk;
mod folder;
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
