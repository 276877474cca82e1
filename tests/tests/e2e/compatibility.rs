//! The switches of a directory hold for its next request, and for no other directory.

use serde_json::json;

use crate::PROFILE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_holds_from_the_next_request_on() {
    let world = PROFILE.world().await;
    let (dir, other) = (world.directory("entra_id").await, world.directory("entra_id").await);
    let path = format!("/directories/{}", dir.directory);
    let (user, others) = (dir.user("ada").await, other.user("ada").await);
    let capital = |title: &str| json!([{"op": "Replace", "path": "title", "value": title}]);
    dir.patch(&format!("/Users/{user}"), capital("one")).await.expect(200);

    world.owner.patch(&path, json!({"compatibility": {"mode": "strict"}})).await.expect(200);
    let refused = dir.patch(&format!("/Users/{user}"), capital("two")).await.expect(400);
    assert_eq!(refused["scimType"], "invalidSyntax", "{refused}");
    other.patch(&format!("/Users/{others}"), capital("two")).await.expect(200);
    let plain = json!([{"op": "replace", "path": "title", "value": "two"}]);
    dir.patch(&format!("/Users/{user}"), plain).await.expect(200);

    let but_one = json!({"compatibility": {"mode": "strict", "except": ["op_case_insensitive"]}});
    world.owner.patch(&path, but_one).await.expect(200);
    dir.patch(&format!("/Users/{user}"), capital("three")).await.expect(200);
    // None of it is an event, and what was refused left nothing behind.
    let titles: Vec<String> = world
        .owner
        .events(&dir.directory)
        .await
        .iter()
        .filter_map(|event| event.change("title")?["to"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(titles, ["one", "two", "three"]);
}
