//! Rollcall proved from outside. Everything here knows the command line and the HTTP surface and
//! nothing of the inside.
//!
//! The cast: [`server`] runs the real binary as a child process, [`owner`] talks to `/v1`,
//! [`provider`] pushes people over SCIM as an identity provider does, [`receiver`] records every
//! webhook and misbehaves on demand, [`receiver::checker`] judges what it recorded, and [`world`]
//! puts them on one stage.

pub mod cluster;
pub mod corpus;
pub mod drill;
pub mod event;
pub mod http;
pub mod load;
pub mod owner;
pub mod profile;
pub mod provider;
pub mod receiver;
pub mod server;
pub mod servers;
pub mod stream;
pub mod topic;
pub mod wait;
pub mod world;
