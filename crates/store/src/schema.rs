//! The two files' schemas, as numbered migrations.
//!
//! A file that a newer version of this program made is refused: its rows may mean what this one
//! does not know.

use rusqlite::Connection;

use crate::{OpenError, connection::flat};

mod main_file {
    refinery::embed_migrations!("src/schema/main");
}

mod ledger_file {
    refinery::embed_migrations!("src/schema/ledger");
}

/// Which of the two files.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Schema {
    /// `main.db`
    Main,
    /// `ledger.db`
    Ledger,
}

/// Brings a file to this version's schema.
pub(crate) fn migrate(connection: &mut Connection, schema: Schema) -> Result<(), OpenError> {
    let (runner, what) = match schema {
        Schema::Main => (main_file::migrations::runner(), "main.db"),
        Schema::Ledger => (ledger_file::migrations::runner(), "ledger.db"),
    };
    let error =
        |what: String, source: Box<dyn std::error::Error + Send + Sync>| OpenError::Database { what, source };
    let known = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0);
    // A new file has no history yet, which refinery reports as an error.
    let is_new = !connection
        .table_exists(None, "refinery_schema_history")
        .map_err(|e| error(format!("opening {what}"), flat(&e)))?;
    let found = if is_new {
        0
    } else {
        runner
            .get_applied_migrations(connection)
            .map_err(|e| error(format!("reading the schema version of {what}"), flat(&e)))?
            .iter()
            .map(refinery::Migration::version)
            .max()
            .unwrap_or(0)
    };
    if found > known {
        return Err(error(
            format!("opening {what}"),
            format!("it was written by a newer version of rollcall (its schema is {found}, this version knows {known})").into(),
        ));
    }
    runner
        .run(connection)
        .map(drop)
        .map_err(|e| error(format!("bringing {what} to this version's schema"), flat(&e)))
}
