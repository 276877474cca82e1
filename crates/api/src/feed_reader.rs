//! Reading the log for pull and stream: from the feed's tail if it reaches back far enough, else
//! from the store, and waiting for what is not there yet.

use std::sync::Arc;

use jiff::SignedDuration;
use rollcall_domain::{
    event::{EventType, LoggedEvent},
    ids::{DirectoryId, EventId, OrganizationId},
    operator,
    shard::{Positions, shard_of},
};
use rollcall_store::read::{EventQuery, ReadError};
use tokio::time::{Instant, sleep_until};

use crate::{
    State, cursor,
    error::{ApiError, ApiResult},
    field::EventTypes,
    query::Query,
};

/// A batch stops growing at so many bytes of bodies, however many events were asked for.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// So many events are asked for at a time, of the tail and of the store.
const CHUNK: u32 = 200;
/// Clocks of different processes may differ by so much.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Which events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    directory_id: Option<DirectoryId>,
    organization_id: Option<OrganizationId>,
    types: Vec<EventType>,
    subject_id: Option<String>,
    /// Those of the operator's stream instead of the directories'.
    operator: bool,
}

impl Filter {
    /// The query parameters that make a filter.
    pub(crate) const PARAMETERS: [&str; 5] =
        ["directory_id", "organization_id", "type", "subject_id", "stream"];

    pub(crate) fn from_query(query: &Query) -> ApiResult<Self> {
        let types: Result<Vec<_>, String> = query.many("type").map(EventTypes::parse).collect();
        let types = EventTypes::all_of(types.map_err(|why| ApiError::invalid_parameter("type", why))?);
        let stream = |value: &str| ["directories", "operator"].iter().position(|name| *name == value);
        let operator = query.parsed("stream", "directories or operator", stream)? == Some(1);
        for name in ["directory_id", "organization_id"] {
            if operator && query.one(name)?.is_some() {
                return Err(ApiError::invalid_parameter(name, "cannot be combined with `stream=operator`"));
            }
        }
        let subject = |value: &str| (1..=64).contains(&value.len()).then(|| value.to_owned());
        Ok(Self {
            directory_id: match operator {
                true => Some(operator::stream()),
                false => query.parsed("directory_id", "an id of a directory (dir_…)", DirectoryId::parse)?,
            },
            organization_id: query.parsed(
                "organization_id",
                "an id of an organization (org_…)",
                OrganizationId::parse,
            )?,
            types,
            subject_id: query.parsed(
                "subject_id",
                "an id of a user, a group, a directory or an endpoint",
                subject,
            )?,
            operator,
        })
    }

    fn matches(&self, event: &LoggedEvent) -> bool {
        self.operator == event.kind.is_operator()
            && self.directory_id.as_ref().is_none_or(|id| *id == event.directory_id)
            && self.organization_id.as_ref().is_none_or(|id| *id == event.organization_id)
            && (self.types.is_empty() || self.types.contains(&event.kind))
            && self.subject_id.as_deref().is_none_or(|id| {
                *event.subject.id == *id || event.group_id.as_ref().is_some_and(|group| group.as_str() == id)
            })
    }

    /// The only shard that can have such events, if there is one.
    fn shard(&self, shards: u16) -> Option<u16> {
        match &self.directory_id {
            Some(directory) => Some(shard_of(directory, shards)),
            None => (shards == 1).then_some(0),
        }
    }

    fn after(&self, after: Positions, limit: u32) -> EventQuery {
        EventQuery {
            after,
            directory_id: self.directory_id.clone(),
            organization_id: self.organization_id.clone(),
            types: self.types.clone(),
            subject_id: self.subject_id.clone(),
            limit,
        }
    }
}

/// Some events in order, and how far the log was looked at for them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Arc<LoggedEvent>>,
    pub(crate) scanned_to: Positions,
    bytes: usize,
}

impl Batch {
    /// The cursor to go on from.
    pub(crate) fn next_cursor(&self, shards: u16) -> String {
        cursor::of_log(&self.scanned_to, shards)
    }

    /// Takes an event up; says whether there is room for another.
    fn take(&mut self, event: Arc<LoggedEvent>, limit: usize) -> bool {
        self.scanned_to.set(event.shard, event.position);
        self.bytes += event.body.len();
        self.events.push(event);
        self.events.len() < limit && self.bytes < BATCH_BYTES
    }
}

