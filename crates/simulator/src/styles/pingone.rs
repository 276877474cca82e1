//! Ping (PingOne, and the SCIM provisioner of PingFederate): users by PUT, groups matched by
//! reading all of them, a group emptied by replacing its members with nothing.

use super::{FIELDS, GROUP_FIELDS, GROUP_SCHEMAS, JSON, RETRY, USER_SCHEMAS, agent, headers};
use crate::style::{
    Change, Deltas, Entry, FindGroup, GroupStyle, Leave, Members, Probe, Removal, Rename, Source, Style,
    Urls, UserStyle, Words,
};

/// Ping's outbound provisioning.
pub(crate) const PINGONE: Style = Style {
    name: "PingOne",
    headers: headers(agent!("PingOne"), JSON),
    group_headers: headers(agent!("PingOne"), JSON),
    urls: Urls::PLAIN,
    retry: RETRY,
    connect: &[Probe::List("/Users?startIndex=1&count=1")],
    user: UserStyle {
        find_suffix: "",
        schemas: USER_SCHEMAS,
        fields: FIELDS,
        profile: Change::Put(Source::Own),
        active: Change::Put(Source::Own),
        asks_manager: false,
        looks_before_enabling: false,
        leave: Leave::DeactivateThenDelete,
        recreates: false,
    },
    group: Some(GroupStyle {
        find: FindGroup::ReadAll { count: 100 },
        schemas: GROUP_SCHEMAS,
        fields: GROUP_FIELDS,
        rename: Rename::Path(Words::Lower),
        members: Members::Deltas(Deltas {
            words: Words::Lower,
            batch: 100,
            name_first: false,
            entry: Entry::Value,
            removal: Removal::ValuePath,
            empties_by_replace: true,
        }),
        deletes: true,
    }),
};
