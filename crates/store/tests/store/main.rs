//! The store on real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod config;
mod ledger;
mod limits;
mod reads;
mod support;
mod writes;
