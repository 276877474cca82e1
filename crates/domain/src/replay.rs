//! Replays: a range of the log that is sent to an endpoint once more.
//!
//! A replay is a second cursor with an end: it has a lane of its own through each shard, beside the endpoint's, with
//! the same rules of order. What it sends are the stored events, with their own ids.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    endpoint::Scope,
    event::{EventType, LoggedEvent},
    ids::{DirectoryId, EndpointId, OrganizationId, ReplayId},
    shard::Positions,
};

/// Where a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayStatus {
    /// Its events are being sent, or wait for their endpoint.
    Running,
    /// All of them were delivered or given up.
    Done,
    /// The owner ended it.
    Cancelled,
    /// Its endpoint was deleted.
    Failed,
}

impl ReplayStatus {
    /// Every status.
    pub const ALL: &'static [Self] = &[Self::Running, Self::Done, Self::Cancelled, Self::Failed];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|status| status.as_str() == name).copied()
    }
}

/// Which events of its range a replay sends, among those that the endpoint wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field narrows it")]
pub struct ReplayFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_id: Option<DirectoryId>,
    /// Empty: every type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<EventType>,
    /// A user or a group; memberships are found under both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<Box<str>>,
    /// Of this directory's sequences, both ends included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_sequence: Option<u64>,
    /// Decided at this time or later, to the millisecond, as times are shown.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::timestamp::serialize_option")]
    pub from_time: Option<Timestamp>,
    /// Decided at this time or earlier, to the millisecond.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::timestamp::serialize_option")]
    pub to_time: Option<Timestamp>,
    /// Only what the endpoint was never delivered and its own lane will not deliver.
    pub only_undelivered: bool,
}

impl ReplayFilter {
    /// Whether it lets this event through; whether the event was delivered before is not known here.
    pub fn matches(&self, event: &LoggedEvent) -> bool {
        self.organization_id.as_ref().is_none_or(|id| *id == event.organization_id)
            && self.directory_id.as_ref().is_none_or(|id| *id == event.directory_id)
            && (self.types.is_empty() || self.types.contains(&event.kind))
            && self.subject_id.as_ref().is_none_or(|id| {
                **id == *event.subject.id
                    || event.group_id.as_ref().is_some_and(|group| group.as_str() == &**id)
            })
            && self.from_sequence.is_none_or(|least| event.sequence >= least)
            && self.to_sequence.is_none_or(|most| event.sequence <= most)
            && self.from_time.is_none_or(|first| event.timestamp.as_millisecond() >= first.as_millisecond())
            && self.to_time.is_none_or(|last| event.timestamp.as_millisecond() <= last.as_millisecond())
    }

    /// What it narrows an endpoint's scope to, for finding its events.
    pub fn scope(&self, of_the_endpoint: &Scope) -> Scope {
        match (&self.directory_id, &self.organization_id) {
            (Some(id), _) => Scope::Directory(id.clone()),
            (None, Some(id)) if *of_the_endpoint == Scope::All => Scope::Organization(id.clone()),
            _ => of_the_endpoint.clone(),
        }
    }
}

/// A replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// `rpl_…`
    pub id: ReplayId,
    /// To whom.
    pub endpoint_id: EndpointId,
    /// Which events.
    pub filter: ReplayFilter,
    /// Its range in each shard: after this position…
    pub after: Positions,
    /// …up to this one (inclusive).
    pub up_to: Positions,
    /// At most so many attempts begin per second.
    pub rate_per_second: u32,
    /// How many events it had when it was made.
    pub total: u64,
    /// Where it stands.
    pub status: ReplayStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl Replay {
    /// The rate unless another is asked for, and the highest, in attempts per second.
    pub const DEFAULT_RATE: u32 = 100;
    /// See [`Replay::DEFAULT_RATE`].
    pub const MAX_RATE: u32 = 10_000;
    /// At most so many run at a time for an endpoint.
    pub const MAX_RUNNING: usize = 8;

    /// The name of its lane, which is nobody's endpoint.
    pub fn lane_id(&self) -> EndpointId {
        EndpointId::from_uuid(self.id.uuid())
    }

    /// The shards that it has a part of, with the last position of each.
    pub fn parts(&self) -> impl Iterator<Item = (u16, u64)> {
        self.up_to.iter().filter(|(shard, end)| self.after.at(*shard) < *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reads_back_and_narrows_a_scope() {
        let directory = DirectoryId::from_uuid(uuid::Uuid::from_u128(7));
        let organization = OrganizationId::from_uuid(uuid::Uuid::from_u128(8));
        let filter = ReplayFilter {
            directory_id: Some(directory.clone()),
            from_sequence: Some(3),
            from_time: Some("2026-01-02T03:04:05.678Z".parse().unwrap()),
            ..ReplayFilter::default()
        };
        let text = serde_json::to_string(&filter).unwrap();
        assert_eq!(serde_json::from_str::<ReplayFilter>(&text).unwrap(), filter, "{text}");
        assert_eq!(filter.scope(&Scope::All), Scope::Directory(directory));
        let filter = ReplayFilter { organization_id: Some(organization.clone()), ..ReplayFilter::default() };
        assert_eq!(filter.scope(&Scope::All), Scope::Organization(organization.clone()));
        let own = Scope::Directory(DirectoryId::from_uuid(uuid::Uuid::from_u128(9)));
        assert_eq!(filter.scope(&own), own);
        for status in ReplayStatus::ALL {
            assert_eq!(ReplayStatus::parse(status.as_str()), Some(*status));
        }
    }
}
