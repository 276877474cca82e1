//! Databases of a real server that cannot be used, each with the reason.

use std::{path::Path, sync::Arc};

use rollcall_store::{OpenError, Store};
use rollcall_tests::servers::{
    pooler::{Mode, Pooler},
    postgres::Postgres,
};

use crate::support::{Fixture, Heard, SERVER, server_settings};

/// What opening it ends with: what was tried, and why it failed.
fn refused(database: &str) -> (String, String) {
    let Err(error) = Store::open(server_settings(database), Arc::new(Heard::default())) else {
        panic!("{database} was opened")
    };
    assert!(matches!(error, OpenError::Database { .. }), "{error:?}");
    let why = std::error::Error::source(&error).unwrap().to_string();
    (error.to_string(), why)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let database = SERVER.database();
    let open = || Store::open(server_settings(&database), Arc::new(Heard::default()));
    open().unwrap().close().await;
    let later = "INSERT INTO rollcall.refinery_schema_history (version, name, applied_on, checksum)
                 SELECT 999, 'later', applied_on, checksum FROM rollcall.refinery_schema_history LIMIT 1";
    SERVER.query(&database, later).unwrap();
    let (what, why) = refused(&database);
    assert!(what.starts_with("opening ") && !what.contains("postgres://"), "{what}");
    assert!(why.contains("newer version of rollcall (its schema is 999"), "{why}");

    SERVER.query(&database, "DELETE FROM rollcall.refinery_schema_history WHERE version = 999").unwrap();
    open().unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_encoding_is_refused_before_anything_is_made_in_it() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let database = format!("in_{}", encoding.to_lowercase());
        let made = format!("CREATE DATABASE {database} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0");
        SERVER.query("postgres", &made).unwrap();
        let (what, why) = refused(&database);
        assert!(what.starts_with("using "), "{what}");
        assert!(why.contains(&format!("encoding is {encoding}, and UTF8")), "{why}");
        let tables =
            "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name IN ('rollcall', 'ledger')";
        assert_eq!(SERVER.query(&database, tables), Ok("0".to_owned()));
    }
}

