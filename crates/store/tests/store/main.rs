//! The store on real files.

mod config;
mod ledger;
mod reads;
mod support;
mod writes;
