//! What a wave writes, as a few statements with an array for each column.
//!
//! Plot: the writes of the decisions are gathered, of each row only its last state; then they are put
//! into a pipeline in an order in which no constraint sees two rows where there will be one: what goes
//! before what changes before what comes.

use std::{collections::HashMap, sync::Arc};

use rollcall_domain::{
    Write,
    event::LoggedEvent,
    ids::{GroupId, UserId},
    record::{GroupRecord, MemberRecord, UserRecord},
};
use rollcall_scim::fold;

use super::pipeline::{Pipeline, parameters};
use crate::{
    db::DbError,
    rows,
    write::{
        directories::DirectoryRow,
        load::FoundUser,
        persist::{Problem, email_keys, text},
    },
};

/// See the module.
#[derive(Default)]
pub(super) struct Flush {
    removed_members: Vec<(GroupId, String)>,
    deleted_users: Vec<UserId>,
    deleted_groups: Vec<GroupId>,
    updated_users: Vec<UserRecord>,
    /// The keys of users whose e-mail rows are made anew, and the new rows.
    cleared_emails: Vec<i64>,
    changed_emails: Vec<(UserId, String, i64)>,
    touched_users: HashMap<UserId, (u64, u64)>,
    updated_groups: HashMap<GroupId, GroupRecord>,
    touched_groups: HashMap<GroupId, GroupCounters>,
    inserted_users: Vec<(i64, UserRecord)>,
    inserted_groups: Vec<(i64, GroupRecord)>,
    added_members: Vec<(i64, GroupId, MemberRecord)>,
    events: Vec<(i64, Arc<LoggedEvent>)>,
}

struct GroupCounters {
    version: u64,
    event_version: u64,
    member_count: u64,
    updated_at: i64,
}

