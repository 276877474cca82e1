//! Queries for resources that the writer (before it decides) and the readers (to answer) share.

use std::{collections::HashMap, ops::ControlFlow};

use rollcall_domain::{
    ids::{GroupId, UserId},
    record::{GroupRecord, GroupRef, GroupSummary, MemberRecord, Referent, UserRecord},
};

use crate::{
    db::{Db, DbError, Value, bind, json_array},
    rows::{self, GROUP, GROUP_SUMMARY, USER, USER_SUMMARY},
};

macro_rules! statement {
    ($($part:expr),* $(,)?) => {{
        static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| [$($part),*].concat());
        SQL.as_str()
    }};
}
pub(crate) use statement;

/// A user of the directory without its groups, and its row's key.
pub(crate) fn user(c: &Db, directory: i64, id: &UserId) -> Result<Option<(i64, UserRecord)>, DbError> {
    c.row(
        statement!("SELECT ", USER, " FROM users u WHERE u.id = $1 AND u.directory_pk = $2"),
        bind![id.as_str(), directory],
        rows::user,
    )
}

/// A group of the directory, and its row's key.
pub(crate) fn group(c: &Db, directory: i64, id: &GroupId) -> Result<Option<(i64, GroupRecord)>, DbError> {
    c.row(
        statement!("SELECT ", GROUP, " FROM groups g WHERE g.id = $1 AND g.directory_pk = $2"),
        bind![id.as_str(), directory],
        rows::group,
    )
}

/// The groups that a user (or a nested group) is a direct member of, by id. A pending row (kind 0)
/// makes nobody a member, even if its value is somebody's id.
pub(crate) fn groups_of(c: &Db, directory: i64, value: &str) -> Result<Vec<GroupRef>, DbError> {
    c.rows(
        "SELECT g.id, g.external_id, g.display_name FROM members m JOIN groups g ON g.pk = m.group_pk
         WHERE m.directory_pk = $1 AND m.value = $2 AND m.kind <> 0 ORDER BY g.id",
        bind![directory, value],
        |row| rows::group_ref(row, 0),
    )
}

/// The same with the groups' counters.
pub(crate) fn group_summaries_of(c: &Db, directory: i64, value: &str) -> Result<Vec<GroupSummary>, DbError> {
    c.rows(
        statement!(
            "SELECT ",
            GROUP_SUMMARY,
            " FROM members m JOIN groups g ON g.pk = m.group_pk
             WHERE m.directory_pk = $1 AND m.value = $2 AND m.kind <> 0 ORDER BY g.id"
        ),
        bind![directory, value],
        rows::group_summary,
    )
}

/// The groups of many users at once.
pub(crate) fn groups_of_many<'a>(
    c: &Db,
    directory: i64,
    values: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, Vec<GroupRef>>, DbError> {
    let mut groups: HashMap<String, Vec<GroupRef>> = HashMap::new();
    c.each(
        "SELECT m.value, g.id, g.external_id, g.display_name
         FROM json_each($1) j CROSS JOIN members m ON m.value = j.value JOIN groups g ON g.pk = m.group_pk
         WHERE m.directory_pk = $2 AND m.kind <> 0 ORDER BY g.id",
        bind![json_array(values), directory],
        |row| {
            groups.entry(row.get(0)?).or_default().push(rows::group_ref(row, 1)?);
            Ok::<_, DbError>(ControlFlow::Continue(()))
        },
    )?;
    Ok(groups)
}

/// Members of a group in the order of their values, after one (exclusive).
pub(crate) fn members(c: &Db, group: i64, after: &str, limit: u64) -> Result<Vec<MemberRecord>, DbError> {
    // PostgreSQL has no NUL in a text: what is greater than the part before it is greater than all of it.
    let after = if c.sqlite().is_some() { after } else { after.split('\0').next().unwrap_or_default() };
    c.rows(
        "SELECT m.value, m.kind, m.display FROM members m
         WHERE m.group_pk = $1 AND m.value > $2 ORDER BY m.value LIMIT $3",
        bind![group, after, limit],
        rows::member,
    )
}

/// The member rows of these values, where there are any.
pub(crate) fn members_named<'a>(
    c: &Db,
    group: i64,
    values: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<MemberRecord>, DbError> {
    c.rows(
        "SELECT DISTINCT m.value, m.kind, m.display
         FROM json_each($1) j CROSS JOIN members m ON m.value = j.value WHERE m.group_pk = $2",
        bind![json_array(values), group],
        rows::member,
    )
}

/// Who these ids name in the directory.
pub(crate) fn referents<'a>(
    c: &Db,
    directory: i64,
    ids: impl IntoIterator<Item = &'a str>,
    found: &mut impl Extend<(String, Referent)>,
) -> Result<(), DbError> {
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    for id in ids {
        if UserId::parse(id).is_some() {
            users.push(id);
        } else if GroupId::parse(id).is_some() {
            groups.push(id);
        }
    }
    if !users.is_empty() {
        let sql = statement!(
            "SELECT ",
            USER_SUMMARY,
            " FROM json_each($1) j CROSS JOIN users u ON u.id = j.value WHERE u.directory_pk = $2"
        );
        add_users(c, sql, bind![json_array(users), directory], found)?;
    }
    if !groups.is_empty() {
        let sql = statement!(
            "SELECT ",
            GROUP_SUMMARY,
            " FROM json_each($1) j CROSS JOIN groups g ON g.id = j.value WHERE g.directory_pk = $2"
        );
        add_groups(c, sql, bind![json_array(groups), directory], found)?;
    }
    Ok(())
}

/// Who a group's members are.
pub(crate) fn member_referents(
    c: &Db,
    directory: i64,
    group: i64,
    found: &mut impl Extend<(String, Referent)>,
) -> Result<(), DbError> {
    let users = statement!(
        "SELECT ",
        USER_SUMMARY,
        " FROM members m CROSS JOIN users u ON u.id = m.value WHERE m.group_pk = $1 AND u.directory_pk = $2"
    );
    add_users(c, users, bind![group, directory], found)?;
    let groups = statement!(
        "SELECT ",
        GROUP_SUMMARY,
        " FROM members m CROSS JOIN groups g ON g.id = m.value WHERE m.group_pk = $1 AND g.directory_pk = $2"
    );
    add_groups(c, groups, bind![group, directory], found)
}

fn add_users(
    c: &Db,
    sql: &str,
    values: &[Value<'_>],
    found: &mut impl Extend<(String, Referent)>,
) -> Result<(), DbError> {
    c.each(sql, values, |row| {
        let user = rows::user_summary(row)?;
        found.extend([(user.id.as_str().to_owned(), Referent::User(user))]);
        Ok(ControlFlow::Continue(()))
    })
}

fn add_groups(
    c: &Db,
    sql: &str,
    values: &[Value<'_>],
    found: &mut impl Extend<(String, Referent)>,
) -> Result<(), DbError> {
    c.each(sql, values, |row| {
        let group = rows::group_summary(row)?;
        found.extend([(group.id.as_str().to_owned(), Referent::Group(group))]);
        Ok(ControlFlow::Continue(()))
    })
}
