//! OneLogin: users by PUT with schema URNs of a draft, `+` for a space, a question mark at the end
//! of URLs without a query, and groups patched with no user agent at all.

use super::{GROUP_FIELDS, GROUP_SCHEMAS, JSON, RETRY, SCIM_JSON, headers};
use crate::style::{
    Change, Deltas, Entry, ExternalId, Field, FindGroup, GroupStyle, Leave, Members, Probe, Removal, Rename,
    Source, Style, Urls, UserStyle, Words,
};

const OLD_USER: &str = "urn:scim:schemas:core:2.0";
const OLD_ENTERPRISE: &str = "urn:scim:schemas:extension:enterprise:2.0";

/// OneLogin's provisioning.
pub(crate) const ONELOGIN: Style = Style {
    name: "OneLogin",
    headers: headers("OneLogin", JSON),
    group_headers: headers("", SCIM_JSON),
    urls: Urls { space: "+", end: "?", query_end: "&" },
    retry: RETRY,
    connect: &[Probe::List("/Users?count=1&")],
    user: UserStyle {
        find_suffix: "",
        schemas: &[OLD_USER, OLD_ENTERPRISE],
        fields: &[
            Field::ExternalId(ExternalId::Hex24),
            Field::UserName,
            Field::Name,
            Field::DisplayName,
            Field::Title,
            Field::Emails,
            Field::Address,
            Field::Active,
            Field::Enterprise(OLD_ENTERPRISE),
        ],
        profile: Change::Put(Source::Own),
        active: Change::Put(Source::Own),
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
            batch: 100,
            name_first: false,
            entry: Entry::Value,
            removal: Removal::ValuePath,
            empties_by_replace: false,
        }),
        deletes: false,
    }),
};
