//! Provider personas that drive a SCIM endpoint over real HTTP, as the products they are named
//! for do: the same probe, headers, bodies, order of requests and dialect.
//!
//! Cast: a [`Day`], an abstract script of what happens in a company (people are hired, move, leave
//! and come back); a [`Persona`], which turns each [`Step`] of it into the requests that its
//! product would send; the [`Target`], any SCIM endpoint; and an [`Observer`], who is shown every
//! [`Exchange`].
//!
//! Plot: `persona.play(&step, &mut observer)` sends the step's requests one after the other. An
//! answer that the persona's product would choke on ends the step with an [`Error`].
//!
//! Nothing here knows how the server is built. Names of people are made up.

mod body;
mod day;
mod error;
mod exchange;
mod people;
mod persona;
mod wire;

pub use day::{Attribute, Day, GroupHandle, PersonHandle, Size, Step};
pub use error::Error;
pub use exchange::{Exchange, Observer};
pub use people::Person;
pub use persona::{Dialect, EntraDialect, OktaDialect, Persona};
pub use wire::Target;
