//! Delivery: retries, failure scopes, dead letters, pausing, isolation, egress and secrets.

use std::{collections::BTreeSet, time::Duration};

use rollcall_tests::{
    event::{Event, kinds},
    receiver::{
        Reply,
        checker::{Rules, judge_hook},
        signature,
    },
    server::Options,
    wait::{SOON, eventually},
    world::{Endpoint, World},
};
use serde_json::json;

use crate::PROFILE;

/// A schedule of many quick attempts.
fn quick() -> serde_json::Value {
    json!({"retry_schedule": [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]})
}

async fn state_of(world: &World, endpoint: &Endpoint) -> String {
    world.owner.endpoint(&endpoint.id).await.text("state")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_receiver_gets_everything_in_the_end_in_order() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let mut more = quick();
    more["directory_id"] = json!(dir.directory);
    world.subscribe("app", more).await;
    world.receiver.plan("app", |attempt| match attempt.number {
        1 => Reply::Status(500),
        2 => Reply::RetryAfter(503, 1),
        3 => Reply::Drop,
        _ => Reply::Status(200),
    });
    let user = dir.user("ada").await;
    for n in 0..5 {
        dir.set(&user, "title", json!(format!("title {n}"))).await.expect(200);
    }
    let events = world.accepted("app", 6).await;
    assert_eq!(events.iter().map(Event::version).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let attempts = world.receiver.attempts_at("app");
    judge_hook(&attempts, "app", &Rules { complete: true, ..Rules::default() }).assert_clean();
    // The same event under the same id until it is accepted, with a fresh signature each time.
    assert!(attempts[..4].iter().all(|a| a.webhook_id() == attempts[0].webhook_id()));
    assert!(attempts[..4].iter().all(|a| a.body == attempts[0].body));
    // `Retry-After: 1` is at least a second (the clock of the two sides is the same).
    let gap = attempts[2].at.duration_since(attempts[1].at);
    assert!(gap >= Duration::from_millis(950), "Retry-After was not honoured: {gap:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_poisoned_person_holds_up_nobody_else() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let endpoint =
        world.subscribe("app", json!({"directory_id": dir.directory, "retry_schedule": [0, 0, 1]})).await;
    let poison = dir.user("poison").await;
    world.drained("app", &dir).await;
    let marked = poison.clone();
    world.receiver.plan("app", move |attempt| {
        let event = attempt.event();
        if event.subject() == marked && event.0["data"]["title"] == "poison" {
            Reply::Status(400)
        } else {
            Reply::Status(200)
        }
    });
    dir.set(&poison, "title", json!("poison")).await.expect(200);
    dir.set(&poison, "title", json!("cured")).await.expect(200);
    let group = dir.group("Others", &[]).await;
    for n in 0..10 {
        let other = dir.user(&format!("other{n}")).await;
        dir.add_member(&group, &other).await.expect(200);
    }
    world
        .receiver
        .wait_until("the others", SOON, |log| {
            log.iter().filter(|a| a.accepted() && a.event().kind() == "group.member_added").count() == 10
        })
        .await;
    // After its last attempt the event is a dead letter, and its subject goes on.
    let subject = poison.clone();
    world
        .receiver
        .wait_until("what came after the poison", SOON, move |log| {
            log.iter().any(|a| a.accepted() && a.event().subject() == subject && a.event().version() == 3)
        })
        .await;
    let dead = eventually("the dead letter", SOON, || async {
        let list =
            world.owner.list("/deliveries", &format!("?endpoint_id={}&status=dead", endpoint.id), 100).await;
        (list.len() == 1).then(|| list[0].clone())
    })
    .await;
    let event = dead["event_id"].as_str().expect("it names its event").to_owned();
    let attempts = world.receiver.attempts_at("app");
    assert_eq!(attempts.iter().filter(|a| a.webhook_id() == event).count(), 3, "as many as the schedule has");
    let excused = BTreeSet::from([event.clone()]);
    judge_hook(
        &attempts,
        "app",
        &Rules { complete: true, excused: excused.into_iter().collect(), ..Rules::default() },
    )
    .assert_clean();
    assert_eq!(state_of(&world, &endpoint).await, "active");

    // It can be sent again by hand.
    let delivery = world
        .owner
        .get(&format!("/deliveries/{}", dead["id"].as_str().expect("it has an id")))
        .await
        .expect(200);
    assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(3), "{delivery}");
    world.receiver.recover("app");
    let resent = world.owner.post(&format!("/deliveries/{}/resend", delivery.text("id")), json!({})).await;
    assert!([200, 202].contains(&resent.status), "{resent}");
    let wanted = event.clone();
    world
        .receiver
        .wait_until("the dead letter, sent again", SOON, move |log| {
            log.iter().any(|a| a.accepted() && a.webhook_id() == wanted)
        })
        .await;
    eventually("no dead letter", SOON, || async {
        let list =
            world.owner.list("/deliveries", &format!("?endpoint_id={}&status=dead", endpoint.id), 100).await;
        list.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_disables_and_nothing_is_lost() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let endpoint = world.subscribe_to("app", &dir).await;
    world.receiver.always("app", Reply::Status(410));
    dir.user("first").await;
    eventually("the endpoint is disabled", SOON, || async {
        (state_of(&world, &endpoint).await == "disabled").then_some(())
    })
    .await;
    let attempts = world.receiver.count("app");
    dir.user("second").await;
    world.receiver.recover("app");
    let resumed = world.owner.post(&format!("/endpoints/{}/resume", endpoint.id), json!({})).await;
    assert!([200, 202].contains(&resumed.status), "{resumed}");
    let log = world.drained("app", &dir).await;
    judge_hook(&world.receiver.attempts(), "app", &Rules { complete: true, ..Rules::default() })
        .assert_clean();
    assert!(world.receiver.count("app") >= attempts + log.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_endpoint_goes_on_in_order() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let endpoint = world.subscribe_to("app", &dir).await;
    let user = dir.user("ada").await;
    world.drained("app", &dir).await;
    let paused = world.owner.post(&format!("/endpoints/{}/pause", endpoint.id), json!({})).await;
    assert!([200, 202].contains(&paused.status), "{paused}");
    assert_eq!(state_of(&world, &endpoint).await, "paused");
    let before = world.receiver.count("app");
    // Another endpoint shows when the paused one would have been served.
    world.subscribe_to("witness", &dir).await;
    for n in 0..20 {
        dir.set(&user, "title", json!(format!("title {n}"))).await.expect(200);
    }
    world.accepted("witness", 20).await;
    assert_eq!(world.receiver.count("app"), before, "nothing is sent while it is paused");
    let lag = world.owner.endpoint(&endpoint.id).await;
    assert!(lag.json().get("lag").is_some(), "{lag}");
    world.owner.post(&format!("/endpoints/{}/resume", endpoint.id), json!({})).await;
    world.drained("app", &dir).await;
    let verdict =
        judge_hook(&world.receiver.attempts(), "app", &Rules { complete: true, ..Rules::default() });
    verdict.assert_clean();
    assert_eq!(verdict.duplicates, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_begins_after_the_newest_event_and_has_no_gap_from_there() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let user = dir.user("early").await;
    world.subscribe_to("late", &dir).await;
    let first = world.owner.events(&dir.directory).await.len() as u64 + 1;
    for n in 0..10 {
        dir.set(&user, "title", json!(format!("title {n}"))).await.expect(200);
    }
    let events = world.accepted("late", 10).await;
    let sequences: Vec<u64> = events.iter().map(Event::sequence).collect();
    assert_eq!(sequences, (first..first + 10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_types_that_were_asked_for_arrive() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    world.subscribe("some", json!({"event_types": ["user.deactivated", "user.deleted"]})).await;
    let made = world.subscribe("patched", json!({})).await;
    let changed =
        world.owner.patch(&format!("/endpoints/{}", made.id), json!({"event_types": ["user.deleted"]})).await;
    changed.expect(200);
    let user = dir.user("ada").await;
    dir.set(&user, "active", json!(false)).await.expect(200);
    dir.delete(&format!("/Users/{user}")).await.expect(204);
    assert_eq!(kinds(&world.accepted("some", 2).await), ["user.deactivated", "user.deleted"]);
    assert_eq!(kinds(&world.accepted("patched", 1).await), ["user.deleted"]);
    assert_eq!((world.receiver.count("some"), world.receiver.count("patched")), (2, 1));
    // A deleted endpoint hears no more.
    world.owner.delete(&format!("/endpoints/{}", made.id)).await.expect(204);
    world.owner.get(&format!("/endpoints/{}", made.id)).await.expect_problem(404);
    let user = dir.user("bob").await;
    dir.delete(&format!("/Users/{user}")).await.expect(204);
    world.accepted("some", 3).await;
    assert_eq!(world.receiver.count("patched"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_event_can_be_sent() {
    let world = PROFILE.world().await;
    let endpoint = world.subscribe("app", json!({"headers": {"x-tenant": "acme"}})).await;
    let sent = world.owner.post(&format!("/endpoints/{}/test", endpoint.id), json!({})).await;
    assert!([200, 202].contains(&sent.status), "{sent}");
    world.receiver.wait_until("the test event", SOON, |log| log.iter().any(|a| a.accepted())).await;
    let attempts = world.receiver.attempts_at("app");
    assert_eq!(attempts[0].verified, Ok(()));
    assert_eq!(attempts[0].header("x-tenant"), "acme", "the endpoint's own headers are sent along");
    assert_eq!(attempts[0].webhook_id(), attempts[0].event().id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_endpoint_delays_no_healthy_one() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    for n in 0..5 {
        world.receiver.always(&format!("hanging{n}"), Reply::Hang);
        world
            .subscribe(&format!("hanging{n}"), json!({"directory_id": dir.directory, "timeout_seconds": 30}))
            .await;
    }
    world.subscribe_to("healthy", &dir).await;
    let begun = std::time::Instant::now();
    for n in 0..100 {
        dir.user(&format!("user{n}")).await;
    }
    world.accepted("healthy", 100).await;
    let took = begun.elapsed();
    // One wait for one of the five would already take longer.
    assert!(took < Duration::from_secs(20), "it took {took:?}");
    assert!(world.receiver.count("hanging0") >= 1);
    judge_hook(&world.receiver.attempts(), "healthy", &Rules::default()).assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    world.subscribe("app", json!({"directory_id": dir.directory, "retry_schedule": [0, 0, 0]})).await;
    world.receiver.fail_next("app", 1, Reply::Redirect(world.receiver.url("elsewhere")));
    dir.user("ada").await;
    world.accepted("app", 1).await;
    assert_eq!(world.receiver.count("elsewhere"), 0);
    assert!(world.receiver.count("app") >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_addresses_are_refused_unless_they_are_allowed() {
    let world = PROFILE.world_with(Options::closed()).await;
    for url in [
        world.receiver.url("app"),
        world.receiver.url("app").replace("http:", "https:"),
        "http://example.com/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[::1]/".to_owned(),
        "https://[::ffff:127.0.0.1]/".to_owned(),
        "https://[64:ff9b::7f00:1]/".to_owned(),
        "https://0x7f.1/".to_owned(),
        "https://2130706433/".to_owned(),
        "https://user:pass@example.com/".to_owned(),
    ] {
        let answer = world.owner.post("/endpoints", json!({"url": url})).await;
        assert!([400, 422].contains(&answer.status), "{url}: {answer}");
        let status = answer.status;
        answer.expect_problem(status);
    }
    // A name is resolved when it is sent to.
    let made = world.owner.post("/endpoints", json!({"url": "https://localhost/"})).await;
    if made.status == 201 {
        let dir = world.directory("okta").await;
        dir.user("ada").await;
        let id = made.text("id");
        eventually("the endpoint is quarantined", SOON, || async {
            (world.owner.endpoint(&id).await.text("state") == "quarantined").then_some(())
        })
        .await;
    }
    assert!(world.receiver.attempts().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_secret_overlaps_the_old_one() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let endpoint = world.subscribe_to("app", &dir).await;
    let path = format!("/endpoints/{}/secrets/rotate", endpoint.id);
    let rotated = world.owner.post(&path, json!({"overlap_seconds": 3_600})).await;
    assert!([200, 202].contains(&rotated.status), "{rotated}");
    let fresh = rotated.text("secret");
    assert!(fresh.starts_with("whsec_") && fresh != endpoint.secret);
    assert!(rotated["previous_expires_at"].is_string(), "{rotated}");
    dir.user("ada").await;
    world.drained("app", &dir).await;
    let attempt = &world.receiver.attempts_at("app").pop().expect("it came");
    assert_eq!(signature::count(&attempt.headers), 2);
    for secret in [&endpoint.secret, &fresh] {
        assert_eq!(signature::verify(std::slice::from_ref(secret), &attempt.headers, &attempt.body), Ok(()));
    }
    // Without an overlap the others end at once.
    let last = world.owner.post(&path, json!({"overlap_seconds": 0})).await.text("secret");
    world.receiver.trust("app", &last);
    dir.user("bob").await;
    world.drained("app", &dir).await;
    let attempt = &world.receiver.attempts_at("app").pop().expect("it came");
    assert_eq!(signature::count(&attempt.headers), 1);
    assert_eq!(signature::verify(&[last], &attempt.headers, &attempt.body), Ok(()));
    // A secret is shown once.
    let shown = world.owner.endpoint(&endpoint.id).await;
    assert!(!shown.json().to_string().contains("whsec_"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_can_be_looked_up() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let endpoint =
        world.subscribe("app", json!({"directory_id": dir.directory, "retry_schedule": [0, 0]})).await;
    world.receiver.fail_next("app", 1, Reply::Status(500));
    dir.user("ada").await;
    let event = world.accepted("app", 1).await.remove(0);
    let query = format!("?endpoint_id={}&event_id={}", endpoint.id, event.id());
    let found = eventually("the delivery is delivered", SOON, || async {
        let list = world.owner.list("/deliveries", &query, 10).await;
        list.into_iter().find(|d| d["status"] == "delivered")
    })
    .await;
    let id = found["id"].as_str().expect("it has an id");
    let whole = world.owner.get(&format!("/deliveries/{id}")).await.expect(200);
    let attempts = whole["attempts"].as_array().expect("it has its attempts");
    assert_eq!(attempts.len(), 2, "{whole}");
    assert!(world.owner.list("/deliveries", &format!("{query}&status=dead"), 10).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_event_is_replaced_by_the_latest_state() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let more = json!({"directory_id": dir.directory, "retry_schedule": [0, 1], "on_exhausted": "coalesce"});
    let endpoint = world.subscribe("app", more).await;
    let user = dir.user("ada").await;
    world.drained("app", &dir).await;
    world.owner.post(&format!("/endpoints/{}/pause", endpoint.id), json!({})).await.expect(200);
    world.receiver.plan("app", |attempt| match attempt.event().0["data"]["title"].as_str() {
        Some("unbearable") => Reply::Status(422),
        _ => Reply::Status(200),
    });
    for title in ["unbearable", "fine", "finer"] {
        dir.set(&user, "title", json!(title)).await.expect(200);
    }
    let group = dir.group("Staff", &[&user]).await;
    world.owner.post(&format!("/endpoints/{}/resume", endpoint.id), json!({})).await.expect(200);
    let log = world.owner.events(&dir.directory).await;
    let find = |what: &str| {
        log.iter().find(|e| e.0["data"]["title"] == what).unwrap_or_else(|| panic!("no {what} in {log:?}"))
    };
    let (unbearable, fine, finer) = (find("unbearable"), find("fine"), find("finer"));
    world
        .receiver
        .wait_until("what comes after the latest state", SOON, |log| {
            log.iter().any(|a| a.accepted() && a.event().kind() == "group.member_added")
        })
        .await;
    let attempts = world.receiver.attempts_at("app");
    let of = |event: &Event| attempts.iter().filter(|a| a.webhook_id() == event.id()).collect::<Vec<_>>();
    assert_eq!((of(unbearable).len(), of(fine).len(), of(finer).len()), (2, 0, 1));
    let replaced = format!("{}-{}", unbearable.sequence(), fine.sequence());
    assert_eq!(of(finer)[0].header("rollcall-replaces"), replaced);
    assert!(attempts.iter().filter(|a| !a.header("rollcall-replaces").is_empty()).count() == 1);
    assert!(log.iter().any(|event| event.subject() == group));
    for event in [unbearable, fine] {
        let delivery = eventually("it is discarded", SOON, || async {
            let list = world.owner.list("/deliveries", &format!("?event_id={}", event.id()), 100).await;
            list.first().filter(|delivery| delivery["status"] == "discarded").cloned()
        })
        .await;
        assert_eq!(delivery["replaced_by"], finer.0["id"], "{delivery}");
    }
    let told = world.owner.list("/events", "?stream=operator", 10).await;
    assert!(told.iter().all(|event| event["data"]["on_exhausted"] == "coalesce"), "{told:?}");
}
