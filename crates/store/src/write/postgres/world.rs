//! What the commands of a wave need, loaded with a few statements for all of them; and what of it is
//! carried on from one command to the next.

use std::collections::{BTreeMap, HashMap, HashSet};

use rollcall_domain::{
    Command, Loaded, MemberNeeds, Needs, Write,
    ids::{GroupId, UserId},
    record::{GroupRecord, MemberRecord, Referent, UserRecord},
};
use rollcall_scim::fold;
use tokio_postgres::Row as PostgresRow;

use super::pipeline::{Answer, Pipeline, parameters};
use crate::{
    db::{DbError, FromColumn, Row, Session},
    resources::statement,
    rows::{self, GROUP, GROUP_SUMMARY, USER, USER_SUMMARY},
    write::{
        WriteRequest,
        directories::DirectoryRow,
        load::{Found, FoundUser},
        persist::email_keys,
    },
};

/// Where the answers of a loading will stand.
pub(super) struct Asked {
    users: Option<[usize; 2]>,
    groups: Option<usize>,
    members: Option<usize>,
    referents: Option<[usize; 2]>,
    names: Option<usize>,
}

/// See the module. Each row is with its directory's key: ids are unique, but a command may name one of
/// another directory.
#[derive(Default)]
pub(super) struct World {
    users: HashMap<UserId, (i64, i64, UserRecord)>,
    groups: HashMap<GroupId, (i64, GroupRecord)>,
    /// A group's rows of the values that were asked for.
    members: HashMap<GroupId, HashMap<String, MemberRecord>>,
    referents: HashMap<String, (i64, Referent)>,
    /// The userNames that are known to be taken, by a directory's key and the folded name.
    taken: HashSet<(i64, String)>,
    /// And those that are known to be free, if nobody takes them.
    asked: HashSet<(i64, String)>,
    /// Those that the wave gave up: they are free only after it is written.
    freed: HashSet<(i64, String)>,
    /// Users and groups that the wave wrote as events about others see them.
    written: HashSet<String>,
    /// What became of member rows: the command's place, the group, the value, the row as it was before.
    moved: Vec<Moved>,
}

struct Moved {
    at: usize,
    group: GroupId,
    value: String,
    before: Option<MemberRecord>,
}

/// Adds the statements that load what these commands need.
pub(super) fn ask<'a>(
    pipeline: &mut Pipeline<'_, 'a>,
    commands: &[(&'a WriteRequest, &'a Needs)],
) -> Result<Asked, DbError> {
    let users: Vec<&str> =
        commands.iter().filter_map(|(_, needs)| Some(needs.user.as_ref()?.as_str())).collect();
    let groups: Vec<&str> =
        commands.iter().filter_map(|(_, needs)| Some(needs.group.as_ref()?.as_str())).collect();
    let (mut of, mut values) = (Vec::new(), Vec::new());
    let mut referents: Vec<&str> = Vec::new();
    for (_, needs) in commands {
        referents.extend(needs.referents.iter().map(String::as_str));
        if let (Some(group), MemberNeeds::Values(named)) = (&needs.group, &needs.members) {
            for value in named {
                of.push(group.as_str());
                values.push(value.as_str());
                // Who has a row already is named by the events of leaving.
                referents.push(value);
            }
        }
    }
    let (mut directories, mut keys) = (Vec::new(), Vec::new());
    for (request, _) in commands {
        if let Command::CreateUser { document } | Command::ReplaceUser { document, .. } = &request.command
            && let Some(name) = document.user_name()
        {
            directories.push(request.directory_id.as_str());
            keys.push(fold(name));
        }
    }
    Ok(Asked {
        users: (!users.is_empty()).then(|| ask_users(pipeline, users)).transpose()?,
        groups: (!groups.is_empty())
            .then(|| {
                pipeline.add(
                    statement!("SELECT ", GROUP, ", g.directory_pk FROM groups g WHERE g.id = ANY($1)"),
                    parameters![groups],
                )
            })
            .transpose()?,
        members: (!of.is_empty())
            .then(|| {
                pipeline.add(
                    "SELECT m.value, m.kind, m.display, g.id
                     FROM unnest($1::text[], $2::text[]) n(group_id, value) JOIN groups g ON g.id = n.group_id
                     JOIN members m ON m.group_pk = g.pk AND m.value = n.value",
                    parameters![of, values],
                )
            })
            .transpose()?,
        referents: ask_referents(pipeline, referents)?,
        names: (!keys.is_empty())
            .then(|| {
                pipeline.add(
                    "SELECT d.pk, n.key, u.pk
                     FROM unnest($1::text[], $2::text[]) n(directory_id, key)
                     JOIN directories d ON d.id = n.directory_id
                     LEFT JOIN users u ON u.directory_pk = d.pk AND u.user_name_key = n.key",
                    parameters![directories, keys],
                )
            })
            .transpose()?,
    })
}

