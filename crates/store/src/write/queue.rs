//! What the writer's queue holds.

use tokio::sync::oneshot;

use super::{Change, Committed, WriteError, WriteRequest};

/// Resolves once the request's batch is on the disk, or has failed.
pub(crate) type WriteTicket = oneshot::Sender<Result<Committed, WriteError>>;

/// One thing for the writer to do.
pub(crate) enum Message {
    /// A command, and whom to tell.
    Write(Box<WriteRequest>, WriteTicket),
    /// A change of the configuration, which knows whom to tell.
    Change(Box<dyn Change>),
    /// Look for changes that other processes made of the configuration.
    Look,
    /// Finish what came before, and end.
    End,
}
