//! HTTP out to applications: lanes, scheduling, signing, egress.
//!
//! Cast: a **lane** (`lane`) is an endpoint's cursor through the log, a pure state machine that
//! says which event may be sent next; a **scheduler** is the task that feeds the lanes through one
//! shard and saves their progress; the **process** is what the schedulers share, the slots and the
//! turns; the **supervisor** claims the shards that are assigned to this process and runs their
//! schedulers, all on one thread; an **attempt** is one signed HTTP request under one deadline; the
//! **egress** policy says which addresses may be reached at all.
//!
//! Plot: a shard is assigned, and claimed from the store under a lease; the feed's head moves; the scheduler offers the new events to the lanes in whose scope
//! they are; a lane admits them and names those that wait for nobody; the scheduler takes a slot,
//! signs and POSTs; the outcome goes back into the lane, which settles the event, parks its
//! subject or opens the endpoint's breaker; what changed is saved in batches.

mod attempt;
mod dispatcher;
pub mod egress;
mod fair;
mod figures;
mod held;
mod hints;
mod lane;
mod log;
#[cfg(test)]
mod memory;
mod metric;
mod process;
mod scheduler;
mod settings;
pub mod sign;
mod slots;
mod supervisor;

pub use dispatcher::{Dispatcher, StartError, start};
pub use hints::Hints;
pub use settings::Settings;
pub use supervisor::Shards;
