//! SCIM over the real routes and a real store in a folder of its own; only the socket is missing.
#![expect(clippy::unwrap_used, reason = "a test that cannot get what it asks for has failed")]

mod bad_input;
mod bulk;
mod conversation;
mod cursors;
mod discovery;
mod doors;
mod groups;
mod observe;
mod reported;
mod search_all;
mod server;
mod socket;
mod users;
