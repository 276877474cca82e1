//! SailPoint: a governance product whose PATCH has no paths and names one part of a complex
//! attribute in each operation; what is not named must stay.

use super::{
    FIELDS, GROUP_FIELDS, GROUP_SCHEMAS, RETRY, SCIM_JSON, STANDARD_PATCH, USER_SCHEMAS, agent, headers,
};
use crate::style::{
    Change, Deltas, Entry, FindGroup, Form, GroupStyle, Leave, Members, PatchStyle, Probe, Removal, Rename,
    Style, Urls, UserStyle, Words,
};

const PATCH: PatchStyle = PatchStyle { form: Form::Nested, ..STANDARD_PATCH };

/// SailPoint's SCIM 2.0 connector.
pub(crate) const SAILPOINT: Style = Style {
    name: "SailPoint",
    headers: headers(agent!("SailPoint"), SCIM_JSON),
    group_headers: headers(agent!("SailPoint"), SCIM_JSON),
    urls: Urls::PLAIN,
    retry: RETRY,
    connect: &[
        Probe::Document("/ServiceProviderConfig"),
        Probe::List("/ResourceTypes"),
        Probe::List("/Schemas"),
        Probe::Document("/ResourceTypes/User"),
        Probe::Document("/ResourceTypes/Group"),
        Probe::List("/Users?startIndex=1&count=1"),
    ],
    user: UserStyle {
        find_suffix: "",
        schemas: USER_SCHEMAS,
        fields: FIELDS,
        profile: Change::Patch(PATCH),
        active: Change::Patch(PATCH),
        asks_manager: false,
        looks_before_enabling: false,
        leave: Leave::Delete,
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
