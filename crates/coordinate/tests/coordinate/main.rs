//! Processes that tell each other things, with a real Redis of each test's own.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod contract;
mod faults;
mod support;
mod tls;
