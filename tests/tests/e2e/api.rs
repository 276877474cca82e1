//! The owner's API: pages, long polls, streams, and how it says no.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rollcall_tests::{
    event::{Event, kinds},
    provider::ENTERPRISE,
    stream::Messages,
    wait::SOON,
};
use serde_json::{Value, json};

use crate::PROFILE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_read_page_by_page_without_loss() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let mut users = BTreeSet::new();
    for n in 0..25 {
        users.insert(dir.user(&format!("user{n}")).await);
    }
    let members: Vec<&str> = users.iter().map(String::as_str).collect();
    let group = dir.group("All", &members).await;
    let ids = |rows: Vec<Value>| -> Vec<String> {
        rows.iter().map(|r| r["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    for limit in [1, 7, 25, 100] {
        let found = ids(world.owner.list("/users", &format!("?directory_id={}", dir.directory), limit).await);
        assert_eq!(found.len(), 25, "limit {limit}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), users, "limit {limit}");
        let found = world.owner.list(&format!("/groups/{group}/members"), "", limit).await;
        assert_eq!(found.len(), 25, "limit {limit}");
    }
    let whole = world.owner.events(&dir.directory).await;
    for limit in [1, 10] {
        let query = format!("?directory_id={}", dir.directory);
        let found: Vec<Event> =
            world.owner.list("/events", &query, limit).await.into_iter().map(Event).collect();
        assert_eq!(found, whole, "limit {limit}");
    }
    assert!(whole.iter().map(Event::sequence).eq(1..=whole.len() as u64));
    // A list ends in null; events always say where to go on.
    let last = world.owner.get("/organizations").await.expect(200);
    assert_eq!(last["next_cursor"], Value::Null, "{last}");
    let end = world.owner.get("/events?limit=1000").await.expect(200);
    assert!(end["next_cursor"].is_string(), "{end}");
    // `after` takes an event's id as well.
    let rest = world.owner.get(&format!("/events?after={}&limit=1000", whole[3].id())).await.expect(200);
    assert_eq!(rest["data"][0]["id"], whole[4].id(), "{rest}");
    // One event, one user, one group.
    assert_eq!(world.owner.get(&format!("/events/{}", whole[3].id())).await.expect(200).json(), &whole[3].0);
    let user = users.iter().next().expect("there is one");
    assert_eq!(world.owner.get(&format!("/users/{user}")).await.expect(200).text("id"), *user);
    assert_eq!(world.owner.get(&format!("/groups/{group}")).await.expect(200).text("display_name"), "All");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_answers_when_something_happens() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let end = world.owner.get("/events?limit=1000").await.expect(200).text("next_cursor");
    // Nothing happens: an empty page after the wait, and the same place to go on from.
    let begun = Instant::now();
    let empty = world.owner.get(&format!("/events?after={end}&wait=1")).await.expect(200);
    assert_eq!(empty["data"], json!([]), "{empty}");
    assert!(begun.elapsed() >= Duration::from_millis(900), "it did not wait: {:?}", begun.elapsed());
    // Something happens: the answer comes at once.
    let (owner, cursor) = (world.owner.clone(), empty.text("next_cursor"));
    let begun = Instant::now();
    let poll =
        tokio::spawn(async move { owner.get(&format!("/events?after={cursor}&wait=30")).await.expect(200) });
    dir.user("ada").await;
    let page = poll.await.expect("the poll ends");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(page["data"][0]["type"], "user.created", "{page}");
    // Filters hold in a poll too.
    let query = format!("/events?after={}&type=user.deleted&wait=1", page.text("next_cursor"));
    dir.user("bob").await;
    assert_eq!(world.owner.get(&query).await.expect(200)["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_carries_events_and_goes_on_where_it_broke_off() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let path = format!("/events/stream?directory_id={}", dir.directory);
    dir.user("before").await;
    // Without a cursor a stream starts now.
    let response = world.owner.client.open(&path, &[]).await;
    assert_eq!(response.status().as_u16(), 200);
    let media = response.headers()["content-type"].to_str().expect("it is text").to_owned();
    assert!(media.starts_with("text/event-stream"), "{media}");
    let mut stream = Messages::new(response);
    dir.user("first").await;
    let first = stream.next(SOON).await;
    assert_eq!(first.event().0["data"]["user_name"], "first");
    drop(stream);
    dir.user("second").await;
    dir.user("third").await;
    let mut stream = Messages::new(world.owner.client.open(&path, &[("last-event-id", &first.id)]).await);
    let names = [stream.next(SOON).await.event(), stream.next(SOON).await.event()];
    assert_eq!(names[0].0["data"]["user_name"], "second");
    assert_eq!(names[1].0["data"]["user_name"], "third");
    assert_eq!(kinds(&names), ["user.created", "user.created"]);
    // The stream's bodies are the log's.
    assert_eq!(world.owner.get(&format!("/events/{}", names[1].id())).await.expect(200).json(), &names[1].0);
    let nobody = world.owner.client.with_token(None).open(&path, &[]).await;
    assert_eq!(nobody.status().as_u16(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_is_said_the_same_way_everywhere() {
    let world = PROFILE.world().await;
    for path in
        ["/organizations", "/directories", "/endpoints", "/events", "/deliveries", "/users", "/groups"]
    {
        world.owner.client.with_token(None).get(path).await.expect_problem(401);
        let refused = world.owner.client.send("PUT", path, &[], None).await.expect_problem(405);
        assert!(refused.header("allow").contains("GET"), "{refused}");
    }
    for path in ["/nothing", "/organizations/org_00000000000000000000000000000000", "/users/usr_x"] {
        world.owner.get(path).await.expect_problem(404);
    }
    let answer = world.owner.post("/endpoints", json!({"url": world.receiver.url("a"), "retries": 3})).await;
    assert!([400, 422].contains(&answer.status), "{answer}");
    assert!(answer.json().to_string().contains("retries"), "the field is named: {answer}");
    let unknown =
        json!({"organization_id": "org_00000000000000000000000000000000", "name": "x", "provider": "okta"});
    let answer = world.owner.post("/directories", unknown).await;
    assert!([400, 404, 422].contains(&answer.status), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_can_be_disabled_enabled_and_deleted() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    world.subscribe_to("app", &dir).await;
    let user = dir.user("ada").await;
    let path = format!("/directories/{}", dir.directory);
    let shown = world.owner.get(&path).await.expect(200);
    assert!(!shown.json().to_string().contains(&dir.token), "a token is shown once: {shown}");
    world.owner.post(&format!("{path}/disable"), json!({})).await.expect(200);
    let refused = dir.get("/Users").await;
    assert!([401, 403].contains(&refused.status), "{refused}");
    world.owner.post(&format!("{path}/enable"), json!({})).await.expect(200);
    dir.set(&user, "title", json!("Countess")).await.expect(200);
    world.owner.delete(&path).await.expect(204);
    world.owner.get(&path).await.expect_problem(404);
    dir.get("/Users").await.expect_scim_error(401);
    world
        .receiver
        .wait_until("the directory's end", SOON, |log| {
            log.iter().any(|a| a.accepted() && a.event().kind() == "directory.deleted")
        })
        .await;
    let seen: Vec<Event> = world.receiver.attempts_at("app").iter().map(|a| a.event()).collect();
    assert!(kinds(&seen).contains(&"directory.deactivated"), "{:?}", kinds(&seen));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_and_groups_are_shown_normalized() {
    let world = PROFILE.world().await;
    let dir = world.directory("entra_id").await;
    let mut body = rollcall_tests::provider::user_body("ada");
    body["title"] = json!("Countess");
    body[ENTERPRISE] = json!({"department": "Analysis", "costCenter": "7"});
    let user = dir.post("/Users", &body).await.expect(201).text("id");
    let group = dir.group("Engineers", &[&user]).await;
    let shown = world.owner.get(&format!("/users/{user}")).await.expect(200);
    for (key, value) in
        [("user_name", "ada"), ("email", "ada@example.com"), ("department", "Analysis"), ("cost_center", "7")]
    {
        assert_eq!(shown[key], value, "{shown}");
    }
    assert_eq!(shown["groups"][0]["id"], group, "{shown}");
    let members = world.owner.list(&format!("/groups/{group}/members"), "", 10).await;
    assert_eq!(members.len(), 1);
    assert!(members[0].to_string().contains(&user), "{members:?}");
    dir.delete(&format!("/Users/{user}")).await.expect(204);
    world.owner.get(&format!("/users/{user}")).await.expect_problem(404);
    assert!(world.owner.list("/users", &format!("?directory_id={}", dir.directory), 10).await.is_empty());
}
