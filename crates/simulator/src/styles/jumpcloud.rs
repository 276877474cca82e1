//! JumpCloud: its activation makes a user and a group for trial, changes and deletes both; users by
//! PUT, members removed as a list, and an account that is unbound is deleted.

use super::{FIELDS, GROUP_FIELDS, GROUP_SCHEMAS, JSON, RETRY, USER_SCHEMAS, agent, headers};
use crate::style::{
    Change, Deltas, Entry, FindGroup, GroupStyle, Leave, Members, Probe, Removal, Rename, Source, Style,
    Urls, UserStyle, Words,
};

/// JumpCloud's identity management connector.
pub(crate) const JUMPCLOUD: Style = Style {
    name: "JumpCloud",
    headers: headers(agent!("JumpCloud"), JSON),
    group_headers: headers(agent!("JumpCloud"), JSON),
    urls: Urls::PLAIN,
    retry: RETRY,
    connect: &[Probe::TrialUserAndGroup],
    user: UserStyle {
        find_suffix: "",
        schemas: USER_SCHEMAS,
        fields: FIELDS,
        profile: Change::Put(Source::Own),
        active: Change::Put(Source::Own),
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
        members: Members::Deltas(Deltas {
            words: Words::Lower,
            batch: 100,
            name_first: false,
            entry: Entry::Value,
            removal: Removal::ValueArray,
            empties_by_replace: false,
        }),
        deletes: true,
    }),
};
