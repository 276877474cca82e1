//! Loads what a command needs to be decided.

use rollcall_domain::{Loaded, MemberNeeds, Needs};

use super::directories::DirectoryRow;
use crate::{
    db::{Db, DbError},
    resources,
};

/// Beside what the domain sees: keys of the rows, so that persisting need not look them up.
pub(super) struct Found {
    pub(super) loaded: Loaded,
    pub(super) user: Option<FoundUser>,
}

/// The loaded user's row.
pub(super) struct FoundUser {
    pub(super) pk: i64,
    /// The keys of its e-mail rows.
    pub(super) emails: Vec<String>,
}

/// Loads it. What does not exist is absent.
pub(super) fn load(c: &Db, directory: &DirectoryRow, needs: &Needs) -> Result<Found, DbError> {
    let pk = directory.pk;
    let mut loaded = Loaded { directory_event_version: directory.event_version, ..Loaded::default() };
    let mut referents = needs.referents.clone();
    let mut found_user = None;
    if let Some(id) = &needs.user
        && let Some((user_pk, mut user)) = resources::user(c, pk, id)?
    {
        user.groups = resources::groups_of(c, pk, id.as_str())?;
        if needs.groups_of_user {
            loaded.groups_of_user = resources::group_summaries_of(c, pk, id.as_str())?;
        }
        // An event's `data` names the manager, the old state's too.
        referents.extend(user.document.manager_value().map(str::to_owned));
        found_user = Some(FoundUser { pk: user_pk, emails: super::persist::email_keys(&user.document) });
        loaded.user = Some(user);
    }
    if let Some(id) = &needs.group
        && let Some((group_pk, group)) = resources::group(c, pk, id)?
    {
        if needs.groups_of_group {
            loaded.groups_of_group = resources::group_summaries_of(c, pk, id.as_str())?;
        }
        loaded.group = Some(group);
        match &needs.members {
            MemberNeeds::None => {}
            MemberNeeds::Values(values) => {
                let members = resources::members_named(c, group_pk, values.iter().map(String::as_str))?;
                referents.extend(members.iter().map(|member| member.value.clone()));
                loaded.members = members.into_iter().map(|member| (member.value.clone(), member)).collect();
            }
            MemberNeeds::All => {
                loaded.members = resources::members(c, group_pk, "", u64::MAX)?
                    .into_iter()
                    .map(|member| (member.value.clone(), member))
                    .collect();
                resources::member_referents(c, pk, group_pk, &mut loaded.referents)?;
            }
        }
    }
    referents.sort_unstable();
    referents.dedup();
    resources::referents(c, pk, referents.iter().map(String::as_str), &mut loaded.referents)?;
    Ok(Found { loaded, user: found_user })
}
