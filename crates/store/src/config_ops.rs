//! What the owner changes: organizations, directories, tokens, endpoints, API keys. Inputs are
//! validated by the caller; uniqueness is the database's.

use std::collections::BTreeMap;

use rollcall_domain::{
    directory::{Directory, Mode, Organization, Provider, Token},
    endpoint::{Endpoint, EndpointState, Format, OnExhausted, RetrySchedule, Scope},
    event::EventType,
    ids::{DirectoryId, EndpointId, OrganizationId, TokenId},
};
use secrecy::SecretString;

use crate::Store;

/// Why a change of the configuration did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// The value of this field is taken.
    #[error("{0} is already in use")]
    Conflict(&'static str),
    /// See [`crate::WriteError::Unavailable`].
    #[error("the store does not take writes at the moment")]
    Unavailable,
    /// The database failed; the cause was logged.
    #[error("the store failed")]
    Failed,
}

/// A new directory.
#[derive(Clone, Debug)]
pub struct NewDirectory {
    /// Whose.
    pub organization_id: OrganizationId,
    /// For people.
    pub name: String,
    /// Which product pushes into it.
    pub provider: Provider,
    /// Live or sandbox.
    pub mode: Mode,
}

/// A new endpoint. It starts after the newest event.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of `Endpoint`")]
pub struct NewEndpoint {
    pub url: String,
    pub description: Option<String>,
    pub scope: Scope,
    pub event_types: Vec<EventType>,
    pub format: Format,
    pub retry_schedule: RetrySchedule,
    pub timeout_seconds: u8,
    pub on_exhausted: OnExhausted,
    pub headers: BTreeMap<String, String>,
}

/// A change of an endpoint: `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of `Endpoint`")]
pub struct EndpointPatch {
    pub url: Option<String>,
    pub description: Option<Option<String>>,
    pub event_types: Option<Vec<EventType>>,
    pub retry_schedule: Option<RetrySchedule>,
    pub timeout_seconds: Option<u8>,
    pub on_exhausted: Option<OnExhausted>,
    pub headers: Option<BTreeMap<String, String>>,
    pub state: Option<(EndpointState, Option<String>)>,
}

impl Store {
    /// Makes an organization. `Conflict("external_id")` if that is taken.
    pub async fn create_organization(&self, name: String, external_id: Option<String>) -> Result<Organization, ConfigError> {
        let _ = (name, external_id);
        unimplemented!()
    }

    /// Makes a directory with its first token, which is returned this once.
    pub async fn create_directory(&self, new: NewDirectory) -> Result<(Directory, Token, SecretString), ConfigError> {
        let _ = new;
        unimplemented!()
    }

    /// Adds a token. The older ones stop after `overlap_seconds`, if given; else they go on.
    pub async fn create_token(&self, directory: &DirectoryId, overlap_seconds: Option<u32>) -> Result<(Token, SecretString), ConfigError> {
        let _ = (directory, overlap_seconds);
        unimplemented!()
    }

    /// Removes a token; it stops at once.
    pub async fn delete_token(&self, directory: &DirectoryId, token: &TokenId) -> Result<(), ConfigError> {
        let _ = (directory, token);
        unimplemented!()
    }

    /// Makes an endpoint with its first secret, which is returned this once.
    pub async fn create_endpoint(&self, new: NewEndpoint) -> Result<(Endpoint, SecretString), ConfigError> {
        let _ = new;
        unimplemented!()
    }

    /// Changes an endpoint.
    pub async fn update_endpoint(&self, id: &EndpointId, patch: EndpointPatch) -> Result<Endpoint, ConfigError> {
        let _ = (id, patch);
        unimplemented!()
    }

    /// Deletes an endpoint with its lanes, dead letters and attempts.
    pub async fn delete_endpoint(&self, id: &EndpointId) -> Result<(), ConfigError> {
        let _ = id;
        unimplemented!()
    }

    /// Makes a new secret the first one; the others stop after `overlap_seconds`.
    pub async fn rotate_secret(&self, id: &EndpointId, overlap_seconds: u32) -> Result<(SecretString, jiff::Timestamp), ConfigError> {
        let _ = (id, overlap_seconds);
        unimplemented!()
    }

    /// Keeps an API key (its SHA-256).
    pub async fn add_api_key(&self, sha256: [u8; 32], last_characters: String) -> Result<(), ConfigError> {
        let _ = (sha256, last_characters);
        unimplemented!()
    }

    /// Notes that a token opened a directory, for `last_used_at`; kept in memory and written now and then.
    pub fn note_token_use(&self, token: &TokenId) {
        let _ = token;
    }
}