impl Flush {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.removed_members.is_empty()
            && self.deleted_users.is_empty()
            && self.deleted_groups.is_empty()
            && self.updated_users.is_empty()
            && self.touched_users.is_empty()
            && self.updated_groups.is_empty()
            && self.touched_groups.is_empty()
            && self.inserted_users.is_empty()
            && self.inserted_groups.is_empty()
            && self.added_members.is_empty()
            && self.events.is_empty()
    }

    /// Takes a decision's write.
    pub(super) fn write(
        &mut self,
        directory: &mut DirectoryRow,
        user: Option<&FoundUser>,
        write: Write,
    ) -> Result<(), Problem> {
        match write {
            Write::InsertUser(user) => {
                directory.user_count += 1;
                directory.dirty = true;
                for key in email_keys(&user.document) {
                    self.changed_emails.push((user.id.clone(), key, directory.pk));
                }
                self.inserted_users.push((directory.pk, user));
            }
            Write::UpdateUser(record) => {
                let found = user.ok_or(Problem::Missing("the loaded user"))?;
                let emails = email_keys(&record.document);
                if emails != found.emails {
                    self.cleared_emails.push(found.pk);
                    for key in emails {
                        self.changed_emails.push((record.id.clone(), key, directory.pk));
                    }
                }
                self.updated_users.push(record);
            }
            Write::TouchUser { id, version, event_version } => {
                self.touched_users.insert(id, (version, event_version));
            }
            Write::DeleteUser(id) => {
                self.touched_users.remove(&id);
                self.deleted_users.push(id);
                directory.user_count = directory.user_count.saturating_sub(1);
                directory.dirty = true;
            }
            Write::InsertGroup(group) => {
                directory.group_count += 1;
                directory.dirty = true;
                self.inserted_groups.push((directory.pk, group));
            }
            Write::UpdateGroup(group) => {
                self.touched_groups.remove(&group.id);
                self.updated_groups.insert(group.id.clone(), group);
            }
            Write::TouchGroup { id, version, event_version, member_count, updated_at } => {
                if let Some(group) = self.updated_groups.get_mut(&id) {
                    group.version = version;
                    group.event_version = event_version;
                    group.member_count = member_count;
                    group.updated_at = updated_at;
                } else {
                    let updated_at = updated_at.as_microsecond();
                    let counters = GroupCounters { version, event_version, member_count, updated_at };
                    self.touched_groups.insert(id, counters);
                }
            }
            Write::DeleteGroup(id) => {
                self.touched_groups.remove(&id);
                self.updated_groups.remove(&id);
                self.deleted_groups.push(id);
                directory.group_count = directory.group_count.saturating_sub(1);
                directory.dirty = true;
            }
            Write::AddMember { group, member } => self.added_members.push((directory.pk, group, member)),
            Write::RemoveMember { group, value } => self.removed_members.push((group, value)),
            Write::SetDirectoryState(state) => {
                let mut changed = (*directory.directory).clone();
                changed.state = state;
                directory.directory = changed.into();
                directory.dirty = true;
            }
        }
        Ok(())
    }

    /// Takes an event that has its position.
    pub(super) fn event(&mut self, directory: i64, event: Arc<LoggedEvent>) {
        self.events.push((directory, event));
    }

    /// Adds the statements.
    pub(super) fn send<'a>(&'a self, pipeline: &mut Pipeline<'_, 'a>) -> Result<(), DbError> {
        self.remove(pipeline)?;
        self.update_users(pipeline)?;
        self.update_groups(pipeline)?;
        self.insert_users(pipeline)?;
        self.insert_groups(pipeline)?;
        if !self.added_members.is_empty() {
            let added = &self.added_members;
            pipeline.add_exactly(
                added.len(),
                "INSERT INTO members (directory_pk, group_pk, value, kind, display)
                 SELECT n.directory_pk, g.pk, n.value, n.kind, n.display
                 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::text[])
                      n(directory_pk, group_id, value, kind, display)
                 JOIN groups g ON g.id = n.group_id
                 ON CONFLICT (group_pk, value) DO UPDATE SET kind = excluded.kind, display = excluded.display",
                parameters![
                    all(added, |row| row.0),
                    all(added, |row| row.1.as_str()),
                    all(added, |row| row.2.value.as_str()),
                    all(added, |row| i32::from(rows::member_kind(row.2.kind) as i16)),
                    all(added, |row| row.2.display.as_deref()),
                ],
            )?;
        }
        self.insert_events(pipeline)?;
        Ok(())
    }

    fn remove<'a>(&'a self, pipeline: &mut Pipeline<'_, 'a>) -> Result<(), DbError> {
        if !self.removed_members.is_empty() {
            pipeline.add(
                "DELETE FROM members m USING unnest($1::text[], $2::text[]) n(group_id, value)
                 JOIN groups g ON g.id = n.group_id WHERE m.group_pk = g.pk AND m.value = n.value",
                parameters![
                    all(&self.removed_members, |row| row.0.as_str()),
                    all(&self.removed_members, |row| row.1.as_str()),
                ],
            )?;
        }
        if !self.deleted_users.is_empty() {
            let ids = || parameters![all(&self.deleted_users, |id| id.as_str())];
            pipeline.add(
                "DELETE FROM user_emails e USING users u WHERE u.id = ANY($1) AND e.user_pk = u.pk",
                ids(),
            )?;
            pipeline.add_exactly(self.deleted_users.len(), "DELETE FROM users WHERE id = ANY($1)", ids())?;
        }
        if !self.deleted_groups.is_empty() {
            pipeline.add_exactly(
                self.deleted_groups.len(),
                "DELETE FROM groups WHERE id = ANY($1)",
                parameters![all(&self.deleted_groups, |id| id.as_str())],
            )?;
        }
        Ok(())
    }

    fn update_users<'a>(&'a self, pipeline: &mut Pipeline<'_, 'a>) -> Result<(), DbError> {
        if !self.updated_users.is_empty() {
            let users = &self.updated_users;
            pipeline.add_exactly(
                users.len(),
                "UPDATE users u SET user_name_key = n.user_name_key, user_name = n.user_name,
                        external_id = n.external_id, display_name = n.display_name, email = n.email,
                        active = n.active, version = n.version, event_version = n.event_version,
                        updated_at = n.updated_at, document = n.document
                 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[],
                             $8::bigint[], $9::bigint[], $10::bigint[], $11::text[])
                      n(id, user_name_key, user_name, external_id, display_name, email, active, version,
                        event_version, updated_at, document)
                 WHERE u.id = n.id",
                parameters![
                    all(users, |user| user.id.as_str()),
                    all(users, |user| fold(user.document.user_name().unwrap_or_default())),
                    all(users, |user| user.document.user_name().unwrap_or_default()),
                    all(users, |user| user.document.external_id()),
                    all(users, |user| user.document.display_name()),
                    all(users, |user| user.document.primary_email()),
                    all(users, |user| i32::from(user.document.active())),
                    all(users, |user| int(user.version)),
                    all(users, |user| int(user.event_version)),
                    all(users, |user| user.updated_at.as_microsecond()),
                    all(users, |user| text(&user.document)),
                ],
            )?;
        }
        if !self.cleared_emails.is_empty() {
            pipeline.add(
                "DELETE FROM user_emails WHERE user_pk = ANY($1)",
                parameters![self.cleared_emails.clone()],
            )?;
        }
        if !self.touched_users.is_empty() {
            let users: Vec<_> = self.touched_users.iter().collect();
            pipeline.add_exactly(
                users.len(),
                "UPDATE users u SET version = n.version, event_version = n.event_version
                 FROM unnest($1::text[], $2::bigint[], $3::bigint[]) n(id, version, event_version)
                 WHERE u.id = n.id",
                parameters![
                    all(&users, |user| user.0.as_str()),
                    all(&users, |user| int(user.1.0)),
                    all(&users, |user| int(user.1.1)),
                ],
            )?;
        }
        Ok(())
    }

    fn update_groups<'a>(&'a self, pipeline: &mut Pipeline<'_, 'a>) -> Result<(), DbError> {
        if !self.updated_groups.is_empty() {
            let groups: Vec<&GroupRecord> = self.updated_groups.values().collect();
            pipeline.add_exactly(
                groups.len(),
                "UPDATE groups g SET display_name_key = n.display_name_key, display_name = n.display_name,
                        external_id = n.external_id, member_count = n.member_count, version = n.version,
                        event_version = n.event_version, updated_at = n.updated_at, document = n.document
                 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                             $7::bigint[], $8::bigint[], $9::text[])
                      n(id, display_name_key, display_name, external_id, member_count, version, event_version,
                        updated_at, document)
                 WHERE g.id = n.id",
                parameters![
                    all(&groups, |group| group.id.as_str()),
                    all(&groups, |group| fold(group.document.display_name().unwrap_or_default())),
                    all(&groups, |group| group.document.display_name().unwrap_or_default()),
                    all(&groups, |group| group.document.external_id()),
                    all(&groups, |group| int(group.member_count)),
                    all(&groups, |group| int(group.version)),
                    all(&groups, |group| int(group.event_version)),
                    all(&groups, |group| group.updated_at.as_microsecond()),
                    all(&groups, |group| text(&group.document)),
                ],
            )?;
        }
        if !self.touched_groups.is_empty() {
            let groups: Vec<_> = self.touched_groups.iter().collect();
            pipeline.add_exactly(
                groups.len(),
                "UPDATE groups g SET version = n.version, event_version = n.event_version,
                        member_count = n.member_count, updated_at = n.updated_at
                 FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
                      n(id, version, event_version, member_count, updated_at)
                 WHERE g.id = n.id",
                parameters![
                    all(&groups, |group| group.0.as_str()),
                    all(&groups, |group| int(group.1.version)),
                    all(&groups, |group| int(group.1.event_version)),
                    all(&groups, |group| int(group.1.member_count)),
                    all(&groups, |group| group.1.updated_at),
                ],
            )?;
        }
        Ok(())
    }

    fn insert_users<'a>(&'a self, pipeline: &mut Pipeline<'_, 'a>) -> Result<(), DbError> {
        if !self.inserted_users.is_empty() {
            let users = &self.inserted_users;
            pipeline.add(
                "INSERT INTO users (directory_pk, id, user_name_key, user_name, external_id, display_name, email,
                        active, version, event_version, created_at, updated_at, document)
                 SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                        $7::text[], $8::int[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
                        $13::text[])",
                parameters![
                    all(users, |user| user.0),
                    all(users, |user| user.1.id.as_str()),
                    all(users, |user| fold(user.1.document.user_name().unwrap_or_default())),
                    all(users, |user| user.1.document.user_name().unwrap_or_default()),
                    all(users, |user| user.1.document.external_id()),
                    all(users, |user| user.1.document.display_name()),
                    all(users, |user| user.1.document.primary_email()),
                    all(users, |user| i32::from(user.1.document.active())),
                    all(users, |user| int(user.1.version)),
                    all(users, |user| int(user.1.event_version)),
                    all(users, |user| user.1.created_at.as_microsecond()),
                    all(users, |user| user.1.updated_at.as_microsecond()),
                    all(users, |user| text(&user.1.document)),
                ],
            )?;
        }
        if !self.changed_emails.is_empty() {
            let emails = &self.changed_emails;
            pipeline.add(
                "INSERT INTO user_emails (user_pk, value_key, directory_pk)
                 SELECT u.pk, n.value_key, n.directory_pk
                 FROM unnest($1::text[], $2::text[], $3::bigint[]) n(user_id, value_key, directory_pk)
                 JOIN users u ON u.id = n.user_id",
                parameters![
                    all(emails, |row| row.0.as_str()),
                    all(emails, |row| row.1.as_str()),
                    all(emails, |row| row.2),
                ],
            )?;
        }
        Ok(())
    }

    fn insert_groups<'a>(&'a self, pipeline: &mut Pipeline<'_, 'a>) -> Result<(), DbError> {
        if !self.inserted_groups.is_empty() {
            let groups = &self.inserted_groups;
            pipeline.add(
                "INSERT INTO groups (directory_pk, id, display_name_key, display_name, external_id, member_count,
                        version, event_version, created_at, updated_at, document)
                 SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
                        $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[])",
                parameters![
                    all(groups, |group| group.0),
                    all(groups, |group| group.1.id.as_str()),
                    all(groups, |group| fold(group.1.document.display_name().unwrap_or_default())),
                    all(groups, |group| group.1.document.display_name().unwrap_or_default()),
                    all(groups, |group| group.1.document.external_id()),
                    all(groups, |group| int(group.1.member_count)),
                    all(groups, |group| int(group.1.version)),
                    all(groups, |group| int(group.1.event_version)),
                    all(groups, |group| group.1.created_at.as_microsecond()),
                    all(groups, |group| group.1.updated_at.as_microsecond()),
                    all(groups, |group| text(&group.1.document)),
                ],
            )?;
        }
        Ok(())
    }

    fn insert_events<'a>(&'a self, pipeline: &mut Pipeline<'_, 'a>) -> Result<(), DbError> {
        if !self.events.is_empty() {
            let events = &self.events;
            pipeline.add(
                "INSERT INTO events (shard, position, directory_pk, sequence, id, kind, subject_kind, subject_id,
                        subject_version, group_id, sandbox, timestamp, body)
                 SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::int[],
                        $7::int[], $8::text[], $9::bigint[], $10::text[], $11::int[], $12::bigint[], $13::bytea[])",
                parameters![
                    all(events, |event| i32::from(event.1.shard)),
                    all(events, |event| int(event.1.position)),
                    all(events, |event| event.0),
                    all(events, |event| int(event.1.sequence)),
                    all(events, |event| event.1.id.as_str()),
                    all(events, |event| i32::from(event.1.kind as u8)),
                    all(events, |event| rows::subject_kind(event.1.subject.kind) as i32),
                    all(events, |event| &*event.1.subject.id),
                    all(events, |event| int(event.1.subject.version)),
                    all(events, |event| event.1.group_id.as_ref().map(GroupId::as_str)),
                    all(events, |event| i32::from(event.1.sandbox)),
                    all(events, |event| event.1.timestamp.as_microsecond()),
                    all(events, |event| &*event.1.body),
                ],
            )?;
        }
        Ok(())
    }
}

/// A column: one thing of each row.
fn all<'a, R, T>(rows: &'a [R], of: impl FnMut(&'a R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// SQL has no unsigned integers of 64 bits; ours never come near the limit.
pub(super) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
