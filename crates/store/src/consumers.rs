//! Consumers: applications that pull events, each with the place that the server keeps for it.

use jiff::Timestamp;
use rollcall_domain::shard::Positions;

use crate::{
    Store, clock,
    config_ops::{ConfigError, json},
    db::{DbError, Row, bind},
    read::ReadError,
};

/// A consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Chosen by the application, 1 to 64 characters.
    pub name: String,
    /// Everything up to here is handled.
    pub place: Positions,
    /// When it first said so.
    pub created_at: Timestamp,
    /// When it last said so.
    pub updated_at: Timestamp,
}

/// At most so many.
pub const MAX_CONSUMERS: i64 = 1_000;

const COLUMNS: &str = "name, positions, created_at, updated_at";

fn consumer(row: &Row<'_>) -> Result<Consumer, DbError> {
    Ok(Consumer {
        name: row.get(0)?,
        place: row.json(1)?,
        created_at: row.time(2)?,
        updated_at: row.time(3)?,
    })
}

impl Store {
    /// A consumer; `None` if it never said where it is.
    pub async fn consumer(&self, name: &str) -> Result<Option<Consumer>, ReadError> {
        let name = name.to_owned();
        self.read(move |c| {
            let sql = format!("SELECT {COLUMNS} FROM consumers WHERE name = $1");
            Ok(c.row(&sql, bind![&name], consumer)?)
        })
        .await
    }

    /// Consumers by name, those after `after`.
    pub async fn consumers(&self, after: Option<String>, limit: u32) -> Result<Vec<Consumer>, ReadError> {
        self.read(move |c| {
            let sql = format!("SELECT {COLUMNS} FROM consumers WHERE name > $1 ORDER BY name LIMIT $2");
            Ok(c.rows(&sql, bind![after.as_deref().unwrap_or(""), limit], consumer)?)
        })
        .await
    }

    /// A consumer has handled everything up to this place. It goes forward only, in each shard, unless it is to
    /// `rewind`: what is said late by one of several processes takes nothing back.
    ///
    /// # Errors
    /// `Conflict` if there are too many.
    pub async fn consumer_is_at(
        &self,
        name: &str,
        place: Positions,
        rewind: bool,
    ) -> Result<Consumer, ConfigError> {
        let name = name.to_owned();
        self.change(move |applied| {
            let (c, now) = (applied.connection, clock::now());
            // On a server others may be about to say the same: the row is taken first.
            c.execute(
                "INSERT INTO consumers (name, positions, created_at, updated_at) VALUES ($1, '[]', $2, $2)
                 ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at",
                bind![&name, now],
            )?;
            let count: i64 =
                c.row("SELECT COUNT(*) FROM consumers", bind![], |row| row.get::<i64>(0))?.unwrap_or(0);
            if count > MAX_CONSUMERS {
                return Err(ConfigError::Conflict("name"));
            }
            let sql = format!("SELECT {COLUMNS} FROM consumers WHERE name = $1");
            let mut found = c.row(&sql, bind![&name], consumer)?.ok_or(ConfigError::Failed)?;
            if rewind {
                found.place = place;
            } else {
                for (shard, position) in place.iter() {
                    found.place.set(shard, found.place.at(shard).max(position));
                }
            }
            c.execute(
                "UPDATE consumers SET positions = $1 WHERE name = $2",
                bind![json(&found.place), &name],
            )?;
            Ok(found)
        })
        .await
    }

    /// Forgets a consumer.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_consumer(&self, name: &str) -> Result<(), ConfigError> {
        let name = name.to_owned();
        self.change(move |applied| {
            match applied.connection.execute("DELETE FROM consumers WHERE name = $1", bind![&name])? {
                0 => Err(ConfigError::NotFound),
                _ => Ok(()),
            }
        })
        .await
    }
}
