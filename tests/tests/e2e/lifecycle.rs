//! Start, stop, restart, and what an operator sees of it.

use std::time::Duration;

use rollcall_tests::{
    http,
    receiver::{
        Reply,
        checker::{Rules, judge_hook},
    },
    server::parse_ready,
    wait::SOON,
};
use serde_json::json;

use crate::PROFILE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_is_said_in_one_line_when_it_is_true() {
    let mut server = PROFILE.server();
    let ready = format!("{}/readyz", server.private.get());
    assert_eq!(http::get(&ready).await, Some(200));
    assert_eq!(http::get(&format!("{}/healthz", server.private.get())).await, Some(200));
    assert_eq!(http::get(&format!("{}/metrics", server.private.get())).await, Some(200));
    // The private listener alone says so.
    assert_ne!(http::get(&format!("{}/metrics", server.public.get())).await, Some(200));
    let lines: Vec<String> = server.stdout().lines().map(str::to_owned).collect();
    assert_eq!(lines.iter().filter(|l| parse_ready(l).is_some()).count(), 1, "{lines:?}");
    server.stop();
    assert_eq!(http::get(&ready).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_everything() {
    let mut world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    world.subscribe_to("app", &dir).await;
    world.receiver.always("app", Reply::Status(503));
    let user = dir.user("ada").await;
    let group = dir.group("Engineers", &[&user]).await;
    let before = (
        dir.get("/Users").await.expect(200)["totalResults"].clone(),
        dir.members(&group).await,
        world.owner.events(&dir.directory).await,
        world.owner.list("/endpoints", "", 10).await.len(),
    );
    world.receiver.wait_until("an attempt", SOON, |log| !log.is_empty()).await;
    world.server.stop();
    world.receiver.next_epoch();
    world.receiver.recover("app");
    world.server.launch();
    let after = (
        dir.get("/Users").await.expect(200)["totalResults"].clone(),
        dir.members(&group).await,
        world.owner.events(&dir.directory).await,
        world.owner.list("/endpoints", "", 10).await.len(),
    );
    assert_eq!(before, after);
    dir.set(&user, "title", json!("later")).await.expect(200);
    // What was not delivered before is delivered after.
    world.drained("app", &dir).await;
    judge_hook(&world.receiver.attempts(), "app", &Rules { complete: true, ..Rules::default() })
        .assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_delivered_is_not_delivered_again_after_a_clean_stop() {
    let mut world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    world.subscribe_to("app", &dir).await;
    for n in 0..30 {
        dir.user(&format!("user{n}")).await;
    }
    world.drained("app", &dir).await;
    world.server.stop();
    world.receiver.next_epoch();
    world.server.launch();
    dir.user("after").await;
    world.drained("app", &dir).await;
    let verdict =
        judge_hook(&world.receiver.attempts(), "app", &Rules { complete: true, ..Rules::default() });
    verdict.assert_clean();
    assert_eq!(verdict.duplicates, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_finishes_what_is_in_flight() {
    let mut world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    world.subscribe_to("app", &dir).await;
    world.receiver.always("app", Reply::Slow(Duration::from_millis(700), 200));
    dir.user("ada").await;
    world.receiver.wait_until("an attempt on its way", SOON, |log| !log.is_empty()).await;
    world.server.stop();
    let attempts = world.receiver.attempts_at("app");
    world.receiver.next_epoch();
    world.receiver.recover("app");
    world.server.launch();
    dir.user("bob").await;
    world.drained("app", &dir).await;
    let verdict =
        judge_hook(&world.receiver.attempts(), "app", &Rules { complete: true, ..Rules::default() });
    verdict.assert_clean();
    assert_eq!(verdict.duplicates, 0, "the {} attempts in flight were waited for", attempts.len());
}
