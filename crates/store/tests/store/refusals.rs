//! Databases of a real server that cannot be used, each with the reason.

use std::sync::Arc;

use rollcall_store::{OpenError, Store};

use crate::support::{Heard, SERVER, server_settings};

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
