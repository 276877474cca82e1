//! Many operations in one request: RFC 7644 §3.7.
//!
//! Cast: the [`request`] is read into operations, each of which is either understood or known to be wrong;
//! [`references`] finds, resolves and cuts out the `bulkId:…` that stand for resources still to be created; the
//! [`plan`] says what to do next, given how it went so far.
//!
//! Plot: whoever carries the plan out asks it for a [`BulkStep`], does it, and tells the outcome. Operations go in
//! the order of the request, except that one which names a resource of a later operation waits for it. Resources
//! that name each other in a circle are made without these references first, and given them afterwards.

mod plan;
mod references;
mod request;
#[cfg(test)]
mod tests;

pub use plan::{BulkPlan, BulkStep};
pub use request::{BulkChange, BulkMethod, BulkOperation, BulkRequest, BulkTarget};

/// What stands before a bulkId where it refers to the resource that this operation creates.
pub const BULK_ID_PREFIX: &str = "bulkId:";
