//! What the ledger's writer is asked to save, and how some of it is saved in one transaction.

use std::collections::HashSet;

use rollcall_domain::ids::EndpointId;

use super::{HeldShard, ManualSendWhat, ProgressBatch, endpoints::Endpoints, manual, merged::Merged, save};
use crate::{
    db::{Db, DbError, bind},
    relay,
};

/// What to save.
pub(crate) enum Task {
    Progress(Box<ProgressBatch>),
    Manual {
        endpoint: EndpointId,
        shard: u16,
        what: ManualSendWhat,
    },
    DeleteEndpoint(EndpointId),
    /// Up to where the events of a shard are on the public feed.
    Published(Vec<(u16, u64)>),
}

/// What a transaction did that others wait to hear of.
#[derive(Default)]
pub(super) struct News {
    pub(super) manual: bool,
}

/// Saves these tasks.
pub(super) fn write(c: &Db, endpoints: &mut Endpoints, tasks: &[&Task]) -> Result<News, DbError> {
    endpoints.learn(c, tasks.iter().flat_map(|task| task.endpoints()))?;
    let mut news = News::default();
    let batches = tasks.iter().filter_map(|task| match task {
        Task::Progress(batch) => Some(&**batch),
        _ => None,
    });
    let merged = Merged::of(batches, |id| endpoints.number(id));
    let outcomes = merged.has_outcomes();
    save::progress(c, &merged)?;
    for task in tasks {
        match task {
            Task::Progress(_) => {}
            Task::Manual { endpoint, shard, what } => {
                manual::insert(c, endpoints, endpoint, *shard, what)?;
                news.manual = true;
            }
            Task::DeleteEndpoint(id) => endpoints.delete(c, id)?,
            Task::Published(positions) => relay::save_published(c, positions)?,
        }
    }
    if let Db::Postgres(_) = c {
        // Last, since others wait for this row until the commit.
        if news.manual || outcomes {
            c.execute(
                "UPDATE signals SET manual = manual + $1, outcomes = outcomes + $2",
                bind![i64::from(news.manual), i64::from(outcomes)],
            )?;
        }
    }
    Ok(news)
}

impl Task {
    /// Under which epochs it was made.
    pub(super) fn epochs(&self) -> &[HeldShard] {
        match self {
            Self::Progress(batch) => &batch.epochs,
            _ => &[],
        }
    }

    /// The endpoints whose numbers it takes to save it.
    fn endpoints(&self) -> Vec<&EndpointId> {
        match self {
            Self::Progress(batch) => {
                let mut ids: HashSet<&EndpointId> = HashSet::new();
                ids.extend(batch.lanes.iter().map(|record| &record.endpoint_id));
                ids.extend(batch.unparked.iter().map(|(id, ..)| id));
                ids.extend(batch.parked.iter().map(|record| &record.endpoint_id));
                ids.extend(batch.attempts.iter().map(|record| &record.endpoint_id));
                ids.extend(batch.revived.iter().map(|(id, ..)| id));
                ids.extend(batch.dead.iter().map(|record| &record.endpoint_id));
                ids.into_iter().collect()
            }
            Self::Manual { endpoint, .. } => vec![endpoint],
            Self::DeleteEndpoint(_) | Self::Published(_) => Vec::new(),
        }
    }
}
