//! What commands come to: tables of cases, one event of each type word for word, and random histories.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised, helpers too")]

mod build;
mod directories;
mod events;
mod groups;
mod history;
mod model;
mod nested;
mod replica;
mod users;
