//! The schemas, as numbered migrations: of the two files, and of a server.
//!
//! What a newer version of this program made is refused: its rows may mean what this one does not
//! know.

use std::time::Duration;

use rusqlite::Connection;

use crate::{
    OpenError,
    connection::flat,
    db::{Db, DbError, READ_ONLY, Session, Target, bind},
};

/// The server's schema that holds what `main.db` does; the other one is `ledger`.
pub(crate) const MAIN: &str = "rollcall";

/// Under this lock of the database a server's schema is changed, by one process of those that start.
const LOCK: i64 = i64::from_be_bytes(*b"rollcall");
/// The oldest server that is used.
const OLDEST: i64 = 150_000;
/// How long a migration may take, and others wait for it.
const MIGRATION: Duration = Duration::from_secs(15 * 60);

mod main_file {
    refinery::embed_migrations!("src/schema/main");
}

mod ledger_file {
    refinery::embed_migrations!("src/schema/ledger");
}

mod requests_file {
    refinery::embed_migrations!("src/schema/requests");
}

mod server {
    refinery::embed_migrations!("src/schema/postgres");
}

/// Which of the files.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Schema {
    /// `main.db`
    Main,
    /// `ledger.db`
    Ledger,
    /// `requests.db`
    Requests,
}

/// Brings a file to this version's schema.
pub(crate) fn migrate(connection: &mut Connection, schema: Schema) -> Result<(), OpenError> {
    let (runner, what) = match schema {
        Schema::Main => (main_file::migrations::runner(), "main.db"),
        Schema::Ledger => (ledger_file::migrations::runner(), "ledger.db"),
        Schema::Requests => (requests_file::migrations::runner(), "requests.db"),
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
        return Err(error(format!("opening {what}"), newer(found, known).into()));
    }
    runner
        .run(connection)
        .map(drop)
        .map_err(|e| error(format!("bringing {what} to this version's schema"), flat(&e)))
}

/// Why a file's schema is not for this version, if a newer one made it. Only reads.
pub(crate) fn newer_than_known(connection: &Connection, schema: Schema) -> rusqlite::Result<Option<String>> {
    let known = match schema {
        Schema::Main => newest(main_file::migrations::runner().get_migrations()),
        Schema::Ledger => newest(ledger_file::migrations::runner().get_migrations()),
        Schema::Requests => newest(requests_file::migrations::runner().get_migrations()),
    };
    if !connection.table_exists(None, "refinery_schema_history")? {
        return Ok(None);
    }
    let sql = "SELECT COALESCE(MAX(version), 0) FROM refinery_schema_history";
    let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok((found > known).then(|| newer(found, known)))
}

fn newer(found: impl std::fmt::Display, known: impl std::fmt::Display) -> String {
    format!(
        "it was written by a newer version of rollcall (its schema is {found}, this version knows {known})"
    )
}

const LENDING_POOLER: &str = "a pooler is before it that lends connections for a transaction each (PgBouncer's \
    pool_mode = transaction); connect to it directly, or through a pooler in session mode";

/// Brings a server's schemas to this version, and makes them, with so many shards, at the first time.
pub(crate) fn migrate_server(target: &Target, shards: u16) -> Result<(), OpenError> {
    let error = |doing: &str, source: Box<dyn std::error::Error + Send + Sync>| OpenError::Database {
        what: format!("{doing} {}", target.name()),
        source,
    };
    let failed = |doing: &'static str| move |e: DbError| error(doing, e.to_string().into());
    let session = Session::connect(&target.clone().answering_within(MIGRATION), "rollcall migration", MAIN)
        .map_err(failed("connecting to"))?;
    let mut db = Db::Postgres(session);
    if lends_sessions(target, &db).map_err(failed("connecting to"))? {
        return Err(error("using", LENDING_POOLER.into()));
    }
    let setting = |name: &str| {
        let row = db.row("SELECT current_setting($1)", bind![name], |row| row.get::<String>(0));
        row.map(Option::unwrap_or_default).map_err(failed("reading the settings of"))
    };
    if too_old(&setting("server_version_num")?) {
        let version = setting("server_version")?;
        return Err(error(
            "using",
            format!("it is version {version}, and 15 is the oldest that works").into(),
        ));
    }
    if setting("transaction_read_only")? == "on" {
        return Err(error("using", READ_ONLY.into()));
    }
    let encoding = setting("server_encoding")?;
    if encoding != "UTF8" {
        return Err(error(
            "using",
            format!("the database's encoding is {encoding}, and UTF8 is the only one that works").into(),
        ));
    }
    db.execute("SELECT 1 FROM (SELECT pg_advisory_lock($1)) l", bind![LOCK])
        .map_err(failed("waiting for another migration of"))?;
    let (known, found) = (
        newest(server::migrations::runner().get_migrations()),
        applied(&db).map_err(failed("reading the schema of"))?,
    );
    if found > known {
        return Err(error("opening", newer(found, known).into()));
    }
    if found < known {
        db.batch(&format!("CREATE SCHEMA IF NOT EXISTS {MAIN}")).map_err(failed("making the schema of"))?;
        if let Db::Postgres(session) = &mut db {
            session
                .migrate(&server::migrations::runner())
                .map_err(|e| error("bringing to this version's schema", flat(&e)))?;
        }
    }
    if found == 0 && shards != 32 {
        db.transaction(|db| {
            db.execute("UPDATE meta SET value = $1 WHERE name = 'shards'", bind![shards.to_string()])?;
            db.execute("DELETE FROM shards", bind![])?;
            let last = i64::from(shards.max(1)) - 1;
            db.execute(
                "INSERT INTO shards (shard, position) SELECT n, 0 FROM generate_series(0, CAST($1 AS INTEGER)) n",
                bind![last],
            )
        })
        .map_err(failed("making the shards of"))?;
    }
    // The session's end lets the lock go.
    Ok(())
}

/// Whether two clients were given the same session: a pooler lends it for a transaction each, and what one
/// sets or prepares would be the other's. Where it has several to lend it may not show.
fn lends_sessions(target: &Target, db: &Db) -> Result<bool, DbError> {
    let process = |db: &Db| db.row("SELECT pg_backend_pid()", bind![], |row| row.get::<i32>(0));
    let first = process(db)?;
    let other = Db::Postgres(Session::connect(target, "rollcall opening", MAIN)?);
    Ok(process(&other)? == first)
}

/// Of `server_version_num`; what is no number is of nothing that is known to work.
fn too_old(number: &str) -> bool {
    !number.parse::<i64>().is_ok_and(|number| number >= OLDEST)
}

fn newest(migrations: &[refinery::Migration]) -> i64 {
    migrations.iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// The newest migration that was made; 0 where there are none yet.
fn applied(db: &Db) -> Result<i64, DbError> {
    let there = db.row(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = 'refinery_schema_history'",
        bind![MAIN],
        |_| Ok::<_, DbError>(()),
    )?;
    if there.is_none() {
        return Ok(0);
    }
    let version =
        db.row("SELECT COALESCE(MAX(version), 0) FROM refinery_schema_history", bind![], |row| row.get(0))?;
    Ok(version.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_from_15_on_are_used() {
        for (number, refused) in [
            ("150000", false),
            ("150008", false),
            ("160003", false),
            ("180000", false),
            ("149999", true),
            ("140013", true),
            ("90624", true),
            ("", true),
            ("15devel", true),
        ] {
            assert_eq!(too_old(number), refused, "{number}");
        }
    }
}
