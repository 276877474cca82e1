//! Full representations, for filters and sorting: what the store keeps, and what a server adds to
//! it, except for what only the HTTP side knows (`meta.location`, `$ref`).

use rollcall_domain::record::{GroupRecord, GroupRef, MemberKind, MemberRecord, UserRecord};
use serde_json::{Map, Value, json};

/// A user, with these groups if the question is about them.
pub(super) fn user(user: UserRecord, groups: Option<&[GroupRef]>) -> Map<String, Value> {
    let meta = meta("User", &user.created_at, &user.updated_at, user.version);
    let mut map = user.document.into_map();
    map.insert("id".to_owned(), user.id.as_str().into());
    map.insert("meta".to_owned(), meta);
    if let Some(groups) = groups.filter(|groups| !groups.is_empty()) {
        let groups = groups
            .iter()
            .map(|group| json!({"value": group.id, "display": group.display_name, "type": "direct"}));
        map.insert("groups".to_owned(), groups.collect());
    }
    map
}

/// A group, with these members if the question is about them.
pub(super) fn group(group: GroupRecord, members: Option<&[MemberRecord]>) -> Map<String, Value> {
    let meta = meta("Group", &group.created_at, &group.updated_at, group.version);
    let mut map = group.document.into_map();
    map.insert("id".to_owned(), group.id.as_str().into());
    map.insert("meta".to_owned(), meta);
    if let Some(members) = members.filter(|members| !members.is_empty()) {
        map.insert("members".to_owned(), members.iter().map(member).collect());
    }
    map
}

fn member(member: &MemberRecord) -> Value {
    let mut map = Map::new();
    map.insert("value".to_owned(), member.value.as_str().into());
    if let Some(display) = &member.display {
        map.insert("display".to_owned(), display.as_str().into());
    }
    match member.kind {
        MemberKind::User => drop(map.insert("type".to_owned(), "User".into())),
        MemberKind::Group => drop(map.insert("type".to_owned(), "Group".into())),
        MemberKind::Pending => {}
    }
    map.into()
}

fn meta(resource_type: &str, created: &jiff::Timestamp, modified: &jiff::Timestamp, version: u64) -> Value {
    json!({
        "resourceType": resource_type,
        "created": created.to_string(),
        "lastModified": modified.to_string(),
        "version": format!("W/\"{version}\""),
    })
}
