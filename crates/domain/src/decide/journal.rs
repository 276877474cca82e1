//! The journal of one decision: it gathers the rows to write and numbers the events in their order.

use jiff::Timestamp;
use serde::Serialize;

use super::{Context, Decision, Reply, Write};
use crate::{
    directory::{Directory, Mode},
    event::{Change, DecidedEvent, EventType, Subject, SubjectKind},
    event_body::{EventBody, to_bytes},
    ids::{EventId, GroupId, UserId},
    normalize::{GroupNames, Membership, UserNames},
    record::{GroupSummary, UserSummary},
};

pub(super) struct Journal<'a, 'c> {
    context: &'a mut Context<'c>,
    writes: Vec<Write>,
    events: Vec<DecidedEvent>,
}

/// An event before it has an id, a sequence and a body.
pub(super) struct Fact<'a, D> {
    pub(super) kind: EventType,
    pub(super) subject: Subject,
    /// The group of a membership event.
    pub(super) group: Option<&'a GroupId>,
    pub(super) data: &'a D,
    /// What changed, where the event tells of a change of something that stays.
    pub(super) changes: Option<&'a [Change]>,
}

impl<'a, 'c> Journal<'a, 'c> {
    pub(super) fn new(context: &'a mut Context<'c>) -> Self {
        Self { context, writes: Vec::new(), events: Vec::new() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.context.now
    }

    pub(super) fn directory(&self) -> &'c Directory {
        self.context.directory
    }

    pub(super) fn new_user_id(&mut self) -> UserId {
        UserId::from_uuid((self.context.new_uuid)())
    }

    pub(super) fn new_group_id(&mut self) -> GroupId {
        GroupId::from_uuid((self.context.new_uuid)())
    }

    pub(super) fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    pub(super) fn tell(&mut self, fact: Fact<'_, impl Serialize>) {
        let id = EventId::from_uuid((self.context.new_uuid)());
        let directory = self.context.directory;
        let sequence = self.context.last_sequence + 1 + self.events.len() as u64;
        let body = to_bytes(
            &EventBody {
                id: &id,
                kind: fact.kind,
                timestamp: self.context.now,
                organization_id: &directory.organization_id,
                directory_id: &directory.id,
                sequence,
                sandbox: directory.mode == Mode::Sandbox,
                subject: &fact.subject,
                data: fact.data,
                changes: fact.changes,
                cause: &self.context.cause,
            },
            if fact.group.is_some() { 1024 } else { 4096 },
        );
        self.events.push(DecidedEvent {
            id,
            kind: fact.kind,
            sequence,
            subject: fact.subject,
            group_id: fact.group.cloned(),
            timestamp: self.context.now,
            body,
        });
    }

    /// Tells that a user joined or left a group; it is the user's event number `version`.
    pub(super) fn tell_of_user(
        &mut self,
        kind: EventType,
        group: &GroupId,
        names: GroupNames<'_>,
        user: &UserSummary,
        version: u64,
    ) {
        self.tell(Fact {
            kind,
            subject: subject(SubjectKind::User, user.id.as_str(), version),
            group: Some(group),
            data: &Membership { group: names, user: Some(UserNames::from(user)), member_group: None },
            changes: None,
        });
    }

    /// Tells that a nested group joined or left a group; it is the nested group's event number `version`.
    pub(super) fn tell_of_nested(
        &mut self,
        kind: EventType,
        group: &GroupId,
        names: GroupNames<'_>,
        nested: GroupNames<'_>,
        version: u64,
    ) {
        self.tell(Fact {
            kind,
            subject: subject(SubjectKind::Group, nested.id, version),
            group: Some(group),
            data: &Membership { group: names, user: None, member_group: Some(nested) },
            changes: None,
        });
    }

    /// Writes the counters of a group that lost a member which is being deleted.
    pub(super) fn lose_member(&mut self, group: &mut GroupSummary) {
        group.version += 1;
        group.member_count = group.member_count.saturating_sub(1);
        self.touch_group(group);
    }

    /// Writes a group's counters. `updated_at` becomes now, as with every new version.
    pub(super) fn touch_group(&mut self, group: &GroupSummary) {
        let updated_at = self.now();
        self.write(Write::TouchGroup {
            id: group.id.clone(),
            version: group.version,
            event_version: group.event_version,
            member_count: group.member_count,
            updated_at,
        });
    }

    pub(super) fn finish(self, reply: Reply) -> Decision {
        Decision { writes: self.writes, events: self.events, reply }
    }
}

pub(super) fn subject(kind: SubjectKind, id: &str, version: u64) -> Subject {
    Subject { kind, id: id.into(), version }
}
