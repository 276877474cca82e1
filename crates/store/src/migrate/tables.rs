//! What is carried: every table of the two files, each with all of its columns, and how each column's
//! value comes about where it is not the same on the other side.
//!
//! What a row says of a place in the log is looked up in `side.place` (see `side`), by which the one
//! shard's positions become those of many. Whoever adds a table or a column names it here; a test
//! compares this with both schemas.

/// A table that both sides have under the same name, with columns of the same names.
pub(super) struct Table {
    /// `main` or `ledger`.
    pub(super) schema: &'static str,
    pub(super) name: &'static str,
    pub(super) columns: &'static str,
    /// Columns whose value is not simply the source's (`s`).
    pub(super) turned: &'static [(&'static str, &'static str)],
    /// What beside `s` the turned ones are made of.
    pub(super) joins: &'static str,
    /// By which the order of the rows is always the same.
    pub(super) order: &'static str,
    /// The column that numbers the rows by itself.
    pub(super) numbered: Option<&'static str>,
    /// Text came from outside and may hold the character 0, which is replaced as it is today.
    pub(super) foreign_text: bool,
    /// The columns that can be compared, where not all are the same each time that they are made.
    pub(super) comparable: Option<&'static str>,
    /// By which column what is in the table is compared piece by piece.
    pub(super) compared_by: Option<&'static str>,
}

const PLAIN: Table = Table {
    schema: "main",
    name: "",
    columns: "",
    turned: &[],
    joins: "",
    order: "s.pk",
    numbered: Some("pk"),
    foreign_text: false,
    comparable: None,
    compared_by: None,
};

const PLACED: &[(&str, &str)] = &[("shard", "p.shard"), ("position", "p.position")];
const AT_PLACE: &str = "CROSS JOIN side.place p ON p.old = s.position";

