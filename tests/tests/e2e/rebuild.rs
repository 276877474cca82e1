//! Provable completeness: whoever replays a directory's events from the first has the directory.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall_tests::{event::Event, provider::ENTERPRISE};
use serde_json::{Value, json};

use crate::PROFILE;

/// What a consumer keeps.
#[derive(Default)]
struct Copy {
    users: BTreeMap<String, Value>,
    groups: BTreeMap<String, Value>,
    members: BTreeSet<(String, String)>,
}

impl Copy {
    fn apply(&mut self, event: &Event) {
        let data = event.0["data"].clone();
        let subject = event.subject().to_owned();
        match event.kind() {
            "user.created" | "user.updated" | "user.deactivated" | "user.reactivated" => {
                if event.kind() == "user.created" {
                    assert!(!self.users.contains_key(&subject), "made twice: {event:?}");
                }
                self.users.insert(subject, data);
            }
            "user.deleted" => {
                assert!(self.users.remove(&subject).is_some(), "never made: {event:?}");
                assert!(!self.members.iter().any(|(_, user)| *user == subject), "still a member: {event:?}");
            }
            "group.created" | "group.updated" => {
                self.groups.insert(subject, data);
            }
            "group.deleted" => {
                assert!(self.groups.remove(&subject).is_some(), "never made: {event:?}");
                assert!(!self.members.iter().any(|(group, _)| *group == subject), "has members: {event:?}");
            }
            "group.member_added" => {
                let group = event.group().expect("it names its group").to_owned();
                assert!(self.groups.contains_key(&group), "no such group yet: {event:?}");
                assert!(self.users.contains_key(&subject), "no such user yet: {event:?}");
                assert!(self.members.insert((group, subject)), "added twice: {event:?}");
            }
            "group.member_removed" => {
                let group = event.group().expect("it names its group").to_owned();
                assert!(self.members.remove(&(group, subject)), "was no member: {event:?}");
            }
            _ => {}
        }
    }
}

/// A projection without what memberships and the clock alone move.
fn core(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        for key in [
            "groups",
            "roles",
            "permissions",
            "updated_at",
            "created_at",
            "directory_id",
            "organization_id",
            "version",
            "member_count",
        ] {
            object.remove(key);
        }
        if let Some(raw) = object.get_mut("raw").and_then(Value::as_object_mut) {
            raw.remove("meta");
            raw.remove("groups");
        }
    }
    value
}

fn pick<'a, T>(random: &mut StdRng, from: &'a [T]) -> Option<&'a T> {
    (!from.is_empty()).then(|| &from[random.random_range(0..from.len())])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_alone_rebuild_the_directory() {
    const SEED: u64 = 20_261_124;
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    let mut random = StdRng::seed_from_u64(SEED);
    let (mut users, mut groups): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for step in 0..600 {
        match random.random_range(0..100) {
            0..18 => {
                let mut body = rollcall_tests::provider::user_body(&format!("user{step}"));
                body["externalId"] = json!(format!("ext{step}"));
                body[ENTERPRISE] = json!({"department": format!("d{}", step % 5)});
                users.push(dir.post("/Users", &body).await.expect(201).text("id"));
            }
            18..24 => groups.push(dir.group(&format!("group{step}"), &[]).await),
            24..44 => {
                let Some(user) = pick(&mut random, &users) else { continue };
                let path = *pick(&mut random, &["title", "nickName", "displayName", "name.familyName"])
                    .expect("some");
                dir.set(user, path, json!(format!("v{}", step % 7))).await.expect(200);
            }
            44..54 => {
                let Some(user) = pick(&mut random, &users) else { continue };
                let active = random.random_bool(0.5);
                dir.set(user, "active", json!(active)).await.expect(200);
            }
            54..74 => {
                let (Some(user), Some(group)) = (pick(&mut random, &users), pick(&mut random, &groups))
                else {
                    continue;
                };
                dir.add_member(group, user).await.expect(200);
            }
            74..84 => {
                let (Some(user), Some(group)) = (pick(&mut random, &users), pick(&mut random, &groups))
                else {
                    continue;
                };
                dir.remove_member(group, user).await.expect(200);
            }
            84..88 => {
                let Some(group) = pick(&mut random, &groups) else { continue };
                let members: Vec<Value> =
                    users.iter().filter(|_| random.random_bool(0.3)).map(|id| json!({"value": id})).collect();
                let body = json!({"displayName": format!("renamed{step}"), "members": members});
                dir.put(&format!("/Groups/{group}"), &body).await.expect(200);
            }
            88..92 => {
                let Some(group) = pick(&mut random, &groups) else { continue };
                let operations =
                    json!([{"op": "replace", "path": "displayName", "value": format!("g{step}")}]);
                dir.patch(&format!("/Groups/{group}"), operations).await.expect(200);
            }
            92..97 if !users.is_empty() => {
                let user = users.swap_remove(random.random_range(0..users.len()));
                dir.delete(&format!("/Users/{user}")).await.expect(204);
            }
            97..100 if !groups.is_empty() => {
                let group = groups.swap_remove(random.random_range(0..groups.len()));
                dir.delete(&format!("/Groups/{group}")).await.expect(204);
            }
            _ => {}
        }
    }
    let events = world.owner.events(&dir.directory).await;
    assert!(events.iter().map(Event::sequence).eq(1..=events.len() as u64), "no gap in {}", events.len());
    let mut copy = Copy::default();
    for event in &events {
        copy.apply(event);
    }

    let listed = |rows: Vec<Value>| -> BTreeMap<String, Value> {
        rows.iter().map(|row| (row["id"].as_str().unwrap_or_default().to_owned(), core(row))).collect()
    };
    let query = format!("?directory_id={}", dir.directory);
    let shown_users = listed(world.owner.list("/users", &query, 100).await);
    let copied: BTreeMap<String, Value> =
        copy.users.iter().map(|(id, data)| (id.clone(), core(data))).collect();
    assert_eq!(copied.keys().collect::<Vec<_>>(), shown_users.keys().collect::<Vec<_>>(), "seed {SEED}");
    for (id, data) in &copied {
        assert_eq!(data, &shown_users[id], "user {id}, seed {SEED}");
    }
    let shown_groups = listed(world.owner.list("/groups", &query, 100).await);
    let copied: BTreeMap<String, Value> =
        copy.groups.iter().map(|(id, data)| (id.clone(), core(data))).collect();
    assert_eq!(copied.keys().collect::<Vec<_>>(), shown_groups.keys().collect::<Vec<_>>(), "seed {SEED}");
    for (id, data) in &copied {
        assert_eq!(data, &shown_groups[id], "group {id}, seed {SEED}");
    }
    let mut shown_members = BTreeSet::new();
    for group in shown_groups.keys() {
        for user in dir.members(group).await {
            shown_members.insert((group.clone(), user));
        }
        let count = world.owner.list(&format!("/groups/{group}/members"), "", 100).await.len();
        assert_eq!(count, copy.members.iter().filter(|(g, _)| g == group).count(), "{group}");
    }
    assert_eq!(copy.members, shown_members, "seed {SEED}");
}
