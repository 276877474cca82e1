//! What happens in a company, one thing at a time and without any protocol.

use crate::{Person, people::Address};

/// A person of the script, by number: see [`crate::People::get`].
pub type PersonHandle = usize;
/// A group of the script, by number.
pub type GroupHandle = usize;

/// Something about a person that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// The job title.
    Title(String),
    /// The department.
    Department(String),
    /// The family name; the displayed name follows.
    FamilyName(String),
    /// The sign-in name; the work e-mail address follows.
    UserName(String),
    /// Where the office is.
    Address(Address),
}

impl Attribute {
    /// Makes the change.
    pub(crate) fn apply(&self, person: &mut Person) {
        match self {
            Self::Title(title) => person.title.clone_from(title),
            Self::Department(department) => person.department.clone_from(department),
            Self::FamilyName(family_name) => person.family_name.clone_from(family_name),
            Self::UserName(user_name) => person.user_name.clone_from(user_name),
            Self::Address(address) => person.address = Some(address.clone()),
        }
    }

    /// The change, in words.
    pub(crate) fn in_words(&self, person: &Person) -> String {
        let name = person.display_name();
        match self {
            Self::Title(title) => format!("{name} becomes {title}"),
            Self::Department(department) => format!("{name} moves to {department}"),
            Self::FamilyName(family) => format!("{name} is now {} {family}", person.given_name),
            Self::UserName(user_name) => format!("{name} signs in as {user_name}"),
            Self::Address(address) => format!("{name} works in {} now", address.locality),
        }
    }
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The administrator presses «Test connection».
    Probe,
    /// A person is assigned to the application.
    Hire(PersonHandle),
    /// A group is assigned to the application, without members yet.
    MakeGroup(GroupHandle, String),
    /// People become members of a group, in as few requests as the product makes of it.
    Join(GroupHandle, Vec<PersonHandle>),
    /// A person moves from one group to another.
    Move(PersonHandle, GroupHandle, GroupHandle),
    /// Everybody leaves a group.
    Empty(GroupHandle),
    /// An attribute changes.
    Change(PersonHandle, Attribute),
    /// The provider sends a person's present title once more, though it did not change.
    Repeat(PersonHandle),
    /// The provider sends a group's present members once more.
    RepeatGroup(GroupHandle),
    /// The first person's manager is now the second one.
    Manage(PersonHandle, PersonHandle),
    /// The person has no manager any more.
    Unmanage(PersonHandle),
    /// The account is disabled.
    Deactivate(PersonHandle),
    /// The account is enabled again.
    Rehire(PersonHandle),
    /// A group gets another name.
    RenameGroup(GroupHandle, String),
    /// A group is no longer assigned.
    DeleteGroup(GroupHandle),
    /// A person leaves for good.
    Leave(PersonHandle),
}

impl Step {
    /// The people whose own resource the step changes.
    pub(crate) fn people(&self) -> Option<PersonHandle> {
        match self {
            Self::Hire(person)
            | Self::Move(person, ..)
            | Self::Change(person, _)
            | Self::Repeat(person)
            | Self::Manage(person, _)
            | Self::Unmanage(person)
            | Self::Deactivate(person)
            | Self::Rehire(person)
            | Self::Leave(person) => Some(*person),
            Self::Probe
            | Self::MakeGroup(..)
            | Self::Join(..)
            | Self::Empty(_)
            | Self::RepeatGroup(_)
            | Self::RenameGroup(..)
            | Self::DeleteGroup(_) => None,
        }
    }

    /// The groups that the step changes, the first two at most.
    pub(crate) fn groups(&self) -> [Option<GroupHandle>; 2] {
        match self {
            Self::MakeGroup(group, _)
            | Self::Join(group, _)
            | Self::Empty(group)
            | Self::RepeatGroup(group)
            | Self::RenameGroup(group, _)
            | Self::DeleteGroup(group) => [Some(*group), None],
            Self::Move(_, from, to) => [Some(*from), Some(*to)],
            _ => [None, None],
        }
    }
}
