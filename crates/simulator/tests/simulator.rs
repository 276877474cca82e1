//! The personas against a small SCIM server in this process, which remembers what it was sent and
//! misbehaves on demand.

#![expect(clippy::unwrap_used, reason = "a test ends at whatever it did not expect")]

#[path = "simulator/faults.rs"]
mod faults;
#[path = "simulator/http.rs"]
mod http;
#[path = "simulator/personas.rs"]
mod personas;
#[path = "simulator/scim.rs"]
mod scim;
#[path = "simulator/waiting.rs"]
mod waiting;
