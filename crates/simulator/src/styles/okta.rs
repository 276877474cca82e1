//! Okta's SCIM client: asks before it creates, sends a placeholder password, updates a profile by
//! reading it and putting it back changed, never deletes a user, and precedes each change of a
//! group's members with the group's name. As an application of the integration network (OIN) it
//! patches `active` and members; as a custom application it uses PUT for everything.

use std::time::Duration;

use super::{GROUP_FIELDS, GROUP_SCHEMAS, SCIM_JSON, USER_SCHEMAS};
use crate::{
    schema::ENTERPRISE,
    style::{
        Booleans, Change, Deltas, Entry, ExternalId, Field, FindGroup, Form, GroupStyle, Headers, Leave,
        Members, PatchStyle, Probe, Removal, Rename, Retry, Source, Style, Urls, UserStyle, Words,
    },
};

const HEADERS: Headers = Headers {
    user_agent: "Okta SCIM Client 1.0.0",
    content_type: "application/scim+json; charset=utf-8",
    accept: SCIM_JSON,
    accept_charset: Some("utf-8"),
};

/// An application of the integration network.
pub(crate) const OKTA: Style = style(
    "Okta",
    Change::Patch(PatchStyle { words: Words::Lower, form: Form::Nested, booleans: Booleans::Json }),
    Rename::PathlessWithId,
    Members::Deltas(Deltas {
        words: Words::Lower,
        batch: 100,
        name_first: true,
        entry: Entry::Display,
        removal: Removal::ValuePath,
        empties_by_replace: true,
    }),
);

/// A custom application, made with the wizard.
pub(crate) const OKTA_CUSTOM: Style =
    style("Okta (custom application)", Change::Put(Source::Read), Rename::Put, Members::Put(Entry::Display));

const fn style(name: &'static str, active: Change, rename: Rename, members: Members) -> Style {
    Style {
        name,
        headers: HEADERS,
        group_headers: HEADERS,
        urls: Urls::PLAIN,
        // Okta itself waits five minutes, doubling, where no Retry-After is given.
        retry: Retry { attempts: 10, wait: Duration::from_secs(1), timeout: Duration::from_secs(60) },
        connect: &[Probe::List("/Users?startIndex=1&count=1")],
        user: UserStyle {
            find_suffix: "&startIndex=1&count=100",
            schemas: USER_SCHEMAS,
            fields: &[
                Field::UserName,
                Field::Name,
                Field::Emails,
                Field::Address,
                Field::DisplayName,
                Field::Title,
                Field::Text("locale", "en-US"),
                Field::ExternalId(ExternalId::Okta),
                Field::Nothing("groups"),
                // A random text when passwords are not synchronised; this one is as good.
                Field::Text("password", "1mz050nq"),
                Field::Active,
                Field::Enterprise(ENTERPRISE),
            ],
            profile: Change::Put(Source::Read),
            active,
            asks_manager: false,
            looks_before_enabling: true,
            leave: Leave::Deactivate,
            recreates: false,
        },
        group: Some(GroupStyle {
            find: FindGroup::Filter { before: "", after: "&startIndex=1&count=100" },
            schemas: GROUP_SCHEMAS,
            fields: GROUP_FIELDS,
            rename,
            members,
            deletes: true,
        }),
    }
}
