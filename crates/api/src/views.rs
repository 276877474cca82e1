//! The shapes of what is answered. What is absent is left out, except `next_cursor`.

pub(crate) mod delivery;
pub(crate) mod directory;
pub(crate) mod endpoint;
pub(crate) mod group;
pub(crate) mod replay;
pub(crate) mod request;
pub(crate) mod trace;
pub(crate) mod user;
