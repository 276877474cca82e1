//! The configuration: one [`Settings`], assembled from the defaults, one TOML file, the
//! environment and the command line, the later winning over the earlier.
//!
//! Cast: [`settings`] is what there is to set; [`load()`] merges the sources, refuses what nobody
//! knows, and remembers where each value came from; [`ranges`] refuses numbers that
//! nobody means; [`environment`] reads `ROLLCALL_…` names;
//! [`print`](mod@print) writes the result down as TOML.

mod environment;
mod keys;
mod load;
mod print;
mod ranges;
mod settings;

pub(crate) use load::{Loaded, Sources, load};
pub(crate) use print::print;
pub(crate) use settings::{Log, LogFormat, Roles, Settings};

/// Why there is no configuration: one line that names the place and the key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(pub(crate) String);
