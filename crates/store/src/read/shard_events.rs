//! A shard's log as it is, for whoever passes it on: every directory's events, sandboxes' too.

use std::{ops::ControlFlow, sync::Arc};

use rollcall_domain::event::LoggedEvent;

use super::ReadError;
use crate::{
    Store,
    db::{Db, DbError, bind},
    resources::statement,
    rows::{self, EVENT, EVENT_TABLES},
};

/// A page ends with the event that brings its bodies to so many bytes.
const PAGE_BYTES: usize = 1 << 20;

impl Store {
    /// The events of a shard after a position, in order and without a gap: at most `limit`, or about
    /// 1 MiB of bodies, and at least one if there is one.
    pub async fn shard_events(
        &self,
        shard: u16,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Arc<LoggedEvent>>, ReadError> {
        self.read(move |c| Ok(shard_events(c, shard, after, limit)?)).await
    }
}

pub(crate) fn shard_events(
    c: &Db,
    shard: u16,
    after: u64,
    limit: u32,
) -> Result<Vec<Arc<LoggedEvent>>, DbError> {
    let mut events = Vec::new();
    let mut bytes = 0;
    c.each(
        statement!(
            "SELECT ",
            EVENT,
            " FROM ",
            EVENT_TABLES,
            " WHERE e.shard = $1 AND e.position > $2 ORDER BY e.position LIMIT $3"
        ),
        bind![shard, after, limit],
        |row| {
            let event = rows::event(row)?;
            bytes += event.body.len();
            events.push(Arc::new(event));
            let full = bytes >= PAGE_BYTES;
            Ok::<_, DbError>(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        },
    )?;
    Ok(events)
}
