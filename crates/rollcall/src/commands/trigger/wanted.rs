//! The events that can be had.

use clap::ValueEnum;

/// A type of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wanted {
    #[value(name = "user.created")]
    UserCreated,
    #[value(name = "user.updated")]
    UserUpdated,
    #[value(name = "user.deactivated")]
    UserDeactivated,
    #[value(name = "user.reactivated")]
    UserReactivated,
    #[value(name = "user.deleted")]
    UserDeleted,
    #[value(name = "group.created")]
    GroupCreated,
    #[value(name = "group.updated")]
    GroupUpdated,
    #[value(name = "group.deleted")]
    GroupDeleted,
    #[value(name = "group.member_added")]
    MemberAdded,
    #[value(name = "group.member_removed")]
    MemberRemoved,
    #[value(name = "directory.activated")]
    DirectoryActivated,
    #[value(name = "directory.deactivated")]
    DirectoryDeactivated,
    #[value(name = "directory.deleted")]
    DirectoryDeleted,
}

impl Wanted {
    /// As in an event's `type`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UserCreated => "user.created",
            Self::UserUpdated => "user.updated",
            Self::UserDeactivated => "user.deactivated",
            Self::UserReactivated => "user.reactivated",
            Self::UserDeleted => "user.deleted",
            Self::GroupCreated => "group.created",
            Self::GroupUpdated => "group.updated",
            Self::GroupDeleted => "group.deleted",
            Self::MemberAdded => "group.member_added",
            Self::MemberRemoved => "group.member_removed",
            Self::DirectoryActivated => "directory.activated",
            Self::DirectoryDeactivated => "directory.deactivated",
            Self::DirectoryDeleted => "directory.deleted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_what_is_in_events() {
        for wanted in Wanted::value_variants() {
            let typed = wanted.to_possible_value().unwrap();
            assert_eq!(typed.get_name(), wanted.name());
        }
    }
}