/// In the order in which they are copied.
pub(super) const TABLES: [Table; 19] = [
    Table { name: "organizations", columns: "pk id external_id name created_at", ..PLAIN },
    Table {
        name: "directories",
        columns: "pk id organization_id name provider state mode created_at sequence event_version user_count \
                  group_count purged compatibility",
        ..PLAIN
    },
    Table {
        name: "tokens",
        columns: "pk id directory_id sha256 last_characters created_at expires_at",
        ..PLAIN
    },
    Table { name: "api_keys", columns: "pk sha256 last_characters created_at", ..PLAIN },
    Table {
        name: "endpoints",
        columns: "pk id url description organization_id directory_id event_types format retry_schedule \
                  timeout_seconds on_exhausted headers state state_reason created_at updated_at start_positions",
        turned: &[("start_positions", "t.positions")],
        joins: "CROSS JOIN side.start t ON t.endpoint_pk = s.pk",
        ..PLAIN
    },
    Table {
        name: "endpoint_secrets",
        columns: "pk endpoint_id key_id sealed created_at expires_at public_key",
        turned: &[("key_id", "t.key_id"), ("sealed", "t.sealed")],
        joins: "CROSS JOIN side.secret t ON t.secret_pk = s.pk",
        comparable: Some("pk endpoint_id created_at expires_at public_key"),
        ..PLAIN
    },
    Table {
        name: "users",
        columns: "pk directory_pk id user_name_key user_name external_id display_name email active version \
                  event_version created_at updated_at document",
        ..PLAIN
    },
    Table {
        name: "user_emails",
        columns: "user_pk value_key directory_pk",
        order: "s.user_pk, s.value_key",
        numbered: None,
        ..PLAIN
    },
    Table {
        name: "groups",
        columns: "pk directory_pk id display_name_key display_name external_id member_count version \
                  event_version created_at updated_at document",
        ..PLAIN
    },
    Table { name: "members", columns: "pk directory_pk group_pk value kind display", ..PLAIN },
    Table {
        name: "events",
        columns: "position shard directory_pk sequence id kind subject_kind subject_id subject_version group_id \
                  sandbox timestamp body",
        turned: PLACED,
        joins: AT_PLACE,
        order: "s.position",
        numbered: None,
        compared_by: Some("directory_pk"),
        ..PLAIN
    },
    Table { schema: "ledger", name: "endpoints", columns: "pk id deleted", ..PLAIN },
    Table {
        schema: "ledger",
        name: "lanes",
        columns: "endpoint_pk shard frontier settled_above breaker failing_since",
        turned: &[("shard", "t.shard"), ("frontier", "t.frontier"), ("settled_above", "t.settled_above")],
        joins: "CROSS JOIN side.lane t ON t.endpoint_pk = s.endpoint_pk",
        order: "s.endpoint_pk, s.shard, t.shard",
        numbered: None,
        ..PLAIN
    },
    Table {
        schema: "ledger",
        name: "parked",
        columns: "endpoint_pk shard subject_id first_position attempts next_at waits_for endpoint_scope replaces",
        turned: &[("shard", "p.shard"), ("first_position", "p.position")],
        joins: "CROSS JOIN side.place p ON p.old = s.first_position",
        order: "s.endpoint_pk, s.shard, s.subject_id",
        numbered: None,
        ..PLAIN
    },
    Table {
        schema: "ledger",
        name: "attempts",
        columns: "pk endpoint_pk shard position id event_id number cause started_at duration_ms response_status \
                  error error_detail response_body",
        // A test event is in no log; its attempts are in the shard whose dispatcher makes them.
        turned: &[
            ("shard", "CASE WHEN s.cause = 'test' THEN COALESCE(t.shard, 0) ELSE p.shard END"),
            ("position", "CASE WHEN s.cause = 'test' THEN s.position ELSE p.position END"),
        ],
        joins: "LEFT JOIN side.place p ON p.old = s.position
                LEFT JOIN side.test t ON t.endpoint_pk = s.endpoint_pk
                WHERE (s.cause = 'test' OR p.old IS NOT NULL)",
        foreign_text: true,
        ..PLAIN
    },
    Table {
        schema: "ledger",
        name: "dead_letters",
        columns: "endpoint_pk shard position event_id subject_id attempts died_at",
        turned: PLACED,
        joins: AT_PLACE,
        order: "s.endpoint_pk, s.position, s.shard",
        numbered: None,
        ..PLAIN
    },
    Table {
        schema: "ledger",
        name: "replaced",
        columns: "endpoint_pk shard position replaced_by",
        turned: &[("shard", "p.shard"), ("position", "p.position"), ("replaced_by", "b.position")],
        joins: "CROSS JOIN side.place p ON p.old = s.position CROSS JOIN side.place b ON b.old = s.replaced_by",
        order: "s.endpoint_pk, s.position, s.shard",
        numbered: None,
        ..PLAIN
    },
    Table {
        schema: "ledger",
        name: "manual_sends",
        columns: "id endpoint_pk shard position event_id body",
        turned: &[
            ("shard", "CASE WHEN s.position IS NULL THEN COALESCE(t.shard, 0) ELSE p.shard END"),
            ("position", "p.position"),
        ],
        joins: "LEFT JOIN side.place p ON p.old = s.position
                LEFT JOIN side.test t ON t.endpoint_pk = s.endpoint_pk
                WHERE (s.position IS NULL OR p.old IS NOT NULL)",
        order: "s.id",
        numbered: Some("id"),
        ..PLAIN
    },
    Table {
        schema: "ledger",
        name: "token_use",
        columns: "token_id last_used_at",
        order: "s.token_id",
        numbered: None,
        ..PLAIN
    },
];

/// Any shard's dispatcher may tell a notice: they stay with shard 0.
pub(super) const NOTICES: Table = Table {
    schema: "ledger",
    name: "notices",
    columns: "id shard endpoint_id kind noticed_at data",
    order: "s.id",
    numbered: None,
    ..PLAIN
};

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().chain([&NOTICES])
}

/// Tables of the files that are not carried: what each store says of itself, and up to where a topic
/// of one partition was filled, which is another one's affair.
#[cfg(test)]
const LEFT: [&str; 7] = [
    // Their places are in a log of other shards: they go on after the id of an event.
    "main.consumers",
    "main.meta",
    "main.refinery_schema_history",
    "ledger.refinery_schema_history",
    "ledger.relays",
    // None runs while a store is moved; those that ended are not taken along.
    "main.replays",
    "ledger.replay_progress",
];

