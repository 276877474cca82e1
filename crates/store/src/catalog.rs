//! The configuration that every request and every event needs, in memory: organizations,
//! directories with their tokens' hashes, endpoints with their secrets. A new catalog replaces
//! the old one as a whole after each change; readers hold an `Arc` of the one they began with.

mod load;

pub(crate) use load::{complete, endpoint, public_keys, refreshed, sealed_with};

use std::{collections::HashMap, sync::Arc};

use rollcall_domain::{
    directory::{Directory, Organization, Token},
    endpoint::Endpoint,
    ids::{DirectoryId, EndpointId, OrganizationId},
    replay::Replay,
};
use secrecy::SecretString;

/// A directory with its tokens.
#[derive(Clone, Debug)]
pub struct DirectoryEntry {
    /// The directory. Deleted ones are not in the catalog.
    pub directory: Arc<Directory>,
    /// The SHA-256 of each token with what may be known of it, expired ones included.
    pub tokens: Vec<([u8; 32], Token)>,
}

/// An endpoint with its live secrets and its running replays.
#[derive(Clone, Debug)]
pub struct EndpointEntry {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// `whsec_…`, the newest first, each with the time when it stops being used, if it does.
    pub secrets: Vec<(SecretString, Option<jiff::Timestamp>)>,
    /// Its replays that run, the oldest first.
    pub replays: Vec<Arc<Replay>>,
}

/// A consistent picture of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Grows with each change.
    pub revision: u64,
    /// All organizations.
    pub organizations: HashMap<OrganizationId, Arc<Organization>>,
    /// All directories that are not deleted.
    pub directories: HashMap<DirectoryId, Arc<DirectoryEntry>>,
    /// All endpoints.
    pub endpoints: HashMap<EndpointId, Arc<EndpointEntry>>,
    /// The SHA-256 of each API key in the store.
    pub api_keys: Vec<[u8; 32]>,
}
