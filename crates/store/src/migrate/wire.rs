//! Rows as PostgreSQL's binary COPY has them, which is also how both sides' rows are compared: a
//! column is its length in four bytes and its value, or −1 for none.

use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use super::{MigrateError, tables::Table};
use crate::db::{Db, DbError, bind};

/// What a column is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int4,
    Int8,
    Text,
    Bytes,
}

/// Before the rows, and after them.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

/// What the columns of a table are there, in the table's order.
pub(super) fn kinds(db: &Db, table: &Table) -> Result<Vec<Kind>, MigrateError> {
    let there = table.there();
    let (schema, name) = there.split_once('.').unwrap_or(("", &there));
    table
        .columns()
        .map(|column| {
            let found = db.row(
                "SELECT CAST(data_type AS TEXT) FROM information_schema.columns
                 WHERE table_schema = $1 AND table_name = $2 AND column_name = $3",
                bind![schema, name, column],
                |row| row.get::<String>(0),
            )?;
            match found.as_deref() {
                Some("integer") => Ok(Kind::Int4),
                Some("bigint") => Ok(Kind::Int8),
                Some("text") => Ok(Kind::Text),
                Some("bytea") => Ok(Kind::Bytes),
                _ => Err(DbError::Corrupt { column: 0, wanted: "a type of column that is known" }.into()),
            }
        })
        .collect()
}

/// Adds a row.
pub(super) fn write(
    table: &Table,
    kinds: &[Kind],
    row: &rusqlite::Row<'_>,
    out: &mut Vec<u8>,
) -> Result<(), MigrateError> {
    out.extend_from_slice(&u16::try_from(kinds.len()).unwrap_or(u16::MAX).to_be_bytes());
    for (at, (kind, column)) in kinds.iter().zip(table.columns()).enumerate() {
        let wrong = || {
            let key = row.get_ref(0).map_or_else(|_| String::new(), shown);
            MigrateError::Damaged(format!("{} of the row {key} of {} is no {kind:?}", column, table.here()))
        };
        match (kind, row.get_ref(at)?) {
            (_, ValueRef::Null) => out.extend_from_slice(&(-1_i32).to_be_bytes()),
            (Kind::Int4, ValueRef::Integer(n)) => {
                out.extend_from_slice(&4_u32.to_be_bytes());
                out.extend_from_slice(&i32::try_from(n).map_err(|_| wrong())?.to_be_bytes());
            }
            (Kind::Int8, ValueRef::Integer(n)) => {
                out.extend_from_slice(&8_u32.to_be_bytes());
                out.extend_from_slice(&n.to_be_bytes());
            }
            (Kind::Text, ValueRef::Text(text)) if text.contains(&0) => {
                if !table.foreign_text {
                    return Err(MigrateError::Nul {
                        table: table.here(),
                        row: shown(row.get_ref(0)?),
                        id: row.get_ref("id").map(shown).unwrap_or_default(),
                        column: column.to_owned(),
                    });
                }
                sized(String::from_utf8_lossy(text).replace('\0', "\u{fffd}").as_bytes(), out);
            }
            (Kind::Text, ValueRef::Text(text)) => {
                str::from_utf8(text).map_err(|_| wrong())?;
                sized(text, out);
            }
            (Kind::Bytes, ValueRef::Blob(bytes)) => sized(bytes, out),
            _ => return Err(wrong()),
        }
    }
    Ok(())
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    }
}

/// What a row comes to, to be added up: the order of the rows does not matter, what is in them does.
pub(super) fn weight(row: &[u8]) -> u64 {
    // Without the number of columns.
    let hash = Sha256::digest(row.get(2..).unwrap_or_default());
    hash.iter().take(7).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The same sum over all rows, in the server's words.
pub(super) fn weight_there(table: &Table, kinds: &[Kind]) -> String {
    let columns: Vec<String> = kinds
        .iter()
        .zip(table.columns())
        .map(|(kind, column)| {
            let value = match kind {
                Kind::Int4 => format!("'\\x00000004'::bytea || int4send({column})"),
                Kind::Int8 => format!("'\\x00000008'::bytea || int8send({column})"),
                Kind::Text => format!("int4send(octet_length({column})) || convert_to({column}, 'UTF8')"),
                Kind::Bytes => format!("int4send(octet_length({column})) || {column}"),
            };
            format!("COALESCE({value}, '\\xffffffff'::bytea)")
        })
        .collect();
    format!(
        "COALESCE(SUM(('x' || encode(substring(sha256({}) FROM 1 FOR 7), 'hex'))::bit(56)::bigint), 0)::text",
        columns.join(" || ")
    )
}
