//! The product's path: a SCIM write becomes an event becomes a signed webhook.

use rollcall_tests::{
    event::{Event, kinds},
    provider::{ENTERPRISE, USER, user_body},
    receiver::checker::{Rules, judge_hook},
};
use serde_json::json;

use crate::PROFILE;

fn complete() -> Rules {
    Rules { complete: true, ..Rules::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_life_arrives_as_signed_webhooks_in_order() {
    let world = PROFILE.world().await;
    let entra = world.directory("entra_id").await;
    world.subscribe_to("app", &entra).await;

    let user = entra.user("ada").await;
    let group = entra.group("Engineers", &[]).await;
    entra.add_member(&group, &user).await.expect(200);
    entra.set(&user, "title", json!("Countess")).await.expect(200);
    entra.set(&user, "active", json!("False")).await.expect(200);
    entra.set(&user, "active", json!(true)).await.expect(200);
    entra
        .patch(&format!("/Groups/{group}"), json!([{"op": "replace", "path": "displayName", "value": "Eng"}]))
        .await
        .expect(200);
    entra.remove_member(&group, &user).await.expect(200);
    entra.delete(&format!("/Users/{user}")).await.expect(204);
    entra.delete(&format!("/Groups/{group}")).await.expect(204);

    let log = world.drained("app", &entra).await;
    let resources: Vec<Event> = log.iter().filter(|e| e.is_about_resources()).cloned().collect();
    assert_eq!(
        kinds(&resources),
        [
            "user.created",
            "group.created",
            "group.member_added",
            "user.updated",
            "user.deactivated",
            "user.reactivated",
            "group.updated",
            "group.member_removed",
            "user.deleted",
            "group.deleted",
        ]
    );
    for (index, event) in log.iter().enumerate() {
        assert_eq!(event.sequence(), index as u64 + 1, "gapless from 1");
        assert_eq!(event.0["organization_id"], world.organization);
        assert_eq!(event.directory(), entra.directory);
    }
    // The webhook's body is the log's entry, and the official library has verified each.
    for attempt in world.receiver.attempts_at("app") {
        assert_eq!(attempt.verified, Ok(()));
        assert_eq!(attempt.header("content-type"), "application/json");
        assert!(attempt.header("user-agent").starts_with("Rollcall/"), "{:?}", attempt.headers);
        assert!(attempt.header("webhook-timestamp").parse::<u64>().is_ok());
        let event = attempt.event();
        assert_eq!(attempt.webhook_id(), event.id());
        assert!(log.contains(&event), "{event:?}");
    }
    let verdict = judge_hook(&world.receiver.attempts(), "app", &complete());
    verdict.assert_clean();
    assert_eq!((verdict.events, verdict.duplicates), (log.len(), 0));

    let of = |subject: &str| -> Vec<u64> {
        resources.iter().filter(|e| e.subject() == subject).map(Event::version).collect()
    };
    assert_eq!(of(&user), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(of(&group), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_says_who_what_changed_and_why() {
    let world = PROFILE.world().await;
    let okta = world.directory("okta").await;
    let mut body = user_body("grace");
    body["externalId"] = json!("00u1");
    body["title"] = json!("Ensign");
    body[ENTERPRISE] = json!({"department": "Navy", "employeeNumber": "7"});
    let user = okta.post("/Users", &body).await.expect(201).text("id");
    let answer = okta
        .patch(
            &format!("/Users/{user}"),
            json!([
                {"op": "replace", "path": "title", "value": "Admiral"},
                {"op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Data"},
                {"op": "replace", "path": "name.familyName", "value": "Hopper"},
            ]),
        )
        .await
        .expect(200);
    assert_eq!(answer["title"], "Admiral");
    let events = world.owner.events(&okta.directory).await;
    let created = events.iter().find(|e| e.kind() == "user.created").expect("it was made");
    let data = &created.0["data"];
    for (pointer, value) in [
        ("/id", user.as_str()),
        ("/external_id", "00u1"),
        ("/user_name", "grace"),
        ("/email", "grace@example.com"),
        ("/name/given_name", "Test"),
        ("/title", "Ensign"),
        ("/department", "Navy"),
        ("/employee_number", "7"),
    ] {
        assert_eq!(data.pointer(pointer).and_then(|v| v.as_str()), Some(value), "{pointer} in {data}");
    }
    assert_eq!(data["active"], true);
    assert!(data.get("manager").is_none_or(|m| !m.is_null()), "absent is absent, not null: {data}");
    assert_eq!(data["raw"]["userName"], "grace");
    assert_eq!(created.0["cause"]["method"], "POST");

    let updated = events.iter().find(|e| e.kind() == "user.updated").expect("it was changed");
    assert_eq!(updated.0["cause"]["provider"], "okta");
    assert_eq!(updated.0["cause"]["method"], "PATCH");
    assert!(
        updated.0["cause"]["request_id"].as_str().is_some_and(|id| id.starts_with("req_")),
        "{updated:?}"
    );
    assert_eq!(updated.changed_paths(), ["department", "name.family_name", "title"]);
    assert_eq!(updated.change("title"), Some(&json!({"path": "title", "from": "Ensign", "to": "Admiral"})));
    assert_eq!(updated.0["subject"], json!({"type": "user", "id": user, "version": 2}));
    assert!(updated.0["timestamp"].as_str().is_some_and(|t| t.ends_with('Z')), "{updated:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_nothing_gives_nothing() {
    let world = PROFILE.world().await;
    let entra = world.directory("entra_id").await;
    let user = entra.user("same").await;
    let group = entra.group("Same", &[&user]).await;
    let path = format!("/Users/{user}");
    let before = entra.get(&path).await.expect(200);
    let events = world.owner.events(&entra.directory).await;

    entra.put(&path, &user_body("same")).await.expect(200);
    entra.set(&user, "userName", json!("same")).await.expect(200);
    entra.set(&user, "active", json!("True")).await.expect(200);
    entra.patch(&path, json!([{"op": "remove", "path": "nickName"}])).await.expect(200);
    entra
        .patch(&path, json!([{"op": "add", "path": "emails", "value": [{"value": "same@example.com", "type": "work", "primary": true}]}]))
        .await
        .expect(200);
    entra.add_member(&group, &user).await.expect(200);
    let mut refused = user_body("same");
    refused["externalId"] = json!("x");
    entra.post("/Users", &refused).await.expect_scim_error(409);

    let after = entra.get(&path).await.expect(200);
    assert_eq!(before["meta"], after["meta"], "version and lastModified stay");
    assert_eq!(world.owner.events(&entra.directory).await, events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deactivating_reactivating_and_deleting_are_told_apart_whatever_the_verb() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    let user = dir.user("kim").await;
    let path = format!("/Users/{user}");
    let mut body = user_body("kim");
    // By PUT, together with another change: one event, the stronger one, with both changes.
    body["active"] = json!(false);
    body["title"] = json!("Leaving");
    dir.put(&path, &body).await.expect(200);
    // By a path-less PATCH.
    dir.patch(&path, json!([{"op": "Replace", "value": {"active": "True"}}])).await.expect(200);
    // A PUT that does not speak of `active` leaves it as it is.
    dir.set(&user, "active", json!(false)).await.expect(200);
    body.as_object_mut().expect("it is an object").remove("active");
    body["title"] = json!("Left");
    let answer = dir.put(&path, &body).await.expect(200);
    assert_eq!(answer["active"], false, "{answer}");
    dir.delete(&path).await.expect(204);
    dir.get(&path).await.expect_scim_error(404);
    assert_eq!(dir.total("/Users").await, 0);
    // The name is free, for somebody else.
    assert_ne!(dir.user("kim").await, user);

    let events = world.owner.events(&dir.directory).await;
    let events: Vec<Event> = events.into_iter().filter(|e| e.subject() == user).collect();
    assert_eq!(
        kinds(&events),
        [
            "user.created",
            "user.deactivated",
            "user.reactivated",
            "user.deactivated",
            "user.updated",
            "user.deleted"
        ]
    );
    assert_eq!(events[1].changed_paths(), ["active", "title"]);
    assert_eq!(events[5].0["data"]["title"], "Left", "the last state");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_person_or_a_group_ends_the_memberships_first() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    let (ann, bob) = (dir.user("ann").await, dir.user("bob").await);
    let (red, blue) = (dir.group("red", &[&ann, &bob]).await, dir.group("blue", &[&ann]).await);
    let before = world.owner.events(&dir.directory).await.len();
    dir.delete(&format!("/Users/{ann}")).await.expect(204);
    dir.delete(&format!("/Groups/{red}")).await.expect(204);
    let events = world.owner.events(&dir.directory).await.split_off(before);
    assert_eq!(
        kinds(&events),
        [
            "group.member_removed",
            "group.member_removed",
            "user.deleted",
            "group.member_removed",
            "group.deleted"
        ]
    );
    assert_eq!(events[3].subject(), bob);
    assert_eq!(events[3].group(), Some(red.as_str()));
    assert!(dir.members(&blue).await.is_empty());
    // Asked for by subject, a membership is found under the person and under the group.
    for subject in [&ann, &red] {
        let found = world.owner.list("/events", &format!("?subject_id={subject}"), 100).await;
        let found: Vec<Event> = found.into_iter().map(Event).collect();
        assert!(kinds(&found).contains(&"group.member_added"), "{subject}: {:?}", kinds(&found));
        assert!(kinds(&found).contains(&"group.member_removed"), "{subject}: {:?}", kinds(&found));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_reaches_no_file_no_webhook_and_no_log() {
    const SECRETS: [&str; 4] = ["Sw0rdfish-post", "Sw0rdfish-put", "Sw0rdfish-patch", "Sw0rdfish-bad"];
    let mut world = PROFILE
        .world_with(
            rollcall_tests::server::Options::default().env("RUST_LOG", "trace").env("ROLLCALL_LOG", "trace"),
        )
        .await;
    let dir = world.directory("okta").await;
    world.subscribe_to("app", &dir).await;
    let mut body = user_body("pat");
    body["password"] = json!(SECRETS[0]);
    let answer = dir.post("/Users", &body).await.expect(201);
    assert!(answer.json().get("password").is_none(), "{answer}");
    let path = format!("/Users/{}", answer.text("id"));
    body["password"] = json!(SECRETS[1]);
    body["title"] = json!("changed");
    dir.put(&path, &body).await.expect(200);
    dir.patch(&path, json!([{"op": "replace", "path": "password", "value": SECRETS[2]}, {"op": "replace", "path": "title", "value": "again"}]))
        .await
        .expect(200);
    let answer = dir.get(&path).await.expect(200);
    assert!(answer.json().get("password").is_none(), "{answer}");
    // Refused requests and unreadable ones are not kept either.
    let mut taken = json!({"schemas": [USER], "userName": "pat", "password": SECRETS[3]});
    dir.post("/Users", &taken).await.expect_scim_error(409);
    taken["userName"] = json!(7);
    dir.post("/Users", &taken).await;
    dir.post_bytes("/Users", format!("{{\"password\":\"{}\",", SECRETS[3])).await.expect_scim_error(400);
    let filter = format!("/Users?filter=password%20eq%20%22{}%22", SECRETS[3]);
    assert!(dir.get(&filter).await.status >= 400);

    let log = world.drained("app", &dir).await;
    assert!(log.len() >= 3);
    world.server.stop();
    let mut places: Vec<(String, Vec<u8>)> =
        vec![("standard error".to_owned(), world.server.stderr().into_bytes())];
    for attempt in world.receiver.attempts() {
        places.push((format!("webhook {}", attempt.number), attempt.body.to_vec()));
    }
    for event in &log {
        places.push(("event".to_owned(), event.0.to_string().into_bytes()));
    }
    let kept = PROFILE.kept(&mut world.server);
    assert!(kept.iter().any(|(_, bytes)| !bytes.is_empty()), "something is kept");
    places.extend(kept);
    for (place, bytes) in places {
        for secret in SECRETS {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {place}");
        }
        if place.starts_with("webhook") || place == "event" {
            assert!(!String::from_utf8_lossy(&bytes).to_lowercase().contains("\"password\""), "{place}");
        }
    }
}
