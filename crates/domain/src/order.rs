//! The rule of order: which earlier events an event is not sent before, at one endpoint.
//!
//! It is said once, here. A dispatcher's lane draws its edges by it, and what explains to an owner
//! why an event waits looks up the same predecessors.

use serde::Serialize;

use crate::{
    event::{EventType, LoggedEvent, SubjectKind},
    ids::DirectoryId,
};

/// Earlier events of the shard that go first. Nothing else makes an event wait for another, and all
/// of these are at lower positions, so that no circle can form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before<'a> {
    /// Those about the same subject.
    Subject(&'a str),
    /// A membership: those about its group, which must exist and have its name first.
    Group(&'a str),
    /// The end of a group: those that say who is and who is not in it.
    Memberships(&'a str),
    /// The end of a directory: all that happened in it.
    Directory(&'a DirectoryId),
}

/// Why one event goes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Both are about the same user, group or directory.
    SameSubject,
    /// A membership follows its group's own events.
    GroupFirst,
    /// A group's end follows its memberships.
    MembershipsFirst,
    /// A directory's end follows all that was in it.
    DirectoryLast,
}

impl Before<'_> {
    /// The rule behind it.
    pub const fn rule(&self) -> Rule {
        match self {
            Self::Subject(_) => Rule::SameSubject,
            Self::Group(_) => Rule::GroupFirst,
            Self::Memberships(_) => Rule::MembershipsFirst,
            Self::Directory(_) => Rule::DirectoryLast,
        }
    }

    /// Whether an earlier event of the same shard is one of these.
    pub fn has(&self, earlier: &LoggedEvent) -> bool {
        match self {
            Self::Subject(id) | Self::Group(id) => *earlier.subject.id == **id,
            Self::Memberships(id) => earlier.group_id.as_ref().is_some_and(|group| group.as_str() == *id),
            Self::Directory(id) => earlier.directory_id == **id,
        }
    }
}

/// What an event waits for.
pub fn before(event: &LoggedEvent) -> impl Iterator<Item = Before<'_>> {
    let group = event.group_id.as_ref().map(|group| Before::Group(group.as_str()));
    let memberships =
        (event.kind == EventType::GroupDeleted).then_some(Before::Memberships(&event.subject.id));
    let directory =
        (event.kind == EventType::DirectoryDeleted).then_some(Before::Directory(&event.directory_id));
    [Some(Before::Subject(&event.subject.id)), group, memberships, directory].into_iter().flatten()
}

/// The rule by which `later` waits for `earlier`, an event of the same shard at a lower position.
pub fn rule(later: &LoggedEvent, earlier: &LoggedEvent) -> Option<Rule> {
    before(later).find(|before| before.has(earlier)).map(|before| before.rule())
}

/// Among the unsettled events of one subject, in order: which one stands for the first one, because it
/// carries the whole state as it was later. All before it need not be sent then.
///
/// A user's own events carry its groups, so that they stand for its memberships too. A group's carry
/// no groups that it is in: there only its own events that follow each other stand for each other.
pub fn replacement<'a>(events: impl IntoIterator<Item = &'a LoggedEvent>) -> Option<usize> {
    let mut replacement = None;
    for (at, event) in events.into_iter().enumerate() {
        let own = event.group_id.is_none();
        match event.subject.kind {
            SubjectKind::User | SubjectKind::Group | SubjectKind::Directory if own => {
                replacement = Some(at);
            }
            SubjectKind::User | SubjectKind::Directory => {}
            SubjectKind::Group | SubjectKind::Endpoint => break,
        }
    }
    replacement.filter(|at| *at > 0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::{
        event::Subject,
        ids::{EventId, GroupId, OrganizationId},
    };

    fn event(directory: u128, kind: EventType, subject: &str, group: Option<u128>) -> LoggedEvent {
        LoggedEvent {
            shard: 0,
            position: 1,
            id: EventId::from_uuid(Uuid::nil()),
            kind,
            organization_id: OrganizationId::from_uuid(Uuid::nil()),
            directory_id: DirectoryId::from_uuid(Uuid::from_u128(directory)),
            sequence: 1,
            subject: Subject { kind: SubjectKind::User, id: subject.into(), version: 1 },
            group_id: group.map(|group| GroupId::from_uuid(Uuid::from_u128(group))),
            sandbox: false,
            timestamp: Timestamp::UNIX_EPOCH,
            body: Bytes::new(),
        }
    }

    #[test]
    fn the_latest_whole_state_stands_for_what_came_before() {
        use EventType as T;
        let user = |kind, group| event(1, kind, "usr_a", group);
        let group = |kind, parent| {
            let mut event = event(1, kind, "grp_a", parent);
            event.subject.kind = SubjectKind::Group;
            event
        };
        for (events, expected) in [
            (vec![], None),
            (vec![user(T::UserUpdated, None)], None),
            (vec![user(T::UserUpdated, None), user(T::MemberAdded, Some(7))], None),
            (
                vec![user(T::UserCreated, None), user(T::MemberAdded, Some(7)), user(T::UserUpdated, None)],
                Some(2),
            ),
            (
                vec![
                    user(T::MemberAdded, Some(7)),
                    user(T::UserDeleted, None),
                    user(T::MemberAdded, Some(7)),
                ],
                Some(1),
            ),
            (vec![group(T::GroupCreated, None), group(T::GroupUpdated, None)], Some(1)),
            (
                vec![
                    group(T::GroupCreated, None),
                    group(T::MemberAdded, Some(7)),
                    group(T::GroupUpdated, None),
                ],
                None,
            ),
            (vec![group(T::MemberAdded, Some(7)), group(T::GroupUpdated, None)], None),
        ] {
            assert_eq!(replacement(&events), expected, "{events:?}");
        }
    }

    #[test]
    fn a_pair_waits_by_one_rule_or_by_none() {
        use EventType as T;
        let group = GroupId::from_uuid(Uuid::from_u128(7)).to_string();
        let ada = event(1, T::UserUpdated, "usr_ada", None);
        let bob = event(1, T::UserUpdated, "usr_bob", None);
        let ada_in = event(1, T::MemberAdded, "usr_ada", Some(7));
        let bob_in = event(1, T::MemberAdded, "usr_bob", Some(7));
        let renamed = event(1, T::GroupUpdated, &group, None);
        let ended = event(1, T::GroupDeleted, &group, None);
        let nested = event(1, T::MemberAdded, &group, Some(8));
        let over = event(1, T::DirectoryDeleted, "dir_1", None);
        let elsewhere = event(2, T::UserUpdated, "usr_x", None);
        for (later, earlier, expected) in [
            (&ada, &ada, Some(Rule::SameSubject)),
            (&ada_in, &ada, Some(Rule::SameSubject)),
            (&ada, &ada_in, Some(Rule::SameSubject)),
            (&ada, &bob, None),
            (&bob_in, &ada_in, None),
            (&ada_in, &renamed, Some(Rule::GroupFirst)),
            (&ada_in, &nested, Some(Rule::GroupFirst)),
            (&renamed, &ada_in, None),
            (&ended, &ada_in, Some(Rule::MembershipsFirst)),
            (&ended, &renamed, Some(Rule::SameSubject)),
            (&over, &ada, Some(Rule::DirectoryLast)),
            (&over, &elsewhere, None),
            (&elsewhere, &over, None),
        ] {
            assert_eq!(rule(later, earlier), expected, "{} after {}", later.kind, earlier.kind);
        }
    }
}
