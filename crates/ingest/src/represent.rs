//! A resource as a client sees it: the stored attributes with what only the server knows (RFC 7643 §3.1).
//!
//! `schemas` comes first, then `id`, the stored attributes, `groups` or `members`, and `meta` at the end.

use rollcall_domain::{
    ids::UserId,
    record::{GroupRecord, MemberKind, MemberRecord, UserRecord},
    timestamp::rfc3339,
};
use rollcall_scim::{Projection, ResourceKind, schema::ENTERPRISE_USER};
use serde_json::{Map, Value};

use crate::etag;

/// The URL of a resource. `base` is the directory's SCIM base URL, without a trailing slash.
pub(crate) fn location(base: &str, kind: ResourceKind, id: &str) -> String {
    format!("{base}{}/{id}", kind.endpoint())
}

/// A user.
pub(crate) fn user(base: &str, record: UserRecord, projection: &Projection) -> Map<String, Value> {
    let mut map = record.document.into_map();
    map.shift_insert(1.min(map.len()), "id".to_owned(), record.id.as_str().into());
    if let Some(Value::Object(extension)) = map.get_mut(ENTERPRISE_USER) {
        link_manager(base, extension);
    }
    if !record.groups.is_empty() {
        let groups = record.groups.into_iter().map(|group| {
            let mut element = Map::with_capacity(4);
            element.insert("value".to_owned(), group.id.as_str().into());
            element.insert("$ref".to_owned(), location(base, ResourceKind::Group, group.id.as_str()).into());
            element.insert("display".to_owned(), group.display_name.into());
            element.insert("type".to_owned(), "direct".into());
            Value::Object(element)
        });
        map.insert("groups".to_owned(), Value::Array(groups.collect()));
    }
    let meta = Meta { version: record.version, created: record.created_at, modified: record.updated_at };
    finish(base, ResourceKind::User, record.id.as_str(), map, &meta, projection)
}

/// A group; `members` is `None` where nobody wants them.
pub(crate) fn group(
    base: &str,
    record: GroupRecord,
    members: Option<Vec<MemberRecord>>,
    projection: &Projection,
) -> Map<String, Value> {
    let mut map = record.document.into_map();
    map.shift_insert(1.min(map.len()), "id".to_owned(), record.id.as_str().into());
    if let Some(members) = members.filter(|members| !members.is_empty()) {
        let members = members.into_iter().map(|row| Value::Object(member(base, row)));
        map.insert("members".to_owned(), Value::Array(members.collect()));
    }
    let meta = Meta { version: record.version, created: record.created_at, modified: record.updated_at };
    finish(base, ResourceKind::Group, record.id.as_str(), map, &meta, projection)
}

fn member(base: &str, row: MemberRecord) -> Map<String, Value> {
    let kind = match row.kind {
        MemberKind::User => Some(ResourceKind::User),
        MemberKind::Group => Some(ResourceKind::Group),
        MemberKind::Pending => None,
    };
    let reference = kind.map(|kind| location(base, kind, &row.value));
    let mut element = Map::with_capacity(4);
    element.insert("value".to_owned(), row.value.into());
    element.extend(reference.map(|url| ("$ref".to_owned(), url.into())));
    element.extend(row.display.map(|display| ("display".to_owned(), display.into())));
    element.extend(kind.map(|kind| ("type".to_owned(), kind.name().into())));
    element
}

/// Gives `manager` its `$ref`, if it is one of ours.
fn link_manager(base: &str, extension: &mut Map<String, Value>) {
    let Some(Value::Object(manager)) = extension.get_mut("manager") else { return };
    let Some(id) = manager.get("value").and_then(Value::as_str) else { return };
    if let Some(id) = UserId::parse(id) {
        let url = location(base, ResourceKind::User, id.as_str());
        manager.insert("$ref".to_owned(), url.into());
    }
}

struct Meta {
    version: u64,
    created: jiff::Timestamp,
    modified: jiff::Timestamp,
}