fn ask_users<'a>(pipeline: &mut Pipeline<'_, 'a>, ids: Vec<&'a str>) -> Result<[usize; 2], DbError> {
    let users = pipeline.add(
        statement!("SELECT ", USER, ", u.directory_pk FROM users u WHERE u.id = ANY($1)"),
        parameters![ids.clone()],
    )?;
    let groups_of = pipeline.add(
        "SELECT g.id, g.external_id, g.display_name, u.id
         FROM users u JOIN members m ON m.directory_pk = u.directory_pk AND m.value = u.id
         JOIN groups g ON g.pk = m.group_pk WHERE u.id = ANY($1) AND m.kind <> 0 ORDER BY g.id",
        parameters![ids],
    )?;
    Ok([users, groups_of])
}

fn ask_referents<'a>(
    pipeline: &mut Pipeline<'_, 'a>,
    mut ids: Vec<&'a str>,
) -> Result<Option<[usize; 2]>, DbError> {
    ids.sort_unstable();
    ids.dedup();
    let users: Vec<&str> = ids.iter().copied().filter(|id| UserId::parse(id).is_some()).collect();
    let groups: Vec<&str> = ids.into_iter().filter(|id| GroupId::parse(id).is_some()).collect();
    if users.is_empty() && groups.is_empty() {
        return Ok(None);
    }
    let users = pipeline.add(
        statement!("SELECT ", USER_SUMMARY, ", u.directory_pk FROM users u WHERE u.id = ANY($1)"),
        parameters![users],
    )?;
    let groups = pipeline.add(
        statement!("SELECT ", GROUP_SUMMARY, ", g.directory_pk FROM groups g WHERE g.id = ANY($1)"),
        parameters![groups],
    )?;
    Ok(Some([users, groups]))
}

fn column<T: for<'a> FromColumn<'a>>(row: &PostgresRow, column: usize) -> Result<T, DbError> {
    Row::Postgres(row).get(column)
}

impl World {
    /// Takes the answers in. Who the users' stored managers are is asked for then, if there are any.
    pub(super) fn read(session: &Session, asked: &Asked, answers: &[Answer]) -> Result<Self, DbError> {
        let mut world = Self::default();
        if let Some([users, groups_of]) = asked.users {
            for row in &answers[users] {
                let (pk, user) = rows::user(&Row::Postgres(row))?;
                world.users.insert(user.id.clone(), (column(row, 7)?, pk, user));
            }
            for row in &answers[groups_of] {
                let id = Row::Postgres(row).parsed(3, UserId::parse)?;
                if let Some((_, _, user)) = world.users.get_mut(&id) {
                    user.groups.push(rows::group_ref(&Row::Postgres(row), 0)?);
                }
            }
        }
        if let Some(groups) = asked.groups {
            for row in &answers[groups] {
                let (_, group) = rows::group(&Row::Postgres(row))?;
                world.groups.insert(group.id.clone(), (column(row, 8)?, group));
            }
        }
        if let Some(members) = asked.members {
            for row in &answers[members] {
                let group = Row::Postgres(row).parsed(3, GroupId::parse)?;
                let member = rows::member(&Row::Postgres(row))?;
                world.members.entry(group).or_default().insert(member.value.clone(), member);
            }
        }
        if let Some(referents) = asked.referents {
            world.read_referents(referents, answers)?;
        }
        if let Some(names) = asked.names {
            for row in &answers[names] {
                let name: (i64, String) = (column(row, 0)?, column(row, 1)?);
                if column::<Option<i64>>(row, 2)?.is_some() {
                    world.taken.insert(name.clone());
                }
                world.asked.insert(name);
            }
        }
        let managers: Vec<String> = world
            .users
            .values()
            .filter_map(|(_, _, user)| user.document.manager_value())
            .filter(|id| !world.referents.contains_key(*id))
            .map(str::to_owned)
            .collect();
        let mut pipeline = Pipeline::new(session);
        if let Some(referents) = ask_referents(&mut pipeline, managers.iter().map(String::as_str).collect())?
        {
            let answers = pipeline.run()?;
            world.read_referents(referents, &answers)?;
        }
        Ok(world)
    }

    fn read_referents(&mut self, [users, groups]: [usize; 2], answers: &[Answer]) -> Result<(), DbError> {
        for row in &answers[users] {
            let user = rows::user_summary(&Row::Postgres(row))?;
            self.referents.insert(user.id.as_str().to_owned(), (column(row, 8)?, Referent::User(user)));
        }
        for row in &answers[groups] {
            let group = rows::group_summary(&Row::Postgres(row))?;
            self.referents.insert(group.id.as_str().to_owned(), (column(row, 6)?, Referent::Group(group)));
        }
        Ok(())
    }

