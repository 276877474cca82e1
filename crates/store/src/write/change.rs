//! Changes of the configuration, carried out by a writer's thread between the commands.

use rollcall_domain::{
    ids::{DirectoryId, EndpointId, OrganizationId},
    shard::Positions,
};
use tokio::sync::oneshot;

use crate::{
    config_ops::ConfigError,
    db::{Db, DbError, bind},
};

/// A part of the catalog that is to be read again after the commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Touched {
    /// This organization.
    Organization(OrganizationId),
    /// This directory, or its tokens.
    Directory(DirectoryId),
    /// This endpoint, or its secrets.
    Endpoint(EndpointId),
    /// The API keys.
    ApiKeys,
}

impl Touched {
    /// Its name in the database.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Organization(_) => "organization",
            Self::Directory(_) => "directory",
            Self::Endpoint(_) => "endpoint",
            Self::ApiKeys => "api_keys",
        }
    }

    /// Which of its kind; empty where there is one only.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Organization(id) => id.as_str(),
            Self::Directory(id) => id.as_str(),
            Self::Endpoint(id) => id.as_str(),
            Self::ApiKeys => "",
        }
    }

    /// From the two.
    pub(crate) fn parse(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "organization" => OrganizationId::parse(id).map(Self::Organization),
            "directory" => DirectoryId::parse(id).map(Self::Directory),
            "endpoint" => EndpointId::parse(id).map(Self::Endpoint),
            "api_keys" => Some(Self::ApiKeys),
            _ => None,
        }
    }
}

/// What a change may use and must say.
pub(crate) struct Applied<'a> {
    /// Inside the transaction that the change is a part of.
    pub(crate) connection: &'a Db,
    /// The newest position of the only shard, those of this batch included; `None`: ask the database.
    pub(crate) position: Option<u64>,
    /// What to read again.
    pub(crate) touched: Vec<Touched>,
}

impl Applied<'_> {
    /// The newest position of each shard. What has a later one is decided after this change.
    pub(crate) fn heads(&self) -> Result<Positions, DbError> {
        match self.position {
            Some(position) => Ok(vec![position].into()),
            None => heads(self.connection),
        }
    }
}

/// The newest committed position of each shard, where the database counts them.
pub(crate) fn heads(c: &Db) -> Result<Positions, DbError> {
    let positions = c.rows("SELECT position FROM shards ORDER BY shard", bind![], |row| row.uint(0))?;
    Ok(positions.into())
}

/// A change with somebody who waits for it.
pub(crate) trait Change: Send {
    /// Writes the change.
    fn apply(&mut self, applied: &mut Applied<'_>) -> Result<(), ConfigError>;
    /// Tells whoever waits, after the commit or the failure.
    fn resolve(self: Box<Self>, outcome: Result<(), ConfigError>);
}

struct Closure<T, F> {
    run: Option<F>,
    value: Option<T>,
    ticket: oneshot::Sender<Result<T, ConfigError>>,
}

/// A change made of a closure.
pub(crate) fn change<T, F>(run: F) -> (Box<dyn Change>, oneshot::Receiver<Result<T, ConfigError>>)
where
    T: Send + 'static,
    F: FnOnce(&mut Applied<'_>) -> Result<T, ConfigError> + Send + 'static,
{
    let (ticket, receiver) = oneshot::channel();
    (Box::new(Closure { run: Some(run), value: None, ticket }), receiver)
}

impl<T, F> Change for Closure<T, F>
where
    T: Send,
    F: FnOnce(&mut Applied<'_>) -> Result<T, ConfigError> + Send,
{
    fn apply(&mut self, applied: &mut Applied<'_>) -> Result<(), ConfigError> {
        let run = self.run.take().ok_or(ConfigError::Failed)?;
        self.value = Some(run(applied)?);
        Ok(())
    }

    fn resolve(self: Box<Self>, outcome: Result<(), ConfigError>) {
        let Self { value, ticket, .. } = *self;
        let outcome = outcome.and_then(|()| value.ok_or(ConfigError::Failed));
        // Nobody waits any more: the change is made all the same.
        let _ = ticket.send(outcome);
    }
}
