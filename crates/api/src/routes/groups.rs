//! Groups and their members: the normalized projections.

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod members;
