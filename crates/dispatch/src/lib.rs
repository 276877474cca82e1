//! HTTP out to applications: lanes, scheduling, signing, egress.
//!
//! Cast: a **lane** (`lane`) is an endpoint's cursor through the log, a pure state machine that
//! says which event may be sent next; the **scheduler** is one task on one thread, which feeds the
//! lanes, shares the slots fairly and saves progress; an **attempt** is one signed HTTP request
//! under one deadline; the **egress** policy says which addresses may be reached at all.
//!
//! Plot: the feed's head moves; the scheduler offers the new events to the lanes in whose scope
//! they are; a lane admits them and names those that wait for nobody; the scheduler takes a slot,
//! signs and POSTs; the outcome goes back into the lane, which settles the event, parks its
//! subject or opens the endpoint's breaker; what changed is saved in batches.

mod attempt;
mod dispatcher;
pub mod egress;
mod fair;
mod lane;
mod metric;
mod scheduler;
mod settings;
mod sign;
mod slots;

pub use dispatcher::{Dispatcher, StartError, start};
pub use settings::Settings;
