//! Users: the normalized projections.

pub(crate) mod get;
pub(crate) mod list;
