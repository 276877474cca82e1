//! Queries for resources that the writer (before it decides) and the readers (to answer) share.

use std::collections::HashMap;

use rollcall_domain::{
    ids::{GroupId, UserId},
    record::{GroupRecord, GroupRef, GroupSummary, MemberRecord, Referent, UserRecord},
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    rows::{self, GROUP, GROUP_SUMMARY, USER, USER_SUMMARY},
    sql::{int, json_array},
};

macro_rules! statement {
    ($($part:expr),* $(,)?) => {{
        static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| [$($part),*].concat());
        SQL.as_str()
    }};
}
pub(crate) use statement;

/// A user of the directory without its groups, and its row's key.
pub(crate) fn user(
    c: &Connection,
    directory: i64,
    id: &UserId,
) -> rusqlite::Result<Option<(i64, UserRecord)>> {
    c.prepare_cached(statement!("SELECT ", USER, " FROM users u WHERE u.id = $1 AND u.directory_pk = $2"))?
        .query_row(params![id.as_str(), directory], rows::user)
        .optional()
}

/// A group of the directory, and its row's key.
pub(crate) fn group(
    c: &Connection,
    directory: i64,
    id: &GroupId,
) -> rusqlite::Result<Option<(i64, GroupRecord)>> {
    c.prepare_cached(statement!("SELECT ", GROUP, " FROM groups g WHERE g.id = $1 AND g.directory_pk = $2"))?
        .query_row(params![id.as_str(), directory], rows::group)
        .optional()
}

/// The groups that a user (or a nested group) is a direct member of, by id. A pending row (kind 0)
/// makes nobody a member, even if its value is somebody's id.
pub(crate) fn groups_of(c: &Connection, directory: i64, value: &str) -> rusqlite::Result<Vec<GroupRef>> {
    c.prepare_cached(
        "SELECT g.id, g.external_id, g.display_name FROM members m JOIN groups g ON g.pk = m.group_pk
         WHERE m.directory_pk = $1 AND m.value = $2 AND m.kind <> 0 ORDER BY g.id",
    )?
    .query_map(params![directory, value], |row| rows::group_ref(row, 0))?
    .collect()
}

/// The same with the groups' counters.
pub(crate) fn group_summaries_of(
    c: &Connection,
    directory: i64,
    value: &str,
) -> rusqlite::Result<Vec<GroupSummary>> {
    c.prepare_cached(statement!(
        "SELECT ",
        GROUP_SUMMARY,
        " FROM members m JOIN groups g ON g.pk = m.group_pk
         WHERE m.directory_pk = $1 AND m.value = $2 AND m.kind <> 0 ORDER BY g.id"
    ))?
    .query_map(params![directory, value], rows::group_summary)?
    .collect()
}

/// The groups of many users at once.
pub(crate) fn groups_of_many<'a>(
    c: &Connection,
    directory: i64,
    values: impl IntoIterator<Item = &'a str>,
) -> rusqlite::Result<HashMap<String, Vec<GroupRef>>> {
    let mut statement = c.prepare_cached(
        "SELECT m.value, g.id, g.external_id, g.display_name
         FROM json_each($1) j CROSS JOIN members m ON m.value = j.value JOIN groups g ON g.pk = m.group_pk
         WHERE m.directory_pk = $2 AND m.kind <> 0 ORDER BY g.id",
    )?;
    let mut rows = statement.query(params![json_array(values), directory])?;
    let mut groups: HashMap<String, Vec<GroupRef>> = HashMap::new();
    while let Some(row) = rows.next()? {
        groups.entry(row.get(0)?).or_default().push(rows::group_ref(row, 1)?);
    }
    Ok(groups)
}

/// Members of a group in the order of their values, after one (exclusive).
pub(crate) fn members(
    c: &Connection,
    group: i64,
    after: &str,
    limit: u64,
) -> rusqlite::Result<Vec<MemberRecord>> {
    c.prepare_cached(
        "SELECT m.value, m.kind, m.display FROM members m
         WHERE m.group_pk = $1 AND m.value > $2 ORDER BY m.value LIMIT $3",
    )?
    .query_map(params![group, after, int(limit)], rows::member)?
    .collect()
}

/// The member rows of these values, where there are any.
pub(crate) fn members_named<'a>(
    c: &Connection,
    group: i64,
    values: impl IntoIterator<Item = &'a str>,
) -> rusqlite::Result<Vec<MemberRecord>> {
    c.prepare_cached(
        "SELECT DISTINCT m.value, m.kind, m.display
         FROM json_each($1) j CROSS JOIN members m ON m.value = j.value WHERE m.group_pk = $2",
    )?
    .query_map(params![json_array(values), group], rows::member)?
    .collect()
}

/// Who these ids name in the directory.
pub(crate) fn referents<'a>(
    c: &Connection,
    directory: i64,
    ids: impl IntoIterator<Item = &'a str>,
    found: &mut impl Extend<(String, Referent)>,
) -> rusqlite::Result<()> {
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    for id in ids {
        if UserId::parse(id).is_some() {
            users.push(id);
        } else if GroupId::parse(id).is_some() {
            groups.push(id);
        }
    }
    if !users.is_empty() {
        let mut statement = c.prepare_cached(statement!(
            "SELECT ",
            USER_SUMMARY,
            " FROM json_each($1) j CROSS JOIN users u ON u.id = j.value WHERE u.directory_pk = $2"
        ))?;
        for user in statement.query_map(params![json_array(users), directory], rows::user_summary)? {
            let user = user?;
            found.extend([(user.id.as_str().to_owned(), Referent::User(user))]);
        }
    }
    if !groups.is_empty() {
        let mut statement = c.prepare_cached(statement!(
            "SELECT ",
            GROUP_SUMMARY,
            " FROM json_each($1) j CROSS JOIN groups g ON g.id = j.value WHERE g.directory_pk = $2"
        ))?;
        for group in statement.query_map(params![json_array(groups), directory], rows::group_summary)? {
            let group = group?;
            found.extend([(group.id.as_str().to_owned(), Referent::Group(group))]);
        }
    }
    Ok(())
}

/// Who a group's members are.
pub(crate) fn member_referents(
    c: &Connection,
    directory: i64,
    group: i64,
    found: &mut impl Extend<(String, Referent)>,
) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(statement!(
        "SELECT ",
        USER_SUMMARY,
        " FROM members m CROSS JOIN users u ON u.id = m.value WHERE m.group_pk = $1 AND u.directory_pk = $2"
    ))?;
    for user in statement.query_map(params![group, directory], rows::user_summary)? {
        let user = user?;
        found.extend([(user.id.as_str().to_owned(), Referent::User(user))]);
    }
    let mut statement = c.prepare_cached(statement!(
        "SELECT ",
        GROUP_SUMMARY,
        " FROM members m CROSS JOIN groups g ON g.id = m.value WHERE m.group_pk = $1 AND g.directory_pk = $2"
    ))?;
    for group in statement.query_map(params![group, directory], rows::group_summary)? {
        let group = group?;
        found.extend([(group.id.as_str().to_owned(), Referent::Group(group))]);
    }
    Ok(())
}
