//! Endpoints: who receives which events, and by which policy.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{EventType, LoggedEvent},
    ids::{DirectoryId, EndpointId, OrganizationId},
    shard::Positions,
};

/// Whether an endpoint is sent to. Every state but `active` keeps its place in the log: nothing is
/// lost, and `resume` goes on in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It is sent to.
    Active,
    /// The owner paused it.
    Paused,
    /// It answered 410, or failed for longer than the policy allows.
    Disabled,
    /// Its address is forbidden by the egress policy.
    Quarantined,
}

impl EndpointState {
    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::Quarantined => "quarantined",
        }
    }
}

/// Which directories an endpoint hears of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All (live) directories.
    All,
    /// The (live) directories of one organization.
    Organization(OrganizationId),
    /// One directory, sandbox or not.
    Directory(DirectoryId),
}

/// What becomes of an event whose last attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExhausted {
    /// It becomes a dead letter and its subject goes on.
    #[default]
    DeadLetter,
    /// Its subject waits for the owner.
    Block,
    /// The latest state of its subject is sent instead, if there is a later one that was not sent yet
    /// ([`order::replacement`](crate::order::replacement)); else it becomes a dead letter.
    Coalesce,
}

/// The body's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The stored event, byte for byte.
    #[default]
    Standard,
}

/// The waits before each attempt in seconds, the first attempt included: 1 to 24 entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetrySchedule(Vec<u32>);

impl RetrySchedule {
    /// At most so many attempts.
    pub const MAX_ATTEMPTS: usize = 24;
    /// The longest wait: 7 days.
    pub const MAX_WAIT_SECONDS: u32 = 7 * 24 * 3600;

    /// A schedule of these waits, or why it is none.
    pub fn new(waits: Vec<u32>) -> Result<Self, String> {
        if waits.is_empty() || waits.len() > Self::MAX_ATTEMPTS {
            return Err(format!("must have 1 to {} entries", Self::MAX_ATTEMPTS));
        }
        if let Some(wait) = waits.iter().find(|w| **w > Self::MAX_WAIT_SECONDS) {
            return Err(format!("a wait of {wait} s is longer than {} s", Self::MAX_WAIT_SECONDS));
        }
        Ok(Self(waits))
    }

    /// The waits in seconds.
    pub fn waits(&self) -> &[u32] {
        &self.0
    }

    /// The wait after `attempts` failed attempts, or `None` when there is no further one.
    pub fn wait_after(&self, attempts: u32) -> Option<u32> {
        self.0.get(attempts as usize).copied()
    }
}

impl Default for RetrySchedule {
    /// The schedule that Standard Webhooks recommends: ten attempts in about three days.
    fn default() -> Self {
        Self(vec![0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400])
    }
}

/// The public half of a key that webhooks are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// `whpk_` and base64 of the 32 bytes of an Ed25519 key (RFC 8032).
    pub key: String,
    /// When it stops being used, if it does.
    pub expires_at: Option<Timestamp>,
}

/// A receiver of webhooks. Its secrets are not here: the store hands them out beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `ep_…`
    pub id: EndpointId,
    /// Where to POST, as the owner gave it.
    pub url: String,
    /// For people.
    pub description: Option<String>,
    /// Which directories it hears of.
    pub scope: Scope,
    /// Which types; empty means every type.
    pub event_types: Vec<EventType>,
    /// The body's format.
    pub format: Format,
    /// The waits before each attempt.
    pub retry_schedule: RetrySchedule,
    /// The deadline over all phases of an attempt in seconds, 1 to 30.
    pub timeout_seconds: u8,
    /// What becomes of an event whose last attempt failed.
    pub on_exhausted: OnExhausted,
    /// Headers that are sent along.
    pub headers: BTreeMap<String, String>,
    /// Whether it is sent to.
    pub state: EndpointState,
    /// Why it is not active, in words.
    pub state_reason: Option<String>,
    /// What its `v1a` signatures can be verified with, the newest first; none, and it gets only `v1`.
    pub public_keys: Vec<PublicKey>,
    /// It receives what was committed after this place in the log.
    pub start: Positions,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the owner last changed it.
    pub updated_at: Timestamp,
}

/// Why an endpoint does not want an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It hears of another organization.
    Organization,
    /// It hears of another directory.
    Directory,
    /// The event is of a sandbox directory, which the endpoint does not name.
    Sandbox,
    /// The type is not among its types. Operator events must be named.
    Type,
    /// It is an operator event, and the endpoint hears of one organization or directory only.
    Scope,
    /// It is an operator event about the endpoint itself.
    Itself,
}

impl Endpoint {
    /// The public keys that are in use at this time.
    pub fn public_keys_at(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let is_live = move |one: &&PublicKey| one.expires_at.is_none_or(|end| end > now);
        self.public_keys.iter().filter(is_live).map(|one| one.key.as_str())
    }

    /// Whether the endpoint wants this event.
    pub fn matches(&self, event: &LoggedEvent) -> bool {
        self.mismatch(event).is_none()
    }

    /// Why the endpoint does not want this event; `None` if it does.
    pub fn mismatch(&self, event: &LoggedEvent) -> Option<Mismatch> {
        if event.kind.is_operator() {
            return match &self.scope {
                _ if !self.event_types.contains(&event.kind) => Some(Mismatch::Type),
                Scope::Organization(_) | Scope::Directory(_) => Some(Mismatch::Scope),
                // What it cannot take in now would only tell it later that it could not.
                Scope::All if *event.subject.id == *self.id.as_str() => Some(Mismatch::Itself),
                Scope::All => None,
            };
        }
        match &self.scope {
            Scope::Directory(id) if *id != event.directory_id => Some(Mismatch::Directory),
            Scope::Organization(id) if *id != event.organization_id => Some(Mismatch::Organization),
            Scope::All | Scope::Organization(_) if event.sandbox => Some(Mismatch::Sandbox),
            _ if self.event_types.is_empty() || self.event_types.contains(&event.kind) => None,
            _ => Some(Mismatch::Type),
        }
    }
}
