//! What a write would do, by the state of this moment, and writing nothing.

use std::collections::HashSet;

use bytes::Bytes;
use rollcall_domain::{Refusal, Reply, Write, directory::DirectoryState};
use rollcall_scim::fold;

use super::{
    WriteError, WriteRequest,
    decided::{Undecided, decide},
    directories::{Directories, DirectoryRow},
    load,
};
use crate::{
    Store, clock,
    db::{Db, DbError, bind},
    read::ReadError,
};

/// A write that was decided and goes no further.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The state that it would leave behind.
    pub reply: Reply,
    /// The bodies of the events that it would give. Their ids and sequences are nobody's.
    pub events: Vec<Bytes>,
}

impl Store {
    /// Decides a request as a write would, on a reader.
    ///
    /// # Errors
    /// What the write would end with.
    pub async fn preview(&self, request: WriteRequest) -> Result<Preview, WriteError> {
        self.read(move |c| Ok(preview(c, &request)?)).await.unwrap_or_else(|error| {
            Err(match error {
                ReadError::Busy => {
                    WriteError::Unavailable { reason: "too many queries wait", retry_after_seconds: 1 }
                }
                ReadError::Unavailable => {
                    WriteError::Unavailable { reason: "the store cannot be reached", retry_after_seconds: 5 }
                }
                ReadError::Failed | ReadError::TooMany(_) => WriteError::Failed,
            })
        })
    }
}

/// The outer error is the database's.
fn preview(c: &Db, request: &WriteRequest) -> Result<Result<Preview, WriteError>, DbError> {
    let row = Directories::default().get(c, &request.directory_id)?;
    let Some(row) = row.filter(|row| row.directory.state != DirectoryState::Deleted) else {
        return Ok(Err(Refusal::DirectoryClosed.into()));
    };
    let found = load::load(c, &row, &request.command.needs())?;
    let decision = match decide(request, &row, found.loaded, clock::now()) {
        Ok(decision) => decision,
        Err(Undecided::Refused(refusal)) => return Ok(Err(refusal.into())),
        Err(Undecided::Panicked) => return Ok(Err(WriteError::Failed)),
    };
    if takes_a_name(c, &row, &decision.writes)? {
        return Ok(Err(Refusal::UserNameTaken.into()));
    }
    let events = decision.events.into_iter().map(|event| event.body).collect();
    Ok(Ok(Preview { reply: decision.reply, events }))
}

/// Whether it would give a user the name of another one, which a write learns from the database's own constraint.
fn takes_a_name(c: &Db, directory: &DirectoryRow, writes: &[Write]) -> Result<bool, DbError> {
    let mut names = HashSet::new();
    for write in writes {
        let (Write::InsertUser(user) | Write::UpdateUser(user)) = write else { continue };
        let name = fold(user.document.user_name().unwrap_or_default());
        let taken = c.exists(
            "SELECT 1 FROM users WHERE directory_pk = $1 AND user_name_key = $2 AND id <> $3",
            bind![directory.pk, &name, user.id.as_str()],
        )?;
        if taken || !names.insert(name) {
            return Ok(true);
        }
    }
    Ok(false)
}
