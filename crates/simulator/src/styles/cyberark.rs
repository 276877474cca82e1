//! CyberArk Identity: reads the discovery documents first, looks resource types up by name, writes
//! users by PUT only, patches groups, and deletes nothing.

use super::{FIELDS, GROUP_FIELDS, GROUP_SCHEMAS, RETRY, SCIM_JSON, USER_SCHEMAS, agent, headers};
use crate::style::{
    Change, Deltas, Entry, FindGroup, GroupStyle, Leave, Members, Probe, Removal, Rename, Source, Style,
    Urls, UserStyle, Words,
};

/// CyberArk's outbound provisioning.
pub(crate) const CYBERARK: Style = Style {
    name: "CyberArk",
    headers: headers(agent!("CyberArk"), SCIM_JSON),
    group_headers: headers(agent!("CyberArk"), SCIM_JSON),
    urls: Urls::PLAIN,
    retry: RETRY,
    connect: &[
        Probe::Document("/ServiceProviderConfig"),
        Probe::Document("/ResourceTypes/User"),
        Probe::Document("/ResourceTypes/Group"),
        Probe::Document("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"),
        Probe::Document("/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group"),
        Probe::List("/Users?count=1"),
    ],
    user: UserStyle {
        find_suffix: "",
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
            batch: 100,
            name_first: false,
            entry: Entry::Value,
            removal: Removal::ValuePath,
            empties_by_replace: false,
        }),
        deletes: false,
    }),
};