/// What came of opening the database so: whether its sessions speak TLS, or why it is refused.
async fn opened(server: &Postgres, database: &str, url: &str, tls_ca: Option<&Path>) -> Result<bool, String> {
    let mut settings = server_settings(database);
    settings.url = Some(url.to_owned().into());
    settings.tls_ca = tls_ca.map(Path::to_owned);
    match Store::open(settings, Arc::new(Heard::default())) {
        Ok(store) => {
            let sql = format!(
                "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
                 WHERE a.datname = '{database}' AND a.application_name LIKE 'rollcall%'"
            );
            let found = server.query("postgres", &sql).unwrap();
            store.close().await;
            match found.as_str() {
                "t" => Ok(true),
                "f" => Ok(false),
                other => panic!("sessions: {other}"),
            }
        }
        Err(error) => {
            let mut said = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                said = format!("{said}: {error}");
                cause = error.source();
            }
            assert!(!said.contains('\n') && !said.contains("postgres://"), "{said}");
            Err(said)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_who_its_certificate_says_where_that_is_asked_for() {
    let server = Postgres::start_with_tls();
    let database = server.database();
    let (ca, stranger) = (server.folder().join("ca.pem"), server.folder().join("stranger.pem"));
    let (ca, stranger) = (Some(ca.as_path()), Some(stranger.as_path()));
    let by_name = |url: &str| url.replace("127.0.0.1", "localhost");
    let url = server.url_of(&database);
    let with = |mode: &str| format!("{url}?sslmode={mode}");
    for (url, tls_ca, expected) in [
        (with("require"), ca, Ok(true)),
        (with("verify-ca"), ca, Ok(true)),
        (with("verify-full"), ca, Ok(true)),
        // An authority is there to be asked.
        (url.clone(), ca, Ok(true)),
        (with("prefer"), ca, Ok(true)),
        (url.clone(), stranger, Err("UnknownIssuer")),
        (with("verify-full"), stranger, Err("UnknownIssuer")),
        // The machine's own authorities do not know it.
        (with("require"), None, Err("UnknownIssuer")),
        (by_name(&with("verify-full")), ca, Err("not valid for name")),
        (by_name(&with("verify-ca")), ca, Err("not valid for name")),
        // As libpq has it.
        (url.clone(), None, Ok(true)),
        (with("prefer"), None, Ok(true)),
        (with("disable"), None, Ok(false)),
        (with("disable"), ca, Err("store.tls_ca names an authority for TLS")),
        (url.clone(), Some(Path::new("/nowhere/ca.pem")), Err("store.tls_ca /nowhere/ca.pem: No such file")),
        (with("perhaps"), None, Err("sslmode")),
    ] {
        let found = opened(&server, &database, &url, tls_ca).await;
        match (&found, &expected) {
            (Ok(tls), Ok(expected)) => assert_eq!(tls, expected, "{url} {tls_ca:?}"),
            (Err(said), Err(expected)) => assert!(said.contains(expected), "{url} {tls_ca:?}: {said}"),
            _ => panic!("{url} {tls_ca:?}: {found:?}"),
        }
    }
    // A server without TLS is refused where it has to be spoken.
    let plain = SERVER.database();
    let said = opened(&SERVER, &plain, &format!("{}?sslmode=require", SERVER.url_of(&plain)), None).await;
    assert!(said.unwrap_err().contains("does not support TLS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_lends_connections_for_a_transaction_is_refused() {
    let database = SERVER.database();
    let pooler = Pooler::start(&SERVER, &database, Mode::Transaction);
    let said = opened(&SERVER, &database, &pooler.url(), None).await.unwrap_err();
    assert!(
        said.contains("lends connections for a transaction each (PgBouncer's pool_mode = transaction)"),
        "{said}"
    );
    let tables =
        "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name IN ('rollcall', 'ledger')";
    assert_eq!(SERVER.query(&database, tables), Ok("0".to_owned()), "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_session_mode_is_as_good_as_the_server() {
    let database = SERVER.database();
    let pooler = Pooler::start(&SERVER, &database, Mode::Session);
    let mut settings = server_settings(&database);
    settings.url = Some(pooler.url().into());
    let f = Fixture::with(tempfile::TempDir::new().unwrap(), settings).await;
    let ann = f.user("ann").await;
    assert_eq!(f.store.user(&f.directory, &ann.id).await.unwrap().unwrap().id, ann.id);
    f.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_has_the_key_that_the_first_one_had() {
    let database = SERVER.database();
    let with = |key: &str| {
        let mut settings = server_settings(&database);
        settings.master_key = Some(key.repeat(32).into());
        Store::open(settings, Arc::new(Heard::default()))
    };
    // Before anything is sealed with it.
    let first = with("5a").unwrap();
    for _ in 0..2 {
        let Err(error) = with("a5") else { panic!("it was opened with another key") };
        assert!(error.is_configuration() && error.to_string().contains("another one than"), "{error}");
    }
    with("5a").unwrap().close().await;
    first.close().await;
    assert!(with("a5").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_is_refused() {
    let database = SERVER.database();
    let open = || Store::open(server_settings(&database), Arc::new(Heard::default()));
    open().unwrap().close().await;
    let read_only = |to: &str| {
        let sql = format!("ALTER DATABASE {database} SET default_transaction_read_only = {to}");
        SERVER.query("postgres", &sql).unwrap();
    };
    read_only("on");
    let (_, why) = refused(&database);
    assert!(why.contains("it takes no writes"), "{why}");
    read_only("off");
    open().unwrap().close().await;
}

#[test]
fn a_password_that_tears_the_url_is_not_shown() {
    let mut settings = server_settings("x");
    settings.url = Some("postgres://rollcall:se@cret@127.0.0.1/x".to_owned().into());
    let Err(error) = Store::open(settings, Arc::new(Heard::default())) else { panic!("it was opened") };
    let said = error.to_string();
    assert!(error.is_configuration() && said.contains("%40") && !said.contains("cret"), "{said}");
}