/// What came of waiting.
#[derive(Debug)]
pub(crate) enum Waited {
    /// There are events.
    Events(Batch),
    /// The time passed without any; the batch is empty and knows how far it looked.
    TimedOut(Batch),
    /// The server shuts down.
    ShuttingDown(Batch),
}

/// Up to `limit` matching events after `after`, without waiting.
pub(crate) async fn read(
    state: &State,
    filter: &Filter,
    after: Positions,
    limit: u32,
) -> Result<Batch, ReadError> {
    let mut batch = Batch { scanned_to: after, ..Batch::default() };
    let shard = filter.shard(state.store.shards());
    loop {
        let tail =
            shard.and_then(|shard| state.feed.tail_after(shard, batch.scanned_to.at(shard), CHUNK as usize));
        let more = match tail {
            Some(events) => take_from_tail(&mut batch, events, filter, limit),
            None => take_from_store(state, &mut batch, filter, limit).await?,
        };
        if !more {
            return Ok(batch);
        }
    }
}

fn take_from_tail(batch: &mut Batch, events: Vec<Arc<LoggedEvent>>, filter: &Filter, limit: u32) -> bool {
    let more = events.len() == CHUNK as usize;
    for event in events {
        batch.scanned_to.set(event.shard, event.position);
        if filter.matches(&event) && !batch.take(event, limit as usize) {
            return false;
        }
    }
    more
}

async fn take_from_store(
    state: &State,
    batch: &mut Batch,
    filter: &Filter,
    limit: u32,
) -> Result<bool, ReadError> {
    let wanted = CHUNK.min(limit - batch.events.len() as u32);
    let read = state.store.events(filter.after(batch.scanned_to.clone(), wanted)).await?;
    let more = read.events.len() == wanted as usize;
    for event in read.events {
        if !filter.matches(&event) {
            // The operator's.
            batch.scanned_to.set(event.shard, event.position);
        } else if !batch.take(event, limit as usize) {
            return Ok(false);
        }
    }
    if !more {
        for (shard, position) in read.scanned_to.iter() {
            let position = position.max(batch.scanned_to.at(shard));
            batch.scanned_to.set(shard, position);
        }
    }
    Ok(more)
}

/// As [`read`], waiting until `deadline` for the first matching event.
pub(crate) async fn read_or_wait(
    state: &State,
    filter: &Filter,
    after: Positions,
    limit: u32,
    deadline: Instant,
) -> Result<Waited, ReadError> {
    let mut moved = state.feed.moved();
    let mut after = after;
    let shards = state.store.shards();
    let relevant = match filter.shard(shards) {
        Some(shard) => shard..shard + 1,
        None => 0..shards,
    };
    let shut_down = state.shut_down();
    tokio::pin!(shut_down);
    loop {
        // Before the read, so that a commit during it wakes the wait below.
        moved.borrow_and_update();
        let batch = read(state, filter, after, limit).await?;
        if !batch.events.is_empty() {
            return Ok(Waited::Events(batch));
        }
        // Until a shard has moved that can have what is waited for.
        while relevant.clone().all(|shard| state.feed.head(shard) <= batch.scanned_to.at(shard)) {
            tokio::select! {
                biased;
                () = &mut shut_down => return Ok(Waited::ShuttingDown(batch)),
                () = sleep_until(deadline) => return Ok(Waited::TimedOut(batch)),
                changed = moved.changed() => if changed.is_err() {
                    return Ok(Waited::ShuttingDown(batch));
                },
            }
        }
        if Instant::now() >= deadline {
            return Ok(Waited::TimedOut(batch));
        }
        after = batch.scanned_to;
    }
}

/// The place that `after` stands for: a cursor, or the id of an event. In a log of several shards,
/// what other directories had before the event is known by its time only, and some of it may come again.
pub(crate) async fn place_of(state: &State, filter: &Filter, after: &str) -> ApiResult<Positions> {
    let shards = state.store.shards();
    let Some(id) = EventId::parse(after) else { return cursor::log_place(after, shards) };
    let Some(event) = state.store.event(&id).await? else { return Err(ApiError::invalid_cursor()) };
    let mut place = Positions::beginning();
    if filter.shard(shards).is_none() {
        let earlier = event.timestamp.saturating_sub(SKEW).unwrap_or(event.timestamp);
        for shard in (0..shards).filter(|shard| *shard != event.shard) {
            place.set(shard, state.store.position_at(shard, earlier).await?);
        }
    }
    place.set(event.shard, event.position);
    Ok(place)
}
