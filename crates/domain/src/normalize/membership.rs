//! The `data` of a membership event: short names of the group and of its member, enough to act on
//! without a look-up.

use serde::Serialize;

use crate::record::{GroupSummary, UserSummary};

/// A group in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct GroupNames<'a> {
    /// `grp_…`
    pub id: &'a str,
    /// SCIM `externalId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    /// SCIM `displayName`.
    pub display_name: &'a str,
}

impl<'a> From<&'a GroupSummary> for GroupNames<'a> {
    fn from(group: &'a GroupSummary) -> Self {
        Self {
            id: group.id.as_str(),
            external_id: group.external_id.as_deref(),
            display_name: &group.display_name,
        }
    }
}

/// A user in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UserNames<'a> {
    /// `usr_…`
    pub id: &'a str,
    /// SCIM `externalId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    /// SCIM `userName`.
    pub user_name: &'a str,
    /// As in the user's own projection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// SCIM `active`.
    pub active: bool,
}

impl<'a> From<&'a UserSummary> for UserNames<'a> {
    fn from(user: &'a UserSummary) -> Self {
        Self {
            id: user.id.as_str(),
            external_id: user.external_id.as_deref(),
            user_name: &user.user_name,
            email: user.email.as_deref(),
            active: user.active,
        }
    }
}

/// `{"group":{…},"user":{…}}`, or `{"group":{…},"member_group":{…}}` where the member is a nested group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Membership<'a> {
    /// The group that gained or lost a member.
    pub group: GroupNames<'a>,
    /// The member, if it is a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserNames<'a>>,
    /// The member, if it is a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_group: Option<GroupNames<'a>>,
}
