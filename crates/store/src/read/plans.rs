//! What the database does for the questions that are asked all the time: a search by the index that
//! is meant for it, never a scan.

use rollcall_scim::IndexedAttribute;
use rusqlite::Connection;

use super::{
    events::{self, By},
    lanes::{CHUNK, OF_ALL, OF_DIRECTORY, OF_DIRECTORY_KEY},
    scim_groups::{Groups, Members},
    scim_list::Listed,
    scim_users::Users,
};
use crate::{
    rows::{EVENT, EVENT_HEAD, EVENT_TABLES},
    schema::{Schema, migrate},
};

fn plan(c: &Connection, sql: &str) -> Vec<String> {
    let mut statement = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get(3).unwrap());
    }
    steps
}

fn database() -> Connection {
    let mut c = Connection::open_in_memory().unwrap();
    migrate(&mut c, Schema::Main).unwrap();
    c
}

/// Each step reads by an index or a key, one of them by this one.
fn assert_searches(sql: &str, by: &str, steps: &[String]) {
    assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{sql}\n{steps:#?}");
    let wanted = format!("INDEX {by} ");
    assert!(
        steps.iter().any(|step| step.starts_with("SEARCH") && step.contains(&wanted)),
        "not by {by}: {sql}\n{steps:#?}"
    );
}

#[test]
fn a_resource_is_found_by_the_index_on_what_is_asked_for() {
    use IndexedAttribute as A;
    let c = database();
    let users = Users { directory: 1, groups: false };
    let groups = Groups { members: Members::Unasked };
    for (sql, by) in [
        (users.by(A::Id), "users_by_id"),
        (users.by(A::UserName), "users_by_user_name"),
        (users.by(A::ExternalId), "users_by_external_id"),
        (users.by(A::EmailValue), "user_emails_by_value"),
        (users.by(A::GroupValue), "groups_by_id"),
        (users.by(A::GroupValue), "members_by_group"),
        (groups.by(A::Id), "groups_by_id"),
        (groups.by(A::DisplayName), "groups_by_display_name"),
        (groups.by(A::ExternalId), "groups_by_external_id"),
        (groups.by(A::MemberValue), "members_by_value"),
        (Some(users.page()), "users_by_creation"),
        (Some(groups.page()), "groups_by_creation"),
    ] {
        let sql = sql.unwrap();
        assert_searches(sql, by, &plan(&c, sql));
    }
}

#[test]
fn events_are_read_in_order_by_the_index_on_what_is_asked_for() {
    let c = database();
    let lane = |what: &str, whose: &str| ["SELECT ", what, " FROM ", EVENT_TABLES, whose, CHUNK].concat();
    for (sql, by) in [
        (By::Directory.statement(true).to_owned(), "events_by_directory"),
        (By::Subject.statement(true).to_owned(), "events_by_subject"),
        (By::Group.statement(true).to_owned(), "events_by_group"),
        (events::of_subject().to_owned(), "events_by_subject"),
        (lane(EVENT, OF_DIRECTORY), "events_by_directory"),
        (lane(EVENT_HEAD, OF_DIRECTORY), "events_by_directory"),
        (lane(EVENT_HEAD, OF_DIRECTORY_KEY), "events_by_directory"),
    ] {
        let mut steps = plan(&c, &sql);
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{sql}\n{steps:#?}");
        // A list of types is a table of its own.
        steps.retain(|step| !step.contains("json_each"));
        assert_searches(&sql, by, &steps);
    }
    let steps = plan(&c, &lane(EVENT, OF_ALL));
    assert_eq!(steps[0], "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)");
    let steps = plan(&c, "SELECT pk FROM directories WHERE organization_id = $1");
    assert_searches("directories", "directories_by_organization", &steps);
}
