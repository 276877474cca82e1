//! Events by pull: the same bodies that the webhooks carry.

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod stream;
pub(crate) mod trace;
