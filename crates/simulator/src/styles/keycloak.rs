//! Keycloak with a SCIM extension: profiles by PUT, `active` as a text in a PATCH without a path,
//! and the whole list of members with every change of a group.

use super::{
    FIELDS, GROUP_FIELDS, GROUP_SCHEMAS, RETRY, SCIM_JSON, STANDARD_PATCH, USER_SCHEMAS, agent, headers,
};
use crate::style::{
    Booleans, Change, Entry, FindGroup, Form, GroupStyle, Leave, Members, PatchStyle, Probe, Rename, Source,
    Style, Urls, UserStyle, Words,
};

/// Keycloak as the client.
pub(crate) const KEYCLOAK: Style = Style {
    name: "Keycloak",
    headers: headers(agent!("Keycloak"), SCIM_JSON),
    group_headers: headers(agent!("Keycloak"), SCIM_JSON),
    urls: Urls::PLAIN,
    retry: RETRY,
    connect: &[Probe::Document("/ServiceProviderConfig")],
    user: UserStyle {
        find_suffix: "",
        schemas: USER_SCHEMAS,
        fields: FIELDS,
        profile: Change::Put(Source::Own),
        active: Change::Patch(PatchStyle {
            form: Form::Nested,
            booleans: Booleans::LowerText,
            ..STANDARD_PATCH
        }),
        asks_manager: false,
        looks_before_enabling: false,
        leave: Leave::Delete,
        recreates: false,
    },
    group: Some(GroupStyle {
        find: FindGroup::Filter { before: "", after: "" },
        schemas: GROUP_SCHEMAS,
        fields: GROUP_FIELDS,
        rename: Rename::Path(Words::Lower),
        members: Members::ReplaceAll(Entry::Value),
        deletes: true,
    }),
};
