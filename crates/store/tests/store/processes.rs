//! Two processes on one database, as far as the store can tell, and a look at its tables.

use std::sync::{Arc, LazyLock};

use rollcall_domain::directory::Mode;
use rollcall_store::{Settings, Store};
use rollcall_tests::servers::postgres::Postgres;
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::support::{Fixture, Heard, new_directory};

pub(crate) static SERVER: LazyLock<Postgres> = LazyLock::new(Postgres::start);

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
        let heard = Arc::new(Heard::default());
        let store = open(&database, heard.clone());
        let organization = store.create_organization("Acme".into(), Some("acme".into())).await.unwrap().id;
        let (directory, _, token) =
            store.create_directory(new_directory(&organization, Mode::Live)).await.unwrap();
        let one = Fixture {
            folder: TempDir::new().unwrap(),
            store,
            heard,
            organization,
            directory: directory.id,
            token: token.expose_secret().to_owned(),
        };
        let (sql, connection) = tokio_postgres::connect(&SERVER.url_of(&database), NoTls).await.unwrap();
        tokio::spawn(connection);
        let two = open(&database, Arc::new(Heard::default()));
        Self { one, two, sql, database }
    }

    /// One more.
    pub(crate) fn another(&self) -> Store {
        open(&self.database, Arc::new(Heard::default()))
    }
}

fn open(database: &str, heard: Arc<Heard>) -> Store {
    let settings = Settings {
        url: Some(SERVER.url_of(database).into()),
        master_key: Some("5a".repeat(32).into()),
        readers: 2,
        writers: 1,
        ..Settings::default()
    };
    Store::open(settings, heard).unwrap()
}
