//! What the operator is to be told. A notice is saved together with the progress that it is about, put
//! into the log by the shard's dispatcher, and removed; the log knows by its id whether it has it.

use rollcall_domain::{
    Command, Refusal, Reply,
    directory::{DirectoryState, Mode, Provider},
    event::EventType,
    ids::{EndpointId, EventId, RequestId},
    operator::{self, Notice},
};

use super::merged::Merged;
use crate::{
    Store, WriteError, WriteRequest, clock,
    config_ops::ConfigError,
    db::{Db, DbError, Row, bind},
    names,
    read::ReadError,
};

impl Store {
    /// What the dispatcher of a shard has to tell the operator, the oldest first.
    pub async fn notices(&self, shard: u16, limit: u32) -> Result<Vec<Notice>, ReadError> {
        self.read(move |c| {
            Ok(c.rows(
                "SELECT id, endpoint_id, kind, noticed_at, data FROM ledger.notices
                 WHERE shard = $1 ORDER BY id LIMIT $2",
                bind![shard, limit],
                notice,
            )?)
        })
        .await
    }

    /// Puts a notice into the log, unless the operator knows already. When it returns, it is on disk.
    pub async fn tell_operator(&self, notice: Notice) -> Result<(), WriteError> {
        let request = WriteRequest {
            directory_id: operator::stream(),
            command: Command::TellOperator(Box::new(notice)),
            request_id: RequestId::from_uuid(clock::new_uuid()),
            method: "",
            members_up_to: 0,
        };
        match self.write(request.clone()).await {
            // The stream is made with the first thing that is told.
            Err(WriteError::Refused(Refusal::DirectoryClosed)) => {
                self.make_stream().await.map_err(|error| match error {
                    ConfigError::Unavailable => WriteError::Unavailable {
                        reason: "the operator's stream cannot be made",
                        retry_after_seconds: 1,
                    },
                    _ => WriteError::Failed,
                })?;
                self.write(request).await
            }
            outcome => outcome,
        }
        .map(|committed| debug_assert_eq!(committed.reply, Reply::Told))
    }

    async fn make_stream(&self) -> Result<(), ConfigError> {
        self.change(|applied| {
            applied.connection.execute(
                "INSERT INTO directories (id, organization_id, name, provider, state, mode, created_at)
                 VALUES ($1, $2, '', $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
                bind![
                    operator::stream().as_str(),
                    operator::organization().as_str(),
                    Provider::Generic.as_str(),
                    DirectoryState::Active.as_str(),
                    names::of(Mode::Live),
                    clock::now()
                ],
            )?;
            Ok(())
        })
        .await
    }
}

fn notice(row: &Row<'_>) -> Result<Notice, DbError> {
    Ok(Notice {
        id: row.parsed(0, EventId::parse)?,
        endpoint_id: row.parsed(1, EndpointId::parse)?,
        kind: EventType::from_code(row.get(2)?)
            .ok_or(DbError::Corrupt { column: 2, wanted: "a type of event" })?,
        at: row.time(3)?,
        data: row.json(4)?,
    })
}

/// Adds and removes, row by row (SQLite).
pub(super) fn save(c: &Db, merged: &Merged<'_>) -> Result<(), DbError> {
    for (shard, notice) in &merged.notices {
        c.execute(
            "INSERT INTO notices (id, shard, endpoint_id, kind, noticed_at, data)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
            bind![
                notice.id.as_str(),
                *shard,
                notice.endpoint_id.as_str(),
                notice.kind as u8,
                notice.at,
                notice.data.to_string()
            ],
        )?;
    }
    for id in &merged.notices_told {
        c.execute("DELETE FROM notices WHERE id = $1", bind![id.as_str()])?;
    }
    Ok(())
}
