//! Changes of the configuration, carried out by the writer's thread between the commands.

use rollcall_domain::ids::{DirectoryId, EndpointId, OrganizationId};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::config_ops::ConfigError;

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

/// What a change may use and must say.
pub(crate) struct Applied<'a> {
    /// Inside the batch's transaction and the change's savepoint.
    pub(crate) connection: &'a Connection,
    /// The newest position, those of this batch included.
    pub(crate) position: u64,
    /// What to read again.
    pub(crate) touched: Vec<Touched>,
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
