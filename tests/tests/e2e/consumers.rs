//! Applications that only pull: the server keeps their place, and they miss nothing whenever they die.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use crate::PROFILE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_dies_at_random_sees_everything() {
    let world = PROFILE.world().await;
    let dirs = [world.directory("okta").await, world.directory("entra_id").await];
    let mut random = StdRng::seed_from_u64(7);
    let (mut handled, mut seen, mut order) = (0_usize, BTreeSet::new(), BTreeMap::<String, u64>::new());
    let mut lives = 0;
    for round in 0..40 {
        for (at, dir) in dirs.iter().enumerate() {
            dir.user(&format!("u{round}-{at}")).await;
        }
        // It lives for some pages, and dies after handling one whose place it never got to tell.
        lives += 1;
        loop {
            let page = world.owner.get("/events?consumer=billing&limit=3&type=user.*").await.expect(200);
            let events = page["data"].as_array().expect("a list").clone();
            if events.is_empty() {
                break;
            }
            for event in &events {
                handled += 1;
                let (dir, sequence) = (
                    event["directory_id"].as_str().expect("a text"),
                    event["sequence"].as_u64().expect("a number"),
                );
                if seen.insert(event["id"].as_str().expect("a text").to_owned()) {
                    // What is new comes in its directory's order.
                    let last = order.insert(dir.to_owned(), sequence);
                    assert!(last.is_none_or(|last| last < sequence), "{dir}: {sequence} after {last:?}");
                }
            }
            if random.random_range(0..3) == 0 {
                break;
            }
            let told = json!({"cursor": page["next_cursor"]});
            world.owner.put("/consumers/billing", told).await.expect(200);
        }
    }
    loop {
        let page = world.owner.get("/events?consumer=billing&type=user.*").await.expect(200);
        let events = page["data"].as_array().expect("a list").clone();
        if events.is_empty() {
            break;
        }
        seen.extend(events.iter().map(|event| event["id"].as_str().expect("a text").to_owned()));
        let told = json!({"cursor": page["next_cursor"]});
        world.owner.put("/consumers/billing", told).await.expect(200);
    }
    let mut all = BTreeSet::new();
    for dir in &dirs {
        all.extend(world.owner.events(&dir.directory).await.iter().map(|event| event.id().to_owned()));
    }
    assert_eq!(seen, all);
    assert!(handled > all.len() && lives == 40, "it died without having to begin again: {handled}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_goes_forward_survives_a_kill_and_goes_back_only_when_asked() {
    let mut world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    for name in ["ann", "bob", "cec"] {
        dir.user(name).await;
    }
    let all = world.owner.events(&dir.directory).await;
    world.owner.get("/consumers/audit").await.expect_problem(404);
    let first = world.owner.get("/events?consumer=audit&limit=1").await.expect(200);
    assert_eq!(first["data"][0]["id"], all[0].id(), "one that is not known begins at the beginning");
    let put = async |body| world.owner.put("/consumers/audit", body).await;
    // By the id of an event.
    let told = put(json!({"cursor": all[1].id()})).await.expect(200);
    let cursor = told["cursor"].clone();
    // Somebody is late.
    let late = put(json!({"cursor": all[0].id()})).await.expect(200);
    assert_eq!(late["cursor"], cursor);
    world.server.kill();
    world.server.launch();
    let page = world.owner.get("/events?consumer=audit").await.expect(200);
    assert_eq!(page["data"][0]["id"], all[2].id());
    assert_eq!(world.owner.list("/consumers", "", 10).await[0]["name"], "audit");
    // `after` wins.
    let page = world.owner.get(&format!("/events?consumer=audit&after={}", all[0].id())).await.expect(200);
    assert_eq!(page["data"][0]["id"], all[1].id());
    world.owner.put("/consumers/audit", json!({"cursor": all[0].id(), "rewind": true})).await.expect(200);
    let page = world.owner.get("/events?consumer=audit&limit=1").await.expect(200);
    assert_eq!(page["data"][0]["id"], all[1].id());

    for (path, body, field) in [
        ("/consumers/audit", json!({"cursor": "nonsense"}), json!("cursor")),
        ("/consumers/a%20b", json!({"cursor": all[0].id()}), json!("name")),
    ] {
        let refused = world.owner.put(path, body).await.expect_problem(400);
        assert_eq!(refused["field"], field, "{}", refused.json());
    }
    world.owner.put("/consumers/audit", json!({})).await.expect_problem(422);
    world.owner.get("/events?consumer=a/b").await.expect_problem(400);
    world.owner.delete("/consumers/audit").await.expect(204);
    world.owner.delete("/consumers/audit").await.expect_problem(404);
}
