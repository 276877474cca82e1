//! Loads what a command needs to be decided.

use rollcall_domain::{
    Loaded, MemberNeeds, Needs,
    event::EventType,
    operator::{Notice, Told},
};

use super::directories::DirectoryRow;
use crate::{
    db::{Db, DbError, bind},
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
    if let Some(notice) = &needs.told {
        loaded.told = told(c, notice)?;
    }
    referents.sort_unstable();
    referents.dedup();
    resources::referents(c, pk, referents.iter().map(String::as_str), &mut loaded.referents)?;
    Ok(Found { loaded, user: found_user })
}

/// What the operator was told of an endpoint before this notice.
fn told(c: &Db, notice: &Notice) -> Result<Told, DbError> {
    let subject = notice.endpoint_id.as_str();
    let sql =
        "SELECT e.subject_version FROM events e WHERE e.subject_id = $1 ORDER BY e.position DESC LIMIT 1";
    let events = c.row(sql, bind![subject], |row| row.uint(0))?.unwrap_or(0);
    let sql = "SELECT e.kind FROM events e WHERE e.subject_id = $1 AND e.kind IN ($2, $3, $4)
               ORDER BY e.position DESC LIMIT 1";
    let kinds = bind![
        subject,
        EventType::EndpointFailing as u8,
        EventType::EndpointDisabled as u8,
        EventType::EndpointRecovered as u8
    ];
    let state = c.row(sql, kinds, |row| row.get::<u8>(0))?.and_then(EventType::from_code);
    let already = c.exists("SELECT 1 FROM events e WHERE e.id = $1", bind![notice.id.as_str()])?;
    Ok(Told { already, events, state })
}
