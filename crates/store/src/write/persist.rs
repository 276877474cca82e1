//! Persists what was decided, write by write in their order.

use std::collections::HashMap;

use rollcall_domain::{
    Write,
    ids::GroupId,
    record::{GroupRecord, UserRecord},
};
use rollcall_scim::{document::Document, fold};
use serde_json::Value;

use super::{directories::DirectoryRow, load::FoundUser};
use crate::{
    db::{Db, DbError, bind},
    rows,
};

/// Why a decision was not persisted.
#[derive(Debug)]
pub(super) enum Problem {
    /// The constraint on userName said no.
    UserNameTaken,
    /// A row that the decision is about is not there: a fault in this program.
    Missing(&'static str),
    /// The database failed.
    Sql(DbError),
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        if error.is_taken("users_by_user_name", "user_name_key") {
            Self::UserNameTaken
        } else {
            Self::Sql(error)
        }
    }
}

/// What each request persists with.
pub(super) struct Persist<'a> {
    pub(super) c: &'a Db,
    pub(super) directory: &'a mut DirectoryRow,
    /// The user that was loaded.
    pub(super) user: Option<FoundUser>,
    groups: HashMap<GroupId, i64>,
}

impl<'a> Persist<'a> {
    pub(super) fn new(c: &'a Db, directory: &'a mut DirectoryRow, user: Option<FoundUser>) -> Self {
        Self { c, directory, user, groups: HashMap::new() }
    }

