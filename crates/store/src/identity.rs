//! What a store says of itself from its first opening on: who it is, and which master key it is used with.

use crate::{
    OpenError, clock,
    db::{Db, DbError, bind},
    seal::Sealer,
};

/// The store's own name: what it puts on a topic is told from another store's by that.
pub(crate) fn id(db: &Db) -> Result<Box<str>, DbError> {
    once(db, "store_id", &clock::new_uuid().simple().to_string()).map(Into::into)
}

/// Refuses a process whose master key is not the one that the store's processes use: what one seals the others could not
/// open, and nobody would notice before something is sent.
pub(crate) fn same_key(db: &Db, sealer: &Sealer, store: &str) -> Result<(), OpenError> {
    let failed = |error: DbError| OpenError::Database {
        what: format!("reading {store}"),
        source: error.to_string().into(),
    };
    let known = once(db, "master_key_id", sealer.key_id()).map_err(failed)?;
    if known == sealer.key_id() {
        return Ok(());
    }
    Err(OpenError::MasterKey {
        key: "master_key".to_owned(),
        problem: "is another one than this store's processes use",
        cure: "set the same for all of them",
    })
}

/// What stands under this name, which is this value unless another was there first.
fn once(db: &Db, name: &str, value: &str) -> Result<String, DbError> {
    db.execute(
        "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        bind![name, value],
    )?;
    let found = db.row("SELECT value FROM meta WHERE name = $1", bind![name], |row| row.get::<String>(0))?;
    Ok(found.unwrap_or_else(|| value.to_owned()))
}
