//! The store on real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod config;
mod leases;
mod ledger;
mod limits;
mod manual;
mod processes;
mod reads;
mod relay;
mod server_writes;
mod shards;
mod support;
mod writes;
