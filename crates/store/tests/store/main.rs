//! One suite for the store on real files and on a real server. What only one of the two can be asked
//! (its files, its other processes) says so, or is in a module of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod backup;
mod catch_up;
mod config;
mod leases;
mod ledger;
mod limits;
mod manual;
mod migrate;
mod notices;
mod processes;
mod reads;
mod refusals;
mod relay;
mod replays;
mod requests;
mod server_writes;
mod shards;
mod support;
mod writes;