/// Tables that only a server has: what it says of itself, and what its processes say to each other.
#[cfg(test)]
const SERVERS_OWN: [&str; 11] = [
    "main.consumers",
    "main.replays",
    "ledger.replay_progress",
    "main.meta",
    "main.refinery_schema_history",
    "main.shards",
    "main.catalog_changes",
    "ledger.signals",
    "ledger.shards",
    "ledger.relays",
    "ledger.relay_holders",
];

impl Table {
    /// The name of the table on the server.
    pub(super) fn there(&self) -> String {
        let schema = if self.schema == "main" { crate::schema::MAIN } else { self.schema };
        format!("{schema}.{}", self.name)
    }

    /// The name of the table in the files.
    pub(super) fn here(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.split_whitespace()
    }

    /// Every row as it is to be there, always in the same order, after the first `$1`.
    pub(super) fn select(&self) -> String {
        let columns: Vec<String> = self
            .columns()
            .map(|column| match self.turned.iter().find(|(name, _)| *name == column) {
                Some((_, made)) => (*made).to_owned(),
                None => format!("s.{column}"),
            })
            .collect();
        format!(
            "SELECT {} FROM {} s {} ORDER BY {} LIMIT -1 OFFSET $1",
            columns.join(", "),
            self.here(),
            self.joins,
            self.order
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rusqlite::Connection;

    use super::*;
    use crate::schema::{Schema, migrate};

    type Columns = BTreeMap<String, BTreeSet<String>>;

    fn carried() -> Columns {
        all().map(|table| (table.here(), table.columns().map(str::to_owned).collect())).collect()
    }

    fn of_file(schema: Schema, name: &str) -> Columns {
        let mut c = Connection::open_in_memory().unwrap();
        migrate(&mut c, schema).unwrap();
        let mut statement = c
            .prepare(
                "SELECT m.name, i.name FROM sqlite_schema m, pragma_table_info(m.name) i
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
            )
            .unwrap();
        let mut found = Columns::new();
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        for row in rows.unwrap() {
            let (table, column) = row.unwrap();
            found.entry(format!("{name}.{table}")).or_default().insert(column);
        }
        found
    }

    #[test]
    fn every_table_and_column_of_the_files_is_carried() {
        let mut found = of_file(Schema::Main, "main");
        found.extend(of_file(Schema::Ledger, "ledger"));
        found.retain(|table, _| !LEFT.contains(&table.as_str()));
        assert_eq!(found, carried(), "name what is new in the list of carried tables");
    }

    #[test]
    fn every_table_and_column_of_a_server_is_filled() {
        use crate::db::{Db, Session, Target, bind};
        let server = rollcall_tests::servers::postgres::Postgres::start();
        let url = server.url_of(&server.database());
        let target = Target::new(&url.into(), None).unwrap();
        crate::schema::migrate_server(&target, 32).unwrap();
        let db = Db::Postgres(Session::connect(&target, "rollcall test", crate::schema::MAIN).unwrap());
        let rows = db
            .rows(
                "SELECT CAST(table_schema AS TEXT), CAST(table_name AS TEXT), CAST(column_name AS TEXT)
                 FROM information_schema.columns WHERE table_schema IN ('rollcall', 'ledger')",
                bind![],
                |row| {
                    Ok::<_, crate::db::DbError>((
                        row.get::<String>(0)?,
                        row.get::<String>(1)?,
                        row.get::<String>(2)?,
                    ))
                },
            )
            .unwrap();
        let mut found = Columns::new();
        for (schema, table, column) in rows {
            let schema = if schema == "rollcall" { "main" } else { "ledger" };
            found.entry(format!("{schema}.{table}")).or_default().insert(column);
        }
        found.retain(|table, _| !SERVERS_OWN.contains(&table.as_str()));
        assert_eq!(found, carried(), "name what is new in the list of carried tables");
    }
}
