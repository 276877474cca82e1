//! authentik's SCIM provider: asks what the server can do, writes users by PUT from its own record,
//! changes members by PATCH, and makes a user anew whose PUT is answered 404.

use super::{FIELDS, GROUP_FIELDS, GROUP_SCHEMAS, RETRY, SCIM_JSON, USER_SCHEMAS, agent, headers};
use crate::style::{
    Change, Deltas, Entry, FindGroup, GroupStyle, Leave, Members, Probe, Removal, Rename, Source, Style,
    Urls, UserStyle, Words,
};

/// authentik as the client.
pub(crate) const AUTHENTIK: Style = Style {
    name: "authentik",
    headers: headers(agent!("authentik"), SCIM_JSON),
    group_headers: headers(agent!("authentik"), SCIM_JSON),
    urls: Urls::PLAIN,
    retry: RETRY,
    connect: &[Probe::Document("/ServiceProviderConfig")],
    user: UserStyle {
        find_suffix: "",
        schemas: USER_SCHEMAS,
        fields: FIELDS,
        profile: Change::Put(Source::Own),
        active: Change::Put(Source::Own),
        asks_manager: false,
        looks_before_enabling: false,
        leave: Leave::Delete,
        recreates: true,
    },
    group: Some(GroupStyle {
        find: FindGroup::Filter { before: "", after: "" },
        schemas: GROUP_SCHEMAS,
        fields: GROUP_FIELDS,
        rename: Rename::Put,
        members: Members::Deltas(Deltas {
            words: Words::Lower,
            batch: 100,
            name_first: false,
            entry: Entry::Value,
            removal: Removal::ValuePath,
            empties_by_replace: false,
        }),
        deletes: true,
    }),
};
