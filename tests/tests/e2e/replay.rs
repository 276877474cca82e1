//! Replays: a range of the log arrives once more, with the ids that it had, beside what is new.

use rollcall_tests::{
    event::Event,
    provider::Provider,
    receiver::Reply,
    wait::{SOON, eventually},
    world::{Endpoint, World},
};
use serde_json::{Value, json};

use crate::PROFILE;

async fn replay(world: &World, endpoint: &Endpoint, mut more: Value) -> Value {
    more["endpoint_id"] = json!(endpoint.id);
    world.owner.post("/replays", more).await.expect(202).json().clone()
}

/// The replay once it has this status.
async fn until(world: &World, replay: &Value, status: &str) -> Value {
    let path = format!("/replays/{}", replay["id"].as_str().expect("it has an id"));
    eventually(&format!("{path} to be {status}"), SOON, || async {
        let found = world.owner.get(&path).await.expect(200).json().clone();
        (found["status"] == status).then_some(found)
    })
    .await
}

/// What a hook took in, repetitions included, once it is so many.
async fn arrived(world: &World, hook: &str, count: usize) -> Vec<Event> {
    eventually(&format!("{count} webhooks at {hook}"), SOON, || async {
        let taken: Vec<Event> = world
            .receiver
            .attempts_at(hook)
            .iter()
            .filter(|attempt| attempt.accepted())
            .map(|attempt| attempt.event())
            .collect();
        (taken.len() >= count).then_some(taken)
    })
    .await
}

fn sequences(events: &[Event]) -> Vec<u64> {
    events.iter().map(Event::sequence).collect()
}

