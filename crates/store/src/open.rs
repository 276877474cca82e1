//! How a store comes about: from files, or from a server.

use std::{
    sync::{Arc, Mutex, mpsc::sync_channel},
    thread::Builder,
};

use secrecy::SecretString;

use crate::{
    CommitListener, OpenError, Settings, catalog, checkpoint,
    connection::{self, Purpose, failed},
    db::{Db, DbError, Session, Target},
    disk,
    folder::Folder,
    identity,
    ledger::{self, Epochs, Ledger},
    migrate,
    read::{Connector, Readers},
    requests::RequestLog,
    schema::{self, Schema},
    seal::Sealer,
    shared::Shared,
    stop::Stop,
    store::{Inner, Threads, Writing},
    write::{self, Writer, Writers, WritersSettings},
};

fn spawning(source: std::io::Error) -> OpenError {
    OpenError::Io { what: "starting a thread".to_owned(), source }
}

/// The store of a data folder.
pub(crate) fn files(settings: Settings, listener: Arc<dyn CommitListener>) -> Result<Inner, OpenError> {
    let folder = Folder::open(&settings.data_dir)?;
    migrate::marker::refuse_moved(folder.path())?;
    let (main, ledger_path) = (folder.main(), folder.ledger());
    let mut main_connection = connection::open(&main, Purpose::Writer)?;
    schema::migrate(&mut main_connection, Schema::Main)?;
    let mut ledger_connection = connection::open(&ledger_path, Purpose::Ledger)?;
    schema::migrate(&mut ledger_connection, Schema::Ledger)?;
    let mut requests_connection = connection::open(&folder.requests(), Purpose::Requests)?;
    schema::migrate(&mut requests_connection, Schema::Requests)?;
    let requests_connection = Db::Sqlite(requests_connection);
    let read = |error: DbError| failed("reading", &main, &error);
    let main_connection = Db::Sqlite(main_connection);
    let ledger_connection = Db::Sqlite(ledger_connection);
    let sealed_with = catalog::sealed_with(&main_connection).map_err(read)?;
    let sealer = match &settings.master_key {
        Some(key) => Sealer::configured(key, &sealed_with)?,
        None => Sealer::load(folder.path(), &sealed_with)?,
    };
    let shared = Arc::new(Shared::new(sealer, identity::id(&main_connection).map_err(read)?));

    let (queue, receiver) = sync_channel(settings.write_queue.max(1));
    ledger::recall_token_use(&ledger_connection, &shared)
        .map_err(|error| failed("reading", &ledger_path, &error))?;
    let catalog = catalog::complete(&main_connection, &shared).map_err(read)?;
    ledger::reconcile(&ledger_connection, &catalog)
        .map_err(|error| failed("reading", &ledger_path, &error))?;
    shared.revision.send_replace(catalog.revision);
    shared.catalog.store(Arc::new(catalog));
    let writer =
        Writer::new(main_connection, shared.clone(), listener, receiver, settings.batch).map_err(read)?;

    let stop = Stop::default();
    let connector =
        Connector::Sqlite { main: main.clone(), ledger: ledger_path, requests: folder.requests() };
    let requests =
        RequestLog::start(Some(requests_connection), None, settings.requests.clone(), shared.clone())
            .map_err(spawning)?;
    let readers = Readers::start(&connector, settings.readers.max(1))?;
    let checkpointer = connection::open(&main, Purpose::Checkpointer)?;
    let helpers = vec![
        checkpoint::start(checkpointer, shared.clone(), stop.clone()).map_err(spawning)?,
        disk::start(folder.path(), settings.clone(), shared.clone(), stop.clone()).map_err(spawning)?,
    ];
    let ledger = Ledger::start(ledger_connection, None, shared.clone(), settings.attempts_retention_days)
        .map_err(spawning)?;
    let writer =
        Builder::new().name("rollcall-writer".to_owned()).spawn(|| writer.run()).map_err(spawning)?;
    let threads = Mutex::new(Some(Threads { writer, helpers, folder }));
    Ok(Inner {
        shared,
        readers,
        ledger,
        requests,
        epochs: Epochs::default(),
        attempts_retention_days: settings.attempts_retention_days,
        writing: Writing::Files { queue, stop, threads },
        caught_up: tokio::sync::Mutex::default(),
    })
}

/// The store on a server. On a thread of its own: sessions block.
pub(crate) fn server(
    settings: &Settings,
    url: &SecretString,
    listener: Arc<dyn CommitListener>,
) -> Result<Inner, OpenError> {
    let key = settings.master_key.as_ref().ok_or_else(Sealer::missing)?;
    let target = Target::new(url, settings.tls_ca.as_ref())?;
    let failed = |doing: &str, error: DbError| OpenError::Database {
        what: format!("{doing} {}", target.name()),
        source: error.to_string().into(),
    };
    schema::migrate_server(&target, settings.shards)?;
    let session = Session::connect(&target, "rollcall opening", schema::MAIN)
        .map_err(|error| failed("connecting to", error))?;
    let db = Db::Postgres(session);
    migrate::marker::refuse_unfinished(&db, &target.name())?;
    let read = |error| failed("reading", error);
    let heads = write::heads(&db).map_err(read)?;
    let shards = heads.shards();
    if shards != settings.shards {
        tracing::warn!(
            shards,
            "the store was made with another number of shards than store.shards says; it stays so"
        );
    }
    let sealer = Sealer::configured(key, &catalog::sealed_with(&db).map_err(read)?)?;
    identity::same_key(&db, &sealer, &target.name())?;
    let shared = Arc::new(Shared::with_shards(sealer, identity::id(&db).map_err(read)?, shards));
    for (shard, position) in heads.iter() {
        shared.advance(shard, position);
    }
    // What changes while it is read is read again.
    let revision = write::revision(&db).map_err(read)?;
    let mut catalog = catalog::complete(&db, &shared).map_err(read)?;
    catalog.revision = revision;
    shared.revision.send_replace(revision);
    shared.catalog.store(Arc::new(catalog));
    drop(db);

    let ledger_connection = ledger::connect(&target).map_err(|error| failed("connecting to", error))?;
    ledger::recall_token_use(&ledger_connection, &shared).map_err(read)?;
    ledger::reconcile(&ledger_connection, &shared.catalog.load()).map_err(read)?;
    let ledger = Ledger::start(
        ledger_connection,
        Some(target.clone()),
        shared.clone(),
        settings.attempts_retention_days,
    )
    .map_err(spawning)?;
    let requests = RequestLog::start(None, Some(target.clone()), settings.requests.clone(), shared.clone())
        .map_err(spawning)?;
    let readers = Readers::start(&Connector::Postgres(target.clone()), settings.readers.max(1))?;
    let writers = WritersSettings {
        threads: settings.writers,
        queue: settings.write_queue,
        batch: settings.batch,
        shards,
        search_path: schema::MAIN,
    };
    let writers = Writers::start(&target, &writers, shared.clone(), listener)?;
    Ok(Inner {
        shared,
        readers,
        ledger,
        requests,
        epochs: Epochs::default(),
        attempts_retention_days: settings.attempts_retention_days,
        writing: Writing::Server(writers),
        caught_up: tokio::sync::Mutex::default(),
    })
}
