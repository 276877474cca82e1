//! Two processes on one database, as far as the store can tell, and a look at its tables.

use std::sync::Arc;

use rollcall_store::{Settings, Store};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::support::{Fixture, Heard, SERVER, server_settings};

pub(crate) struct Processes {
    pub(crate) one: Fixture,
    pub(crate) two: Store,
    /// A session of its own.
    pub(crate) sql: Client,
    database: String,
}

impl Processes {
    /// On a database of their own.
    pub(crate) async fn new() -> Self {
        let database = SERVER.database();
        let one = Fixture::with(TempDir::new().unwrap(), settings(&database)).await;
        let (sql, connection) = tokio_postgres::connect(&SERVER.url_of(&database), NoTls).await.unwrap();
        tokio::spawn(connection);
        let two = open(&database);
        Self { one, two, sql, database }
    }

    /// One more.
    pub(crate) fn another(&self) -> Store {
        open(&self.database)
    }
}

fn settings(database: &str) -> Settings {
    Settings { writers: 1, ..server_settings(database) }
}

fn open(database: &str) -> Store {
    Store::open(settings(database), Arc::new(Heard::default())).unwrap()
}
