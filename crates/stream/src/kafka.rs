//! The feed on Kafka.

pub(crate) mod client;
pub(crate) mod consumer;
pub(crate) mod ping;
mod producer;
pub mod record;
pub(crate) mod relay;
mod settings;
pub(crate) mod topic;

pub use ping::{Info, PingError, ping};
pub use settings::{GroupProtocol, Settings, SettingsError};
pub use topic::TopicError;