/// Ten changes of one user, whose creation is sequence 1.
async fn changes(dir: &Provider) -> String {
    let user = dir.user("ada").await;
    for number in 2..=10 {
        dir.set(&user, "title", json!(format!("title {number}"))).await.expect(200);
    }
    user
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_forgot_gets_everything_from_a_sequence_on() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let endpoint = world.subscribe_to("forgets", &dir).await;
    changes(&dir).await;
    let first = arrived(&world, "forgets", 10).await;
    assert_eq!(sequences(&first), (1..=10).collect::<Vec<_>>());

    let made = replay(&world, &endpoint, json!({"directory_id": dir.directory, "from_sequence": 4})).await;
    assert_eq!((&made["status"], &made["total"]), (&json!("running"), &json!(7)));
    let done = until(&world, &made, "done").await;
    assert_eq!((&done["delivered"], &done["failed"]), (&json!(7), &json!(0)), "{done}");
    let all = arrived(&world, "forgets", 17).await;
    assert_eq!(sequences(&all[10..]), (4..=10).collect::<Vec<_>>());
    for (again, was) in all[10..].iter().zip(&first[3..]) {
        assert_eq!(again.0, was.0, "the same body, with the same id");
    }
    // The deliveries tell of it.
    let id = format!("?endpoint_id={}&event_id={}", endpoint.id, all[16].id());
    let delivery = world.owner.list("/deliveries", &id, 10).await.remove(0);
    assert_eq!(delivery["status"], "delivered");
    let path = format!("/deliveries/{}", delivery["id"].as_str().expect("it has an id"));
    let attempts = world.owner.get(&path).await.expect(200)["attempts"].clone();
    assert_eq!((&attempts[0]["trigger"], &attempts[1]["trigger"]), (&json!("schedule"), &json!("replay")));
    // A group has its memberships.
    let (ann, bob) = (dir.user("ann").await, dir.user("bob").await);
    let group = dir.group("G", &[&ann, &bob]).await;
    dir.remove_member(&group, &ann).await;
    let of_group = replay(&world, &endpoint, json!({"subject_id": group})).await;
    assert_eq!(of_group["total"], 4);
    let of_group = until(&world, &of_group, "done").await;
    assert_eq!(of_group["delivered"], 4);
    let listed = world.owner.list("/replays", &format!("?endpoint_id={}", endpoint.id), 10).await;
    assert_eq!(listed, [of_group, done]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_endpoint_catches_up_by_a_replay_of_everything_and_misses_nothing_new() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let user = changes(&dir).await;
    let endpoint = world.subscribe("late", json!({})).await;
    let made =
        replay(&world, &endpoint, json!({"organization_id": dir.organization, "types": ["user.*"]})).await;
    dir.set(&user, "title", json!("new")).await.expect(200);
    let done = until(&world, &made, "done").await;
    assert_eq!((&done["total"], &done["delivered"]), (&json!(10), &json!(10)));
    let mut all = sequences(&arrived(&world, "late", 11).await);
    let position = all.iter().position(|sequence| *sequence == 11).expect("the new one arrived");
    all.remove(position);
    assert_eq!(all, (1..=10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_begins_where_it_says() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let user = changes(&dir).await;
    let other = world.directory("okta").await;
    other.user("zoe").await;
    let all = world.owner.events(&dir.directory).await;
    let fifth = all[4].0["timestamp"].clone();
    for (hook, start, first) in [
        ("everything", json!("beginning"), 1),
        ("sequence", json!(8), 8),
        ("time", fifth, 5),
        ("later", json!(12), 12),
        ("now", json!("now"), 11),
    ] {
        world.subscribe(hook, json!({"directory_id": dir.directory, "start": start})).await;
        // By the millisecond: others may have the same time.
        let least = if hook == "time" { 1 } else { first };
        if first <= 10 {
            let arrived = arrived(&world, hook, usize::try_from(11 - first).expect("a few")).await;
            assert!((least..=first).contains(&arrived[0].sequence()), "{hook}: {}", arrived[0].sequence());
        }
    }
    dir.set(&user, "title", json!("new")).await.expect(200);
    for (hook, count) in [("everything", 11), ("sequence", 4), ("later", 1), ("now", 1)] {
        let arrived = arrived(&world, hook, count).await;
        assert_eq!(arrived.last().map(Event::sequence), Some(11), "{hook}");
        assert_eq!(arrived.len(), count, "{hook}");
    }
    // Of all directories, from the beginning.
    let organization = json!({"organization_id": dir.organization, "start": "beginning"});
    world.subscribe("whole", organization).await;
    arrived(&world, "whole", 12).await;
    for (body, field) in [
        (json!({"start": 3}), "start"),
        (json!({"start": 0, "directory_id": dir.directory}), "start"),
        (json!({"start": "soon"}), "start"),
        (json!({"start": {}}), "start"),
    ] {
        let mut body = body;
        body["url"] = json!(world.receiver.url("x"));
        let refused = world.owner.post("/endpoints", body.clone()).await.expect_problem(422);
        assert_eq!(refused["field"], field, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_replay_is_cancelled_and_another_survives_a_kill() {
    let mut world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let endpoint = world.subscribe_to("slow", &dir).await;
    changes(&dir).await;
    arrived(&world, "slow", 10).await;
    let here = |rate: u32| json!({"directory_id": dir.directory, "rate_per_second": rate});
    let made = replay(&world, &endpoint, here(1)).await;
    arrived(&world, "slow", 11).await;
    let path = format!("/replays/{}/cancel", made["id"].as_str().expect("it has an id"));
    let cancelled = world.owner.post(&path, json!({})).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    let sent = eventually("what was sent to be known", SOON, || async {
        let report = until(&world, &made, "cancelled").await;
        let sent = report["delivered"].as_u64().expect("a number");
        (sent >= 1).then_some(sent)
    })
    .await;
    assert!(sent < 10, "{sent}");

    let made = replay(&world, &endpoint, here(5)).await;
    arrived(&world, "slow", 13).await;
    world.server.kill();
    world.receiver.next_epoch();
    world.server.launch();
    let done = until(&world, &made, "done").await;
    assert!(done["delivered"].as_u64() >= Some(9), "{done}");
    let kept = world.owner.get(&path.replace("/cancel", "")).await.expect(200);
    assert_eq!(kept["status"], "cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_never_arrived_is_sent_again() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let before = dir.user("before").await;
    let endpoint =
        world.subscribe("fails", json!({"directory_id": dir.directory, "retry_schedule": [0]})).await;
    dir.user("ada").await;
    arrived(&world, "fails", 1).await;
    world.receiver.always("fails", Reply::Status(422));
    dir.user("bob").await;
    eventually("a dead letter", SOON, || async {
        let dead =
            world.owner.list("/deliveries", &format!("?endpoint_id={}&status=dead", endpoint.id), 10).await;
        (dead.len() == 1).then_some(())
    })
    .await;
    world.receiver.recover("fails");
    let made = replay(&world, &endpoint, json!({"only_undelivered": true})).await;
    assert_eq!(made["total"], 2);
    let done = until(&world, &made, "done").await;
    assert_eq!(done["delivered"], 2);
    let all = arrived(&world, "fails", 3).await;
    assert_eq!(all[1].subject(), before);
    let dead =
        world.owner.list("/deliveries", &format!("?endpoint_id={}&status=dead", endpoint.id), 10).await;
    assert!(dead.is_empty(), "{dead:?}");
    let again = replay(&world, &endpoint, json!({"only_undelivered": true})).await;
    assert_eq!((&again["total"], &again["status"]), (&json!(0), &json!("done")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused_with_the_field() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let endpoint = world.subscribe("quiet", json!({})).await;
    let stranger = world.owner.organization("Stranger").await;
    for (body, status, field) in [
        (json!({}), 422, "endpoint_id"),
        (json!({"endpoint_id": "ep_nobody"}), 404, "endpoint_id"),
        (json!({"endpoint_id": endpoint.id, "from_sequence": 1}), 422, "from_sequence"),
        (json!({"endpoint_id": endpoint.id, "directory_id": "dir_x"}), 404, "directory_id"),
        (
            json!({"endpoint_id": endpoint.id, "directory_id": dir.directory, "from_sequence": 2, "to_sequence": 1}),
            422,
            "to_sequence",
        ),
        (json!({"endpoint_id": endpoint.id, "from_time": "yesterday"}), 422, "from_time"),
        (json!({"endpoint_id": endpoint.id, "types": ["user"]}), 422, "types[0]"),
        (json!({"endpoint_id": endpoint.id, "rate_per_second": 0}), 422, "rate_per_second"),
        (json!({"endpoint_id": endpoint.id, "subject_id": "nonsense"}), 422, "subject_id"),
        (
            json!({"endpoint_id": endpoint.id, "directory_id": dir.directory, "from_sequence": 1.5}),
            422,
            "from_sequence",
        ),
        (
            json!({"endpoint_id": endpoint.id, "directory_id": dir.directory, "organization_id": stranger}),
            422,
            "directory_id",
        ),
        (json!({"endpoint_id": endpoint.id, "only_undeliverd": true}), 422, "only_undeliverd"),
    ] {
        let refused = world.owner.post("/replays", body.clone()).await.expect_problem(status);
        assert_eq!(refused["field"], field, "{body} {}", refused.json());
    }
    world.owner.get(&format!("/replays/rpl_{}", "0".repeat(32))).await.expect_problem(404);
}
