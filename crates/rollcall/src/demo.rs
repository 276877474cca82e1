//! `rollcall demo`: the product on one screen. Everything shown is real traffic.
//!
//! Cast: the server, embedded and on real ports; the owner, who makes an organization, two
//! directories and an endpoint through `/v1`; the [`receiver`], which verifies each webhook by
//! itself ([`verify`]) and checks its place ([`order`]); two personas of the simulator; the
//! [`stage`], which shows each request, the events it gave, and each webhook as it arrives; and
//! the [`paint`] and [`lines`] that make it readable.

pub(crate) mod goodbye;
pub(crate) mod lines;
pub(crate) mod order;
pub(crate) mod paint;
pub(crate) mod receiver;
pub(crate) mod stage;
pub(crate) mod tally;
pub(crate) mod verify;