    /// Persists one write.
    pub(super) fn write(&mut self, write: Write) -> Result<(), Problem> {
        match write {
            Write::InsertUser(user) => self.insert_user(&user)?,
            Write::UpdateUser(user) => self.update_user(&user)?,
            Write::TouchUser { id, version, event_version } => {
                let changed = self.c.execute(
                    "UPDATE users SET version = $1, event_version = $2 WHERE id = $3",
                    bind![version, event_version, id.as_str()],
                )?;
                one(changed, "a user")?;
            }
            Write::DeleteUser(id) => {
                let pk: Option<i64> = self.c.row(
                    "DELETE FROM users WHERE id = $1 RETURNING pk",
                    bind![id.as_str()],
                    |row| row.get(0),
                )?;
                let pk = pk.ok_or(Problem::Missing("a user"))?;
                self.c.execute("DELETE FROM user_emails WHERE user_pk = $1", bind![pk])?;
                self.directory.user_count = self.directory.user_count.saturating_sub(1);
                self.directory.dirty = true;
            }
            Write::InsertGroup(group) => self.insert_group(&group)?,
            Write::UpdateGroup(group) => self.update_group(&group)?,
            Write::TouchGroup { id, version, event_version, member_count, updated_at } => {
                let changed = self.c.execute(
                    "UPDATE groups SET version = $1, event_version = $2, member_count = $3, updated_at = $4
                         WHERE id = $5",
                    bind![version, event_version, member_count, updated_at, id.as_str()],
                )?;
                one(changed, "a group")?;
            }
            Write::DeleteGroup(id) => {
                let changed = self.c.execute("DELETE FROM groups WHERE id = $1", bind![id.as_str()])?;
                one(changed, "a group")?;
                self.groups.remove(&id);
                self.directory.group_count = self.directory.group_count.saturating_sub(1);
                self.directory.dirty = true;
            }
            Write::AddMember { group, member } => {
                let group = self.group_pk(&group)?;
                self.c.execute("INSERT INTO members (directory_pk, group_pk, value, kind, display)
                         VALUES ($1, $2, $3, $4, $5)
                         ON CONFLICT (group_pk, value) DO UPDATE SET kind = excluded.kind, display = excluded.display", bind![
                        self.directory.pk,
                        group,
                        member.value,
                        rows::member_kind(member.kind),
                        member.display
                    ])?;
            }
            Write::RemoveMember { group, value } => {
                let group = self.group_pk(&group)?;
                self.c
                    .execute("DELETE FROM members WHERE group_pk = $1 AND value = $2", bind![group, value])?;
            }
            Write::SetDirectoryState(state) => {
                let mut directory = (*self.directory.directory).clone();
                directory.state = state;
                self.directory.directory = directory.into();
                self.directory.dirty = true;
            }
        }
        Ok(())
    }

    fn insert_user(&mut self, user: &UserRecord) -> Result<(), Problem> {
        let document = &user.document;
        let user_name = document.user_name().unwrap_or_default();
        let pk = self.c.insert(
            "INSERT INTO users (directory_pk, id, user_name_key, user_name, external_id, display_name,
                        email, active, version, event_version, created_at, updated_at, document)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            bind![
                self.directory.pk,
                user.id.as_str(),
                fold(user_name),
                user_name,
                document.external_id(),
                document.display_name(),
                document.primary_email(),
                document.active(),
                user.version,
                user.event_version,
                user.created_at,
                user.updated_at,
                text(document),
            ],
        )?;
        self.insert_emails(pk, &email_keys(document))?;
        self.directory.user_count += 1;
        self.directory.dirty = true;
        Ok(())
    }

    fn update_user(&mut self, user: &UserRecord) -> Result<(), Problem> {
        let document = &user.document;
        let user_name = document.user_name().unwrap_or_default();
        let changed = self.c.execute("UPDATE users SET user_name_key = $1, user_name = $2, external_id = $3, display_name = $4,
                        email = $5, active = $6, version = $7, event_version = $8, updated_at = $9, document = $10
                 WHERE id = $11", bind![
                fold(user_name),
                user_name,
                document.external_id(),
                document.display_name(),
                document.primary_email(),
                document.active(),
                user.version,
                user.event_version,
                user.updated_at,
                text(document),
                user.id.as_str(),
            ])?;
        one(changed, "a user")?;
        let found = self.user.take().ok_or(Problem::Missing("the loaded user"))?;
        let emails = email_keys(document);
        if emails != found.emails {
            self.c.execute("DELETE FROM user_emails WHERE user_pk = $1", bind![found.pk])?;
            self.insert_emails(found.pk, &emails)?;
        }
        self.user = Some(FoundUser { pk: found.pk, emails });
        Ok(())
    }

    fn insert_emails(&self, user: i64, keys: &[String]) -> Result<(), DbError> {
        for key in keys {
            self.c.execute(
                "INSERT INTO user_emails (user_pk, value_key, directory_pk) VALUES ($1, $2, $3)",
                bind![user, key, self.directory.pk],
            )?;
        }
        Ok(())
    }

    fn insert_group(&mut self, group: &GroupRecord) -> Result<(), Problem> {
        let display_name = group.document.display_name().unwrap_or_default();
        let pk = self.c.insert(
            "INSERT INTO groups (directory_pk, id, display_name_key, display_name, external_id, member_count,
                        version, event_version, created_at, updated_at, document)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            bind![
                self.directory.pk,
                group.id.as_str(),
                fold(display_name),
                display_name,
                group.document.external_id(),
                group.member_count,
                group.version,
                group.event_version,
                group.created_at,
                group.updated_at,
                text(&group.document),
            ],
        )?;
        self.groups.insert(group.id.clone(), pk);
        self.directory.group_count += 1;
        self.directory.dirty = true;
        Ok(())
    }

    fn update_group(&self, group: &GroupRecord) -> Result<(), Problem> {
        let display_name = group.document.display_name().unwrap_or_default();
        let changed = self.c.execute(
            "UPDATE groups SET display_name_key = $1, display_name = $2, external_id = $3, member_count = $4,
                        version = $5, event_version = $6, updated_at = $7, document = $8
                 WHERE id = $9",
            bind![
                fold(display_name),
                display_name,
                group.document.external_id(),
                group.member_count,
                group.version,
                group.event_version,
                group.updated_at,
                text(&group.document),
                group.id.as_str(),
            ],
        )?;
        one(changed, "a group")
    }

    fn group_pk(&mut self, id: &GroupId) -> Result<i64, Problem> {
        if let Some(pk) = self.groups.get(id) {
            return Ok(*pk);
        }
        let pk = self
            .c
            .row("SELECT pk FROM groups WHERE id = $1", bind![id.as_str()], |row| row.get::<i64>(0))?
            .ok_or(Problem::Missing("a group"))?;
        self.groups.insert(id.clone(), pk);
        Ok(pk)
    }
}

/// The distinct folded addresses of a user, in order.
pub(super) fn email_keys(document: &Document) -> Vec<String> {
    let mut keys: Vec<String> = document
        .emails()
        .iter()
        .filter_map(|email| email.get("value").and_then(Value::as_str))
        .map(fold)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// A document as the store keeps it.
pub(super) fn text(document: &Document) -> String {
    // Fails only for maps whose keys are not strings.
    serde_json::to_string(document).unwrap_or_default()
}

fn one(changed: u64, what: &'static str) -> Result<(), Problem> {
    if changed == 1 { Ok(()) } else { Err(Problem::Missing(what)) }
}
