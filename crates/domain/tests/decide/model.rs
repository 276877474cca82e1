//! A store in memory: it answers exactly what a command needs, and persists exactly what was decided,
//! checking on the way that counters go up one by one and that rows are there when they are named.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use rollcall_domain::{
    Command, Context, Decision, Loaded, MemberNeeds, Refusal, Reply, Write, decide,
    directory::{Directory, DirectoryState, Mode, Provider, RuleSwitches},
    event::{Cause, DecidedEvent, SubjectKind},
    ids::{DirectoryId, GroupId, OrganizationId, RequestId, UserId},
    normalize::{group_summary, user_summary},
    operator::Told,
    record::{GroupRecord, GroupRef, GroupSummary, MemberKind, MemberRecord, Referent, UserRecord},
};
use serde_json::Value;
use uuid::Uuid;

pub(crate) struct Model {
    pub(crate) directory: Directory,
    pub(crate) users: BTreeMap<String, UserRecord>,
    pub(crate) groups: BTreeMap<String, GroupRecord>,
    pub(crate) members: BTreeMap<String, BTreeMap<String, MemberRecord>>,
    pub(crate) log: Vec<DecidedEvent>,
    now: Timestamp,
    uuids: u128,
}

impl Model {
    pub(crate) fn new() -> Self {
        let now: Timestamp = "2026-11-24T09:00:00.123456Z".parse().unwrap();
        Self {
            directory: Directory {
                id: DirectoryId::from_uuid(Uuid::from_u128(0xd)),
                organization_id: OrganizationId::from_uuid(Uuid::from_u128(0xa)),
                name: "Acme".into(),
                provider: Provider::EntraId,
                state: DirectoryState::Active,
                mode: Mode::Live,
                created_at: now,
                compatibility: RuleSwitches::default(),
            },
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            members: BTreeMap::new(),
            log: Vec::new(),
            now,
            uuids: 0x100,
        }
    }

    /// Decides a command and persists what comes of it.
    pub(crate) fn run(&mut self, command: &Command) -> Result<Decision, Refusal> {
        self.now += SignedDuration::from_secs(1);
        let loaded = self.load(command);
        let mut new_uuid = || {
            self.uuids += 1;
            Uuid::from_u128(self.uuids)
        };
        let decision = decide(
            command,
            loaded,
            &mut Context {
                now: self.now,
                new_uuid: &mut new_uuid,
                directory: &self.directory,
                last_sequence: self.log.len() as u64,
                cause: Cause {
                    provider: "entra_id".into(),
                    request_id: RequestId::from_uuid(Uuid::from_u128(0xc)),
                    method: "POST".into(),
                },
            },
        )?;
        for write in &decision.writes {
            self.persist(write);
        }
        self.log.extend(decision.events.iter().cloned());
        for (id, group) in &self.groups {
            let rows = self.members.get(id).map_or(0, BTreeMap::len);
            assert_eq!(group.member_count, rows as u64, "member_count of {id}");
        }
        Ok(decision)
    }

    /// As [`Model::run`], for a command that must not be refused: the types of its events, with their subjects'
    /// versions.
    pub(crate) fn events_of(&mut self, command: &Command) -> Vec<String> {
        let decision = self.run(command).unwrap();
        decision.events.iter().map(|event| format!("{} {}", event.kind, event.subject.version)).collect()
    }

