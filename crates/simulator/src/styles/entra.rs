//! Microsoft Entra ID's provisioning service: asks before it creates, updates by PATCH with a path
//! for each attribute, writes booleans as text, makes groups before it fills them, and disables an
//! account at once that it deletes 30 days later. With `aadOptscim062020` on the tenant URL it
//! speaks standard SCIM instead: lower-case operations, dotted and URN keys in one value without
//! a path, members removed by value path.

use std::time::Duration;

use super::{SCIM_JSON, USER_SCHEMAS, agent};
use crate::{
    schema::{ENTERPRISE, GROUP},
    style::{
        Booleans, Change, Deltas, Entry, ExternalId, Field, FindGroup, Form, GroupField, GroupStyle, Headers,
        Leave, Members, PatchStyle, Probe, Removal, Rename, Retry, Style, Urls, UserStyle, Words,
    },
};

const HEADERS: Headers = Headers {
    user_agent: agent!("Entra ID"),
    content_type: "application/scim+json; charset=utf-8",
    accept: SCIM_JSON,
    accept_charset: None,
};

/// As it speaks unless told otherwise.
pub(crate) const ENTRA: Style = style(
    "Entra ID",
    PatchStyle { words: Words::Capital, form: Form::Paths, booleans: Booleans::CapitalText },
    Entry::NullRef,
    Removal::ValueArray,
);

/// With the flag.
pub(crate) const ENTRA_2020: Style = style(
    "Entra ID (aadOptscim062020)",
    PatchStyle { words: Words::Lower, form: Form::DottedKeys, booleans: Booleans::Json },
    Entry::Value,
    Removal::ValuePath,
);

const fn style(name: &'static str, patch: PatchStyle, entry: Entry, removal: Removal) -> Style {
    Style {
        name,
        headers: HEADERS,
        group_headers: HEADERS,
        urls: Urls::PLAIN,
        retry: Retry { attempts: 5, wait: Duration::from_secs(1), timeout: Duration::from_secs(30) },
        connect: &[Probe::NobodyFound("b3f0a5a2-6a5e-4a2e-9d3f-3f1c1c1e7a10")],
        user: UserStyle {
            find_suffix: "",
            schemas: USER_SCHEMAS,
            fields: &[
                Field::ExternalId(ExternalId::ObjectId),
                Field::UserName,
                Field::Active,
                Field::DisplayName,
                Field::Title,
                Field::Emails,
                Field::Address,
                Field::Meta,
                Field::NameFormatted,
                Field::Enterprise(ENTERPRISE),
                Field::Nothing("roles"),
            ],
            profile: Change::Patch(patch),
            active: Change::Patch(patch),
            asks_manager: true,
            looks_before_enabling: false,
            leave: Leave::DeactivateThenDelete,
            recreates: false,
        },
        group: Some(GroupStyle {
            find: FindGroup::Filter { before: "excludedAttributes=members&", after: "" },
            schemas: &[GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            fields: &[GroupField::ExternalId, GroupField::DisplayName, GroupField::Meta],
            rename: Rename::Path(patch.words),
            members: Members::Deltas(Deltas {
                words: patch.words,
                batch: 1_000,
                name_first: false,
                entry,
                removal,
                empties_by_replace: false,
            }),
            deletes: true,
        }),
    }
}