    /// What one command needs; `None` if something of it was written since it was loaded.
    pub(super) fn found(&self, needs: &Needs, directory: &DirectoryRow) -> Option<Found> {
        let pk = directory.pk;
        let mut loaded = Loaded { directory_event_version: directory.event_version, ..Loaded::default() };
        let mut referents: Vec<&str> = needs.referents.iter().map(String::as_str).collect();
        let mut found_user = None;
        if let Some((of, user_pk, user)) = needs.user.as_ref().and_then(|id| self.users.get(id))
            && *of == pk
        {
            if user.groups.iter().any(|group| self.written.contains(group.id.as_str())) {
                return None;
            }
            referents.extend(user.document.manager_value());
            found_user = Some(FoundUser { pk: *user_pk, emails: email_keys(&user.document) });
            loaded.user = Some(user.clone());
        }
        if let Some((of, group)) = needs.group.as_ref().and_then(|id| self.groups.get(id))
            && *of == pk
        {
            loaded.group = Some(group.clone());
            if let MemberNeeds::Values(values) = &needs.members {
                let rows = self.members.get(&group.id);
                loaded.members = values
                    .iter()
                    .filter_map(|value| Some((value.clone(), rows?.get(value)?.clone())))
                    .collect();
                referents.extend(loaded.members.keys().map(|value| &**value).collect::<Vec<_>>());
            }
        }
        for id in referents {
            if self.written.contains(id) {
                return None;
            }
            if let Some((of, referent)) = self.referents.get(id)
                && *of == pk
            {
                loaded.referents.insert(id.to_owned(), referent.clone());
            }
        }
        Some(Found { loaded, user: found_user })
    }

    /// Notes what the command at this place writes.
    pub(super) fn note(&mut self, at: usize, directory: i64, write: &Write) {
        match write {
            Write::InsertUser(user) => {
                self.taken.insert((directory, name_key(user)));
            }
            Write::UpdateUser(user) => {
                if let Some((_, _, before)) = self.users.get(&user.id) {
                    let (old, new) = (name_key(before), name_key(user));
                    if old != new {
                        self.freed.insert((directory, old));
                        self.taken.insert((directory, new));
                    }
                }
                self.written.insert(user.id.as_str().to_owned());
            }
            Write::TouchUser { id, .. } | Write::DeleteUser(id) => {
                self.written.insert(id.as_str().to_owned());
            }
            Write::InsertGroup(_) | Write::SetDirectoryState(_) => {}
            Write::UpdateGroup(group) => {
                self.written.insert(group.id.as_str().to_owned());
                if let Some((_, known)) = self.groups.get_mut(&group.id) {
                    known.clone_from(group);
                }
            }
            Write::TouchGroup { id, version, event_version, member_count, updated_at } => {
                if let Some((_, known)) = self.groups.get_mut(id) {
                    known.version = *version;
                    known.event_version = *event_version;
                    known.member_count = *member_count;
                    known.updated_at = *updated_at;
                }
            }
            Write::DeleteGroup(id) => {
                self.written.insert(id.as_str().to_owned());
                self.groups.remove(id);
            }
            Write::AddMember { group, member } => self.move_member(at, group, &member.value, Some(member)),
            Write::RemoveMember { group, value } => self.move_member(at, group, value, None),
        }
    }

    fn move_member(&mut self, at: usize, group: &GroupId, value: &str, row: Option<&MemberRecord>) {
        let rows = self.members.entry(group.clone()).or_default();
        let before = match row {
            Some(row) => rows.insert(value.to_owned(), row.clone()),
            None => rows.remove(value),
        };
        self.moved.push(Moved { at, group: group.clone(), value: value.to_owned(), before });
    }

    /// A group's members after the command at this place, from those after the wave.
    pub(super) fn members_after(
        &self,
        at: usize,
        group: &GroupId,
        members: Vec<MemberRecord>,
    ) -> Vec<MemberRecord> {
        if !self.moved.iter().any(|moved| moved.at > at && moved.group == *group) {
            return members;
        }
        let mut members: BTreeMap<String, MemberRecord> =
            members.into_iter().map(|member| (member.value.clone(), member)).collect();
        for moved in self.moved.iter().rev().filter(|moved| moved.at > at && moved.group == *group) {
            match &moved.before {
                Some(before) => drop(members.insert(moved.value.clone(), before.clone())),
                None => drop(members.remove(&moved.value)),
            }
        }
        members.into_values().collect()
    }

    /// Whether this user's name, which it is about to get, is somebody else's.
    pub(super) fn name(&self, directory: i64, user: &UserRecord) -> Name {
        let key = (directory, name_key(user));
        if let Some((_, _, before)) = self.users.get(&user.id)
            && name_key(before) == key.1
        {
            Name::Free
        } else if self.freed.contains(&key) {
            Name::FreeLater
        } else if self.taken.contains(&key) {
            Name::Taken
        } else if self.asked.contains(&key) {
            Name::Free
        } else {
            Name::Unknown(key.1)
        }
    }

    /// What was found out of a name.
    pub(super) fn learn_name(&mut self, directory: i64, key: String, taken: bool) {
        if taken {
            self.taken.insert((directory, key.clone()));
        }
        self.asked.insert((directory, key));
    }
}

/// What is known of a userName.
pub(super) enum Name {
    Free,
    Taken,
    /// The wave gave it up.
    FreeLater,
    /// It was not asked for: this folded name.
    Unknown(String),
}

fn name_key(user: &UserRecord) -> String {
    fold(user.document.user_name().unwrap_or_default())
}
