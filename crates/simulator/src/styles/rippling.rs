//! Rippling: a custom application whose boxes for groups, pages, PATCH of groups and deletion of
//! groups are ticked; people come from the payroll, so that leavers are deactivated and kept.

use super::{FIELDS, GROUP_FIELDS, GROUP_SCHEMAS, RETRY, SCIM_JSON, USER_SCHEMAS, agent, headers};
use crate::style::{
    Change, Deltas, Entry, FindGroup, GroupStyle, Leave, Members, Probe, Removal, Rename, Source, Style,
    Urls, UserStyle, Words,
};

/// Rippling's SCIM 2.0 user management.
pub(crate) const RIPPLING: Style = Style {
    name: "Rippling",
    headers: headers(agent!("Rippling"), SCIM_JSON),
    group_headers: headers(agent!("Rippling"), SCIM_JSON),
    urls: Urls::PLAIN,
    retry: RETRY,
    connect: &[Probe::List("/Users?startIndex=1&count=1"), Probe::List("/Groups?startIndex=1&count=1")],
    user: UserStyle {
        find_suffix: "&startIndex=1&count=100",
        schemas: USER_SCHEMAS,
        fields: FIELDS,
        profile: Change::Put(Source::Own),
        active: Change::Put(Source::Own),
        asks_manager: false,
        looks_before_enabling: false,
        leave: Leave::Deactivate,
        recreates: false,
    },
    group: Some(GroupStyle {
        find: FindGroup::ReadAll { count: 100 },
        schemas: GROUP_SCHEMAS,
        fields: GROUP_FIELDS,
        rename: Rename::Path(Words::Lower),
        members: Members::Deltas(Deltas {
            words: Words::Lower,
            batch: 1,
            name_first: false,
            entry: Entry::Value,
            removal: Removal::ValuePath,
            empties_by_replace: false,
        }),
        deletes: true,
    }),
};
