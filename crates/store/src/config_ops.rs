//! What the owner changes: organizations, directories, tokens, endpoints, API keys. Inputs are
//! validated by the caller; uniqueness is the database's. Each change is one closure that the
//! writer's thread runs between the commands; when a call returns, the catalog shows the change.

mod api_keys;
mod directories;
mod endpoints;
mod organizations;
mod secrets;
mod tokens;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollcall_domain::{
    directory::{Mode, Provider},
    endpoint::{EndpointState, Format, OnExhausted, RetrySchedule, Scope},
    event::EventType,
    ids::OrganizationId,
};
use rollcall_scim::RuleSwitches;
use serde::Serialize;

use crate::{
    Store,
    db::{DbError, bind},
    write::{Applied, Message, change, failed_change},
};

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
    /// Which liberties its provider may take with SCIM.
    pub compatibility: RuleSwitches,
}

/// A change of a directory: `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of `Directory`")]
pub struct DirectoryPatch {
    pub name: Option<String>,
    pub provider: Option<Provider>,
    pub compatibility: Option<RuleSwitches>,
}

/// From where on an endpoint is sent what is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Start {
    /// What is decided from now on.
    #[default]
    Now,
    /// Everything that the log has.
    Beginning,
    /// This sequence of its directory and what comes after; for an endpoint of one directory.
    Sequence(u64),
    /// What was decided at this time or later, give or take a moment.
    Time(Timestamp),
}

/// A new endpoint.
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
    pub start: Start,
    /// Whether it gets signatures that anybody can verify, too (`v1a`).
    pub asymmetric: bool,
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
    /// Whether it gets signatures that anybody can verify, too (`v1a`).
    pub asymmetric: Option<bool>,
}

impl From<DbError> for ConfigError {
    fn from(error: DbError) -> Self {
        failed_change(&error)
    }
}

impl Store {
    /// Has the writer carry a change out, and waits for its commit.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Applied<'_>) -> Result<T, ConfigError> + Send + 'static,
    ) -> Result<T, ConfigError> {
        let (change, done) = change(run);
        self.inner.send(Message::Change(change)).map_err(|_| ConfigError::Unavailable)?;
        done.await.unwrap_or(Err(ConfigError::Failed))
    }
}

/// The refusal of the constraint on this field as a conflict.
fn or_conflict(error: DbError, field: &'static str) -> ConfigError {
    if error.is_taken(field, field) { ConfigError::Conflict(field) } else { error.into() }
}

fn exists(applied: &Applied<'_>, sql: &str, id: &str) -> Result<(), ConfigError> {
    if applied.connection.exists(sql, bind![id])? { Ok(()) } else { Err(ConfigError::NotFound) }
}

/// As it stands in a column.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Fails only for maps whose keys are not strings.
    serde_json::to_string(value).unwrap_or_default()
}