fn finish(
    base: &str,
    kind: ResourceKind,
    id: &str,
    mut map: Map<String, Value>,
    meta: &Meta,
    projection: &Projection,
) -> Map<String, Value> {
    let mut object = Map::with_capacity(5);
    object.insert("resourceType".to_owned(), kind.name().into());
    object.insert("created".to_owned(), rfc3339(meta.created).to_string().into());
    object.insert("lastModified".to_owned(), rfc3339(meta.modified).to_string().into());
    object.insert("location".to_owned(), location(base, kind, id).into());
    object.insert("version".to_owned(), etag::of_version(meta.version).into());
    map.insert("meta".to_owned(), Value::Object(object));
    if projection.is_selection() { projection.apply(map) } else { map }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rollcall_domain::{ids::GroupId, record::GroupRef};
    use rollcall_scim::Document;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    const BASE: &str = "https://r.example/scim/v2/dir_1";

    fn document(value: Value) -> Document {
        Document::from_map(value.as_object().cloned().unwrap())
    }

    #[test]
    fn a_user_in_full() {
        let manager = UserId::from_uuid(Uuid::from_u128(2));
        let record = UserRecord {
            id: UserId::from_uuid(Uuid::from_u128(1)),
            document: document(json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE_USER],
                "externalId": "e", "userName": "ann", "active": true,
                ENTERPRISE_USER: {"manager": {"value": manager.as_str()}},
            })),
            version: 3,
            event_version: 2,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::from_millisecond(1_700_000_000_120).unwrap(),
            groups: vec![GroupRef {
                id: GroupId::from_uuid(Uuid::from_u128(5)),
                external_id: None,
                display_name: "Staff".to_owned(),
            }],
        };
        let text = serde_json::to_string(&user(BASE, record, &Projection::default())).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","#,
                r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"#,
                r#""id":"usr_00000000000000000000000000000001","externalId":"e","userName":"ann","active":true,"#,
                r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":"#,
                r#"{"manager":{"value":"usr_00000000000000000000000000000002","#,
                r#""$ref":"https://r.example/scim/v2/dir_1/Users/usr_00000000000000000000000000000002"}},"#,
                r#""groups":[{"value":"grp_00000000000000000000000000000005","#,
                r#""$ref":"https://r.example/scim/v2/dir_1/Groups/grp_00000000000000000000000000000005","#,
                r#""display":"Staff","type":"direct"}],"#,
                r#""meta":{"resourceType":"User","created":"1970-01-01T00:00:00.000Z","#,
                r#""lastModified":"2023-11-14T22:13:20.120Z","#,
                r#""location":"https://r.example/scim/v2/dir_1/Users/usr_00000000000000000000000000000001","#,
                r#""version":"W/\"3\""}}"#,
            )
        );
    }

    #[test]
    fn a_group_with_members_known_and_unknown() {
        let record = GroupRecord {
            id: GroupId::from_uuid(Uuid::from_u128(5)),
            document: document(json!({"schemas": ["g"], "displayName": "Staff"})),
            version: 1,
            event_version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            member_count: 3,
        };
        let row = |value: &str, kind, display: Option<&str>| MemberRecord {
            value: value.to_owned(),
            kind,
            display: display.map(str::to_owned),
        };
        let members = vec![
            row("usr_1", MemberKind::User, Some("Ann")),
            row("grp_2", MemberKind::Group, None),
            row("x9", MemberKind::Pending, None),
        ];
        let seen = group(BASE, record.clone(), Some(members), &Projection::default());
        assert_eq!(
            seen["members"],
            json!([
                {"value": "usr_1", "$ref": format!("{BASE}/Users/usr_1"), "display": "Ann", "type": "User"},
                {"value": "grp_2", "$ref": format!("{BASE}/Groups/grp_2"), "type": "Group"},
                {"value": "x9"},
            ])
        );
        for none in [None, Some(Vec::new())] {
            assert_eq!(group(BASE, record.clone(), none, &Projection::default()).get("members"), None);
        }
    }
}
