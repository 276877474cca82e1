//! `GET /v1/events`: events in order, after a cursor or an event's id, or from where a consumer is; from the beginning
//! without.
//! With `wait` an answer that would be empty waits for the first event, at most so many seconds.
//! `next_cursor` is always there: it is where to go on, whether or not there is more by now.

use std::time::Duration;

use actix_web::web::Data;
use bytes::{BufMut, Bytes, BytesMut};
use rollcall_domain::shard::Positions;
use tokio::time::Instant;

use crate::{
    State,
    error::ApiResult,
    feed_reader::{Batch, Filter, Waited, place_of, read_or_wait},
    json,
    query::Query,
    routes::consumers,
};

/// The longest wait in seconds.
const MAX_WAIT: u32 = 60;

pub(crate) async fn list(state: Data<State>, query: Query) -> ApiResult {
    let [directory, organization, kind, subject, of] = Filter::PARAMETERS;
    let query =
        query.only(&[directory, organization, kind, subject, of, "after", "consumer", "limit", "wait"])?;
    let filter = Filter::from_query(&query)?;
    let limit = query.limit()?;
    let wait = query.number("wait", 0..=MAX_WAIT)?.unwrap_or(0);
    let after = match (query.one("after")?, query.one("consumer")?) {
        (Some(after), _) => place_of(&state, &filter, after).await?,
        (None, Some(name)) => consumers::place(&state, name).await?,
        (None, None) => Positions::beginning(),
    };
    let deadline = Instant::now() + Duration::from_secs(wait.into());
    let (Waited::Events(batch) | Waited::TimedOut(batch) | Waited::ShuttingDown(batch)) =
        read_or_wait(&state, &filter, after, limit, deadline).await?;
    Ok(json::verbatim(spliced(&batch, state.store.shards())))
}

/// `{"data":[…],"next_cursor":"…"}` around the bodies, which are not looked into.
fn spliced(batch: &Batch, shards: u16) -> Bytes {
    let bodies: usize = batch.events.iter().map(|event| event.body.len() + 1).sum();
    let mut answer = BytesMut::with_capacity(bodies + 128);
    answer.put_slice(b"{\"data\":[");
    for (index, event) in batch.events.iter().enumerate() {
        if index > 0 {
            answer.put_u8(b',');
        }
        answer.put_slice(&event.body);
    }
    answer.put_slice(b"],\"next_cursor\":\"");
    // Base64url has nothing that JSON would escape.
    answer.put_slice(batch.next_cursor(shards).as_bytes());
    answer.put_slice(b"\"}");
    answer.freeze()
}