    pub(crate) fn user(&mut self, command: &Command) -> UserRecord {
        match self.run(command).unwrap().reply {
            Reply::User(user) => user,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn group(&mut self, command: &Command) -> GroupRecord {
        match self.run(command).unwrap().reply {
            Reply::Group(group) => group,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn last(&self) -> Value {
        serde_json::from_slice(&self.log.last().unwrap().body).unwrap()
    }

    pub(crate) fn member_values(&self, id: &GroupId) -> Vec<&str> {
        self.members.get(id.as_str()).into_iter().flatten().map(|(value, _)| value.as_str()).collect()
    }

    /// The user as the store would load it.
    pub(crate) fn load_user(&self, id: &UserId) -> Option<UserRecord> {
        let mut user = self.users.get(id.as_str())?.clone();
        user.groups = self
            .groups_of(id.as_str())
            .into_iter()
            .map(|group| GroupRef {
                id: group.id,
                external_id: group.external_id,
                display_name: group.display_name,
            })
            .collect();
        Some(user)
    }

    fn groups_of(&self, member: &str) -> Vec<GroupSummary> {
        self.groups
            .values()
            .filter(|group| {
                self.members
                    .get(group.id.as_str())
                    .and_then(|rows| rows.get(member))
                    .is_some_and(|row| row.kind != MemberKind::Pending)
            })
            .map(group_summary)
            .collect()
    }

    fn referent(&self, id: &str) -> Option<Referent> {
        let user = self.users.get(id).map(|user| Referent::User(user_summary(user)));
        user.or_else(|| self.groups.get(id).map(|group| Referent::Group(group_summary(group))))
    }

    fn load(&self, command: &Command) -> Loaded {
        let needs = command.needs();
        let user = needs.user.as_ref().and_then(|id| self.load_user(id));
        let group = needs.group.as_ref().and_then(|id| self.groups.get(id.as_str())).cloned();
        let none = BTreeMap::new();
        let rows = needs.group.as_ref().and_then(|id| self.members.get(id.as_str())).unwrap_or(&none);
        let members: HashMap<String, MemberRecord> = match &needs.members {
            MemberNeeds::None => HashMap::new(),
            MemberNeeds::Values(values) => {
                values.iter().filter_map(|value| Some((value.clone(), rows.get(value)?.clone()))).collect()
            }
            MemberNeeds::All => rows.clone().into_iter().collect(),
        };
        let manager = user.as_ref().and_then(|user| user.document.manager_value()).map(str::to_owned);
        let referents = needs
            .referents
            .iter()
            .chain(members.keys())
            .chain(&manager)
            .filter_map(|id| Some((id.clone(), self.referent(id)?)))
            .collect();
        let parents = |wanted: bool, id: Option<&str>| match id {
            Some(id) if wanted => self.groups_of(id),
            _ => Vec::new(),
        };
        Loaded {
            groups_of_user: parents(needs.groups_of_user, needs.user.as_ref().map(UserId::as_str)),
            groups_of_group: parents(needs.groups_of_group, needs.group.as_ref().map(GroupId::as_str)),
            user,
            group,
            members,
            referents,
            directory_event_version: self
                .log
                .iter()
                .filter(|event| event.subject.kind == SubjectKind::Directory)
                .count() as u64,
            told: Told::default(),
        }
    }

    fn persist(&mut self, write: &Write) {
        match write {
            Write::InsertUser(user) => {
                assert_eq!((user.version, user.event_version), (1, 1));
                assert!(self.users.insert(user.id.as_str().into(), user.clone()).is_none());
            }
            Write::UpdateUser(user) => {
                let stored = self.users.get_mut(user.id.as_str()).unwrap();
                assert_eq!(user.version, stored.version + 1);
                assert_eq!(user.event_version, stored.event_version + 1);
                *stored = user.clone();
            }
            Write::TouchUser { id, version, event_version } => {
                let stored = self.users.get_mut(id.as_str()).unwrap();
                assert_eq!((*version, *event_version), (stored.version + 1, stored.event_version + 1));
                (stored.version, stored.event_version) = (*version, *event_version);
            }
            Write::DeleteUser(id) => {
                assert!(self.users.remove(id.as_str()).is_some());
                assert!(
                    self.groups_of(id.as_str()).is_empty(),
                    "a deleted user's rows are removed before it"
                );
            }
            Write::InsertGroup(group) => {
                assert_eq!((group.version, group.event_version), (1, 1));
                assert!(self.groups.insert(group.id.as_str().into(), group.clone()).is_none());
            }
            Write::UpdateGroup(group) => {
                let stored = self.groups.get_mut(group.id.as_str()).unwrap();
                assert_eq!(group.version, stored.version + 1);
                assert_eq!(group.event_version, stored.event_version + 1);
                *stored = group.clone();
            }
            Write::TouchGroup { id, version, event_version, member_count, updated_at } => {
                let stored = self.groups.get_mut(id.as_str()).unwrap();
                assert_eq!(*version, stored.version + 1);
                assert!((stored.event_version..=stored.event_version + 1).contains(event_version));
                stored.version = *version;
                stored.event_version = *event_version;
                stored.member_count = *member_count;
                stored.updated_at = *updated_at;
            }
            Write::DeleteGroup(id) => {
                assert!(self.groups.remove(id.as_str()).is_some());
                assert!(self.members.remove(id.as_str()).is_none_or(|rows| rows.is_empty()));
            }
            Write::AddMember { group, member } => {
                assert!(self.groups.contains_key(group.as_str()));
                let rows = self.members.entry(group.as_str().into()).or_default();
                assert!(rows.insert(member.value.clone(), member.clone()).is_none());
            }
            Write::RemoveMember { group, value } => {
                assert!(self.members.get_mut(group.as_str()).unwrap().remove(value).is_some());
            }
            Write::SetDirectoryState(state) => {
                assert_ne!(self.directory.state, *state);
                self.directory.state = *state;
                if *state == DirectoryState::Deleted {
                    self.users.clear();
                    self.groups.clear();
                    self.members.clear();
                }
            }
        }
    }
}
