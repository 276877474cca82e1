//! The real servers beside the binary: PostgreSQL, Kafka and Redis, each on free ports in a folder of
//! its own, to be killed, frozen, restarted and wiped.
//!
//! The cast: [`postgres`], [`kafka`] and [`redis`] are one handle each; [`port`] gives each its port,
//! [`process`] sends signals to all of a server's processes, and [`leash`] sees to it that nothing
//! outlives the tests, however they end. [`shared`] is one set of them for tests that break nothing.
//! [`pooler`] stands between PostgreSQL and who uses it. [`certificates`] are for those that speak TLS. [`network`] puts processes on a host apart, to cut the ways between them and the servers.

pub mod certificates;
pub mod kafka;
pub mod leash;
pub mod network;
pub mod pooler;
pub mod port;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod shared;
