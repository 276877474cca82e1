//! What processes tell each other and may lose.

mod breakers;
mod clock;
mod coordination;
mod error;
mod heads;
mod settings;
mod state;

pub use coordination::Coordination;
pub use error::{ConnectError, PingError};
pub use settings::Settings;
pub use state::State;
