//! The writers: pure functions from a product's style and what it knows to the body of a request.

pub(crate) mod group;
pub(crate) mod patch;
pub(crate) mod user;
