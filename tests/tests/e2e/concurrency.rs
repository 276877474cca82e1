//! Many at once: uniqueness, isolation of directories, and no lost update.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use rollcall_tests::{
    event::Event,
    provider::{Provider, user_body},
    receiver::checker::{Rules, judge_hook},
};
use serde_json::json;

use crate::PROFILE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_32_who_take_one_name_one_gets_it() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    let answers = join_all((0..32).map(|n| {
        let dir = dir.clone();
        // The name's case does not count.
        let name = if n % 2 == 0 { "the.one" } else { "The.One" };
        async move { dir.post("/Users", &user_body(name)).await }
    }))
    .await;
    let made = answers.iter().filter(|a| a.status == 201).count();
    for answer in answers.into_iter().filter(|a| a.status != 201) {
        assert_eq!(answer.expect_scim_error(409)["scimType"], "uniqueness");
    }
    assert_eq!(made, 1);
    assert_eq!(dir.total("/Users").await, 1);
    let created = world.owner.events(&dir.directory).await;
    assert_eq!(created.iter().filter(|e| e.kind() == "user.created").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_directories_filled_at_once_do_not_mix() {
    const EACH: usize = 150;
    let world = PROFILE.world().await;
    let other = world.owner.organization("globex").await;
    let directories = [world.directory("entra_id").await, world.owner.directory(&other, "okta").await];
    world.subscribe_to("first", &directories[0]).await;
    world.subscribe("second", json!({"organization_id": other})).await;
    let fill = |dir: Provider, mark: &'static str, worker: usize| async move {
        for n in (worker..EACH).step_by(8) {
            let mut body = user_body(&format!("user{n}"));
            body["title"] = json!(mark);
            let id = dir.post("/Users", &body).await.expect(201).text("id");
            dir.set(&id, "nickName", json!(mark)).await.expect(200);
        }
    };
    // The same names on both sides, from 16 connections.
    let workers = (0..8).flat_map(|worker| {
        [fill(directories[0].clone(), "acme", worker), fill(directories[1].clone(), "globex", worker)]
    });
    join_all(workers).await;

    for (dir, mark, hook) in [(&directories[0], "acme", "first"), (&directories[1], "globex", "second")] {
        assert_eq!(dir.total("/Users").await, EACH as u64);
        assert_eq!(dir.total(&format!("/Users?filter=title%20eq%20%22{mark}%22")).await, EACH as u64);
        let users = world.owner.list("/users", &format!("?directory_id={}", dir.directory), 100).await;
        assert_eq!(users.len(), EACH);
        assert!(users.iter().all(|u| u["title"] == mark), "{mark}");
        let log = world.drained(hook, dir).await;
        for event in &log {
            assert_eq!(event.directory(), dir.directory);
            if event.is_about_resources() {
                assert_eq!(event.0["data"]["title"], mark, "{event:?}");
            }
        }
        assert!(log.iter().map(Event::sequence).eq(1..=log.len() as u64), "{mark}: gapless");
        judge_hook(&world.receiver.attempts(), hook, &Rules { complete: true, ..Rules::default() })
            .assert_clean();
        for attempt in world.receiver.attempts_at(hook) {
            assert_eq!(attempt.event().directory(), dir.directory);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_who_join_one_group_at_once_all_join() {
    let world = PROFILE.world().await;
    let dir = world.directory("entra_id").await;
    world.subscribe_to("app", &dir).await;
    let users: Vec<String> = join_all((0..50).map(|n| {
        let dir = dir.clone();
        async move { dir.user(&format!("u{n}")).await }
    }))
    .await;
    let group = dir.group("all", &[]).await;
    let answers = join_all(users.iter().map(|user| dir.add_member(&group, user))).await;
    assert!(answers.iter().all(|a| a.status == 200), "{}", answers[0]);
    let members: BTreeSet<String> = dir.members(&group).await.into_iter().collect();
    assert_eq!(members, users.iter().cloned().collect());
    let log = world.drained("app", &dir).await;
    let added: BTreeSet<&str> =
        log.iter().filter(|e| e.kind() == "group.member_added").map(Event::subject).collect();
    assert_eq!(added.len(), 50);
    assert_eq!(log.iter().filter(|e| e.kind() == "group.member_added").count(), 50);
    judge_hook(&world.receiver.attempts(), "app", &Rules { complete: true, ..Rules::default() })
        .assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_one_person_at_once_are_all_kept() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    let user = dir.user("busy").await;
    let fields = ["title", "nickName", "userType", "locale", "timezone", "preferredLanguage", "displayName"];
    let values = ["v1", "v2", "v3", "en-GB", "Europe/Paris", "fr", "v7"];
    let answers =
        join_all(fields.iter().zip(values).map(|(field, value)| dir.set(&user, field, json!(value)))).await;
    assert!(answers.iter().all(|a| a.status == 200));
    let stored = dir.get(&format!("/Users/{user}")).await.expect(200);
    for (field, value) in fields.iter().zip(values) {
        assert_eq!(stored[*field], value, "{stored}");
    }
    let events = world.owner.events(&dir.directory).await;
    assert_eq!(events.iter().filter(|e| e.kind() == "user.updated").count(), fields.len());
    // A version that is no longer the current one is refused.
    let path = format!("/Users/{user}");
    let etag = stored.header("etag").to_owned();
    assert!(!etag.is_empty(), "{stored}");
    dir.set(&user, "title", json!("newer")).await.expect(200);
    let body = user_body("busy").to_string();
    let headers = [("if-match", etag.as_str()), ("content-type", "application/scim+json")];
    dir.client.send("PUT", &path, &headers, Some(body.into())).await.expect_scim_error(412);
}
