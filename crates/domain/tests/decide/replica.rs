//! A consumer that knows the directory from its events alone, and checks what it was promised.

use std::collections::{BTreeMap, BTreeSet};

use rollcall_domain::{
    diff::apply,
    event::{Change, DecidedEvent},
};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct Replica {
    pub(crate) users: BTreeMap<String, Value>,
    pub(crate) groups: BTreeMap<String, Value>,
    /// Group, member.
    pub(crate) memberships: BTreeSet<(String, String)>,
    sequence: u64,
    versions: BTreeMap<String, u64>,
}

impl Replica {
    pub(crate) fn receive(&mut self, event: &DecidedEvent) {
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        self.sequence += 1;
        assert_eq!(body["sequence"], self.sequence, "gapless");
        let id = text(&body["subject"]["id"]);
        let version = self.versions.entry(id.clone()).or_default();
        *version += 1;
        assert_eq!(body["subject"]["version"], *version, "gapless for {id}");

        let data = body["data"].clone();
        let kind = body["type"].as_str().unwrap();
        assert_eq!(
            body.get("changes").is_some(),
            kind.ends_with("updated") || kind.contains(".re") || kind == "user.deactivated"
        );
        match kind {
            "user.created" => assert!(self.users.insert(id, data).is_none()),
            "user.updated" | "user.deactivated" | "user.reactivated" => {
                let old = self.users.insert(id.clone(), data).unwrap();
                follow(&old, &self.users[&id], &body["changes"]);
                let (before, after) = (old["active"].clone(), self.users[&id]["active"].clone());
                assert_eq!(kind == "user.deactivated", before == true && after == false);
                assert_eq!(kind == "user.reactivated", before == false && after == true);
            }
            "user.deleted" => {
                assert!(self.users.remove(&id).is_some());
                assert!(!self.memberships.iter().any(|(_, member)| *member == id));
            }
            "group.created" => assert!(self.groups.insert(id, data).is_none()),
            "group.updated" => {
                let old = self.groups.insert(id.clone(), data).unwrap();
                follow(&old, &self.groups[&id], &body["changes"]);
            }
            "group.deleted" => {
                assert!(self.groups.remove(&id).is_some());
                assert!(!self.memberships.iter().any(|(group, member)| *group == id || *member == id));
            }
            "group.member_added" | "group.member_removed" => {
                let group = text(&data["group"]["id"]);
                assert_eq!(event.group_id.as_ref().unwrap().as_str(), group);
                assert_eq!(data["group"]["display_name"], self.groups[&group]["display_name"]);
                match data.get("user") {
                    Some(user) => {
                        for field in ["id", "external_id", "user_name", "email", "active"] {
                            assert_eq!(user.get(field), self.users[&id].get(field));
                        }
                    }
                    None => {
                        assert_eq!(data["member_group"]["display_name"], self.groups[&id]["display_name"])
                    }
                }
                let pair = (group, id);
                if kind == "group.member_added" {
                    assert!(self.memberships.insert(pair));
                } else {
                    assert!(self.memberships.remove(&pair));
                }
            }
            "directory.deleted" => {
                self.users.clear();
                self.groups.clear();
                self.memberships.clear();
            }
            "directory.activated" | "directory.deactivated" => {}
            other => panic!("{other}"),
        }
    }
}

/// The old state with its changes applied is the new state.
fn follow(old: &Value, new: &Value, changes: &Value) {
    let changes: Vec<Change> = serde_json::from_value(changes.clone()).unwrap();
    assert!(!changes.is_empty());
    assert!(changes.is_sorted_by(|a, b| a.path < b.path));
    assert_eq!(comparable(&apply(old, &changes)), comparable(new));
    for change in &changes {
        if let Some(attribute) = change.path.strip_prefix("raw.").filter(|rest| !rest.starts_with("urn:")) {
            assert_eq!(new["raw"].get(attribute), change.to.as_ref());
            assert_eq!(old["raw"].get(attribute), change.from.as_ref());
        }
    }
}

/// Without what has no changes of its own: memberships have their events, times move with the rest,
/// `raw` repeats it, a manager's names are those of the day, and the order of values means nothing.
pub(crate) fn comparable(data: &Value) -> Value {
    let mut data = data.clone();
    let object = data.as_object_mut().unwrap();
    for field in ["groups", "updated_at", "raw"] {
        object.remove(field);
    }
    if let Some(id) = object.get("manager").map(|manager| manager["id"].clone()) {
        object.insert("manager".into(), json!({"id": id}));
    }
    for array in object.values_mut().filter_map(Value::as_array_mut) {
        array.sort_by_key(Value::to_string);
    }
    data
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
