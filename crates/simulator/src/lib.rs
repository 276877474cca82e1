//! Provider personas that drive a SCIM endpoint over real HTTP, as the products they are named
//! for do: the same probe, headers, bodies, order of requests and dialect.
//!
//! Cast: a [`Provider`] names a product, whose way of speaking is data (`style`, `styles`); a
//! [`Persona`] is the engine that all of them share, which turns each [`Step`] of a script into
//! the product's requests by pure functions (`write`); the [`Target`] is any SCIM endpoint; an
//! [`Observer`] is shown every [`Exchange`] and every verdict on a [`Check`]. There are two
//! scripts: a [`Day`] with one scene of every kind, and the [`Plan`] of a directory of any size.
//!
//! Plot: `persona.play(&step, &mut observer)` sends the step's requests one after the other. An
//! answer that the persona's product would choke on ends the step with an [`Error`]. A
//! [`Simulation`] plays a whole plan, many steps at a time, reads back after each phase what the
//! target holds, and gives a [`Report`]: which checks passed, and what was seen where one failed.
//!
//! Nothing here knows how the server is built. Names of people are made up.

mod answer;
mod audit;
mod check;
mod day;
mod error;
mod exchange;
mod ledger;
mod memory;
mod people;
mod persona;
mod plan;
mod protocol;
mod provider;
mod readback;
mod report;
mod schema;
mod simulation;
mod step;
mod style;
mod styles;
mod wire;
mod write;

pub use check::{Check, Failure, Verdict};
pub use day::{Day, Size};
pub use error::Error;
pub use exchange::{Exchange, Observer};
pub use people::{Address, People, Person};
pub use persona::Persona;
pub use plan::{Phase, Plan};
pub use provider::{Provider, UnknownProvider};
pub use report::{CheckResult, Latencies, Report};
pub use simulation::{Progress, Simulation};
pub use step::{Attribute, GroupHandle, PersonHandle, Step};
pub use wire::Target;
