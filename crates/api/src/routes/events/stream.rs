//! `GET /v1/events/stream`: events as Server-Sent Events, as they are committed.
//!
//! `id:` is the cursor, `data:` the event's body. A client that comes back with `Last-Event-ID`
//! (or `after`) goes on where it was; without either a stream starts now, and says at once by an
//! `id:` of its own where that is. A comment every 15 seconds keeps the connection open. The
//! stream is pulled by the client's reading: a slow one falls behind, it is not buffered for.

use std::{convert::Infallible, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use rollcall_domain::shard::Positions;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use crate::{
    State, cursor,
    error::{ApiError, ApiResult, ErrorCode},
    feed_reader::{Batch, Filter, Waited, place_of, read_or_wait},
    query::Query,
    routes::consumers,
};

const LAST_EVENT_ID: &str = "Last-Event-ID";
/// A comment is sent when there was nothing for so long.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// At most so many events in one piece.
const PIECE: u32 = 100;

struct EventStream {
    state: Data<State>,
    filter: Filter,
    after: Positions,
    opened: bool,
    // Its drop makes room for another stream.
    _permit: OwnedSemaphorePermit,
}

pub(crate) async fn stream(state: Data<State>, request: HttpRequest, query: Query) -> ApiResult {
    let [directory, organization, kind, subject, of] = Filter::PARAMETERS;
    let query = query.only(&[directory, organization, kind, subject, of, "after", "consumer"])?;
    let filter = Filter::from_query(&query)?;
    // A client that comes back repeats its URL; what it saw last is newer than what it once asked for.
    let last_event_id = request.headers().get(LAST_EVENT_ID).filter(|id| !id.is_empty());
    let after = match (last_event_id, query.one("after")?) {
        (Some(id), _) => match id.to_str() {
            Ok(id) => place_of(&state, &filter, id).await,
            Err(_) => Err(ApiError::invalid_cursor()),
        }
        .map_err(|error| error.of_header(LAST_EVENT_ID))?,
        (None, Some(after)) => place_of(&state, &filter, after).await?,
        (None, None) => match query.one("consumer")? {
            Some(name) => consumers::place(&state, name).await?,
            None => state.store.heads().await?,
        },
    };
    let permit = state.streams.clone().try_acquire_owned().map_err(|_| {
        ApiError::retry_after(
            ErrorCode::TooManyStreams,
            format!("At most {} event streams are open at once.", State::MAX_STREAMS),
            30,
        )
    })?;
    let events = EventStream { state, filter, after, opened: false, _permit: permit };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies must hand on each event as it comes.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(stream::unfold(events, next_piece)))
}

async fn next_piece(mut events: EventStream) -> Option<(Result<Bytes, Infallible>, EventStream)> {
    if !events.opened {
        events.opened = true;
        let cursor = cursor::of_log(&events.after, events.state.store.shards());
        return Some((Ok(Bytes::from(format!("retry: 2000\nid: {cursor}\n\n"))), events));
    }
    let deadline = Instant::now() + HEARTBEAT;
    let after = events.after.clone();
    let piece = match read_or_wait(&events.state, &events.filter, after, PIECE, deadline).await {
        Ok(Waited::Events(batch)) => {
            let text = written(&events.after, &batch, events.state.store.shards());
            events.after = batch.scanned_to;
            text
        }
        Ok(Waited::TimedOut(batch)) => {
            events.after = batch.scanned_to;
            Bytes::from_static(b": nothing new\n\n")
        }
        Ok(Waited::ShuttingDown(_)) => return None,
        Err(error) => {
            // The client comes back with the last cursor.
            tracing::warn!(%error, "an event stream ends because the log cannot be read");
            return None;
        }
    };
    Some((Ok(piece), events))
}

/// The events of a batch that was read after this place.
fn written(after: &Positions, batch: &Batch, shards: u16) -> Bytes {
    let mut text = BytesMut::new();
    let mut place = after.clone();
    for event in &batch.events {
        place.set(event.shard, event.position);
        let cursor = cursor::of_log(&place, shards);
        text.put_slice(b"id: ");
        text.put_slice(cursor.as_bytes());
        // Serialized JSON has no line ends of its own, so one `data:` line holds it.
        text.put_slice(b"\ndata: ");
        text.put_slice(&event.body);
        text.put_slice(b"\n\n");
    }
    text.freeze()
}
