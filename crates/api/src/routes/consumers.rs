//! Consumers: applications that pull events, and where each of them is.

pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod put;

use jiff::Timestamp;
use rollcall_domain::{shard::Positions, timestamp};
use rollcall_store::consumers::Consumer;
use serde::Serialize;

use crate::{
    State, cursor,
    error::{ApiError, ApiResult},
};

/// A consumer with where it is.
#[derive(Serialize)]
struct ConsumerView {
    name: String,
    cursor: String,
    /// How far the log goes on after that, in events of all directories.
    behind: u64,
    #[serde(serialize_with = "timestamp::serialize")]
    created_at: Timestamp,
    #[serde(serialize_with = "timestamp::serialize")]
    updated_at: Timestamp,
}

impl ConsumerView {
    fn new(state: &State, heads: &Positions, consumer: Consumer) -> Self {
        let Consumer { name, place, created_at, updated_at } = consumer;
        let behind = heads.iter().map(|(shard, head)| head.saturating_sub(place.at(shard))).sum();
        Self { name, cursor: cursor::of_log(&place, state.store.shards()), behind, created_at, updated_at }
    }
}

/// A name as a consumer may have one.
pub(crate) fn checked(field: &str, name: &str) -> ApiResult<()> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&name.len()) && name.bytes().all(is_fine) {
        return Ok(());
    }
    Err(ApiError::invalid_parameter(field, "must have 1 to 64 letters, digits, `-`, `_` or `.`"))
}

/// Where the consumer of this name is: at the beginning if it never said.
pub(crate) async fn place(state: &State, name: &str) -> ApiResult<Positions> {
    checked("consumer", name)?;
    Ok(state.store.consumer(name).await?.map_or_else(Positions::beginning, |consumer| consumer.place))
}
