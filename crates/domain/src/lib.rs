//! What a SCIM write means for the applications behind Rollcall.
//!
//! Cast: a [`Command`] (one SCIM write, or one change of a directory by its owner), what was
//! [`Loaded`] for it, and [`decide()`], which turns the two into a [`Decision`]: rows to write,
//! events to append and the state to answer with, or a [`Refusal`].
//!
//! Plot: `decide` applies the write (through `rollcall_scim`), [`normalize`]s both sides,
//! [`diff`]s them and names what changed. Events come from the difference of two states, never
//! from the HTTP verb; where nothing changed there is no event and no new version.
//!
//! Pure: no I/O, no clock, no randomness. Time and ids are arguments ([`Context`]).

pub mod command;
pub mod decide;
pub mod delivery;
pub mod diff;
pub mod directory;
pub mod endpoint;
pub mod event;
mod event_body;
pub mod explain;
pub mod ids;
pub mod normalize;
pub mod operator;
pub mod order;
pub mod record;
pub mod refusal;
pub mod replay;
pub mod shard;
pub mod timestamp;
pub mod verdict;

pub use command::{Command, Loaded, MemberNeeds, Needs, Precondition};
pub use decide::{Context, Decision, Reply, Write, decide};
pub use event_body::test_event;
pub use refusal::Refusal;
