//! The request log: what a provider asked, what came of it, why it was refused, and what it would do now.

use rollcall_tests::{
    provider::{Provider, user_body},
    wait::{SOON, eventually},
    world::World,
};
use serde_json::{Value, json};

use crate::PROFILE;

/// The directory's requests as this query narrows them, once there are so many.
async fn logged(world: &World, dir: &Provider, query: &str, count: usize) -> Vec<Value> {
    let path = format!("/directories/{}/requests", dir.directory);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    let query = query.as_str();
    eventually(&format!("{count} requests {query}"), SOON, || async {
        let found = world.owner.list(&path, query, 100).await;
        (found.len() == count).then_some(found)
    })
    .await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_found_with_what_came_of_it() {
    let world = PROFILE.world().await;
    let dir = world.directory("entra_id").await;
    let mut body = user_body("ada");
    body["password"] = json!("tr0ub4dor");
    let user = dir.post("/Users", &body).await.expect(201).text("id");
    let replace = json!([{"op": "Replace", "path": "title", "value": "Countess"}]);
    let changed = dir.patch(&format!("/Users/{user}"), replace).await.expect(200);
    let refused = dir.post("/Users", &user_body("ada")).await.expect(409);
    dir.get("/Users?filter=userName%20eq%20%22ada%22").await.expect(200);

    let all = logged(&world, &dir, "", 4).await;
    let statuses: Vec<_> = all.iter().map(|request| request["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(200), Some(409), Some(200), Some(201)]);
    let path = format!("/directories/{}/requests", dir.directory);

    // The change: its rule, its event, its bodies.
    let found = logged(&world, &dir, "rule=op_case_insensitive", 1).await.remove(0);
    assert_eq!(text(&found["id"]), changed.header("x-request-id"));
    let whole = world.owner.get(&format!("{path}/{}", text(&found["id"]))).await.expect(200);
    assert_eq!((&whole["event_count"], &whole["request_body_cut"]), (&json!(1), &json!(false)));
    assert_eq!(whole["request_body"]["Operations"][0]["value"], "Countess");
    assert_eq!(whole["response_body"]["title"], "Countess");
    let event = world.owner.get(&format!("/events/{}", text(&whole["events"][0]["id"]))).await.expect(200);
    assert_eq!(event["cause"]["request_id"], found["id"]);

    // The refusal: why, and what to do instead.
    for query in ["status=4xx", "status=409", "reason=uniqueness", "method=POST&status=4xx&path=/Users"] {
        let found = logged(&world, &dir, query, 1).await.remove(0);
        assert_eq!(text(&found["id"]), refused.header("x-request-id"), "{query}");
    }
    let whole = world.owner.get(&format!("{path}/{}", refused.header("x-request-id"))).await.expect(200);
    assert_eq!((&whole["reason"], &whole["events"]), (&json!("uniqueness"), &json!([])));
    assert!(text(&whole["advice"]).contains("Look it up"), "{}", whole["advice"]);

    // No password anywhere, also not of a creation whole.
    let created = logged(&world, &dir, "status=201", 1).await.remove(0);
    let whole = world.owner.get(&format!("{path}/{}", text(&created["id"]))).await.expect(200);
    assert_eq!(whole["request_body"]["userName"], "ada");
    assert!(!whole.json().to_string().contains("tr0ub4dor"), "{}", whole.json());

    // Of another directory, it is not there.
    let other = world.directory("okta").await;
    let crossed = format!("/directories/{}/requests/{}", other.directory, text(&created["id"]));
    world.owner.get(&crossed).await.expect_problem(404);
    world.owner.get(&format!("{path}?status=9xx")).await.expect_problem(400);
    world.owner.get(&format!("{path}?stauts=4xx")).await.expect_problem(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_in_the_log_of_the_directory_that_it_was_shown_to() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    dir.client.with_token(Some("rcd_wrong")).get("/Users").await.expect(401);
    let found = logged(&world, &dir, "reason=unauthorized&sender=unknown", 1).await.remove(0);
    assert_eq!((&found["status"], &found["path"]), (&json!(401), &json!("/Users")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_log_does_not_have_whole_says_so_and_is_not_tried() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let user = dir.user("password@acme.example").await;
    let secret = "tr0ub4dor";
    // Refused before it was read.
    let stranger = dir.client.with_token(Some("rcd_wrong"));
    stranger.send_json("POST", "/Users", "application/scim+json", &user_body("x")).await.expect(401);
    // With a password, in a path that no server understands.
    let patch = json!([{"op": "replace", "path": "password[a eq \"b\"].value", "value": secret}]);
    dir.patch(&format!("/Users/{user}"), patch).await;
    // Longer than what is kept.
    let long = format!("/Users?filter=userName%20eq%20%22{}%22", "x".repeat(3_000));
    dir.get(&long).await.expect(200);
    // What SCIM has and this service does not.
    dir.get("/Me").await.expect(501);
    // Nothing but a name like any other.
    dir.get("/Users?filter=userName%20eq%20%22password@acme.example%22").await.expect(200);

    let all = logged(&world, &dir, "", 6).await;
    let path = format!("/directories/{}/requests", dir.directory);
    for (place, cut, changed, status) in [
        (0, false, false, 200),
        (1, false, false, 200),
        (2, false, true, 409),
        (3, false, true, 409),
        (4, true, false, 409),
    ] {
        let one = format!("{path}/{}", text(&all[place]["id"]));
        let whole = world.owner.get(&one).await.expect(200);
        let flags = (&whole["request_body_cut"], &whole["changed"]);
        assert_eq!(flags, (&json!(cut), &json!(changed)), "{}", whole.json());
        assert!(!whole.json().to_string().contains(secret), "{}", whole.json());
        let tried = world.owner.post(&format!("{one}/dry-run"), json!({})).await.expect(status);
        match place {
            0 => assert_eq!(tried["response_body"]["totalResults"], 1),
            1 => assert_eq!((&tried["status"], &tried["reason"]), (&json!(501), &json!("not_implemented"))),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_product_than_the_configured_one_is_a_warning() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let path = format!("/directories/{}", dir.directory);
    let quiet = world.owner.get(&path).await.expect(200);
    assert_eq!((&quiet["warnings"], &quiet["seen"]), (&json!([]), &Value::Null));
    // With Entra ID's flag in the base URL.
    dir.get("?aadOptscim062020/Users").await.expect(200);
    let report = eventually("a warning", SOON, || async {
        let report = world.owner.get(&path).await.expect(200);
        (report["warnings"] != json!([])).then_some(report)
    })
    .await;
    assert_eq!(report["seen"]["sender"], "entra_id_standard");
    assert!(text(&report["warnings"][0]).contains("provider is okta"), "{}", report["warnings"]);
    world.owner.patch(&path, json!({"provider": "entra_id"})).await.expect(200);
    assert_eq!(world.owner.get(&path).await.expect(200)["warnings"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logged_request_can_be_tried_again_and_changes_nothing() {
    let world = PROFILE.world().await;
    let dir = world.directory("entra_id").await;
    let (ada, bob) = (dir.user("ada").await, dir.user("bob").await);
    let group = dir.group("Engineers", &[&ada]).await;
    dir.set(&ada, "title", json!("Countess")).await.expect(200);
    dir.add_member(&group, &bob).await;
    dir.delete(&format!("/Users/{bob}")).await.expect(204);
    let taken = dir.post("/Users", &user_body("ada")).await.expect(409);
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "x", "data": user_body("cec")}]});
    dir.post("/Bulk", &bulk).await.expect(200);
    let all = logged(&world, &dir, "", 8).await;
    let before = world.owner.events(&dir.directory).await.len();
    let dry = async |place: usize| {
        let path = format!("/directories/{}/requests/{}/dry-run", dir.directory, text(&all[place]["id"]));
        world.owner.post(&path, json!({})).await
    };

    // The newest is first: bulk, taken, delete bob, join, title, group, bob, ada.
    dry(0).await.expect_problem(409);
    let tried = dry(1).await.expect(200);
    assert_eq!(tried["request_id"], taken.header("x-request-id"));
    assert_eq!((&tried["status"], &tried["reason"]), (&json!(409), &json!("uniqueness")));
    assert!(text(&tried["advice"]).contains("Look it up"));
    // Bob is gone already, and cannot be deleted again.
    assert_eq!(dry(2).await.expect(200)["status"], 404);
    // He would come back: the same body makes a user again.
    let tried = dry(6).await.expect(200);
    assert_eq!((&tried["status"], &tried["events"][0]["type"]), (&json!(201), &json!("user.created")));
    assert_eq!((&tried["events"][0]["id"], &tried["events"][0]["sequence"]), (&Value::Null, &Value::Null));
    // What is so already gives nothing.
    let tried = dry(4).await.expect(200);
    assert_eq!((&tried["status"], &tried["events"]), (&json!(200), &json!([])));
    // After another change it would be one again, and the difference is told.
    dir.set(&ada, "title", json!("Dr.")).await.expect(200);
    let tried = dry(4).await.expect(200);
    assert_eq!(tried["response_body"]["title"], "Countess");
    let change = json!([{"path": "title", "from": "Dr.", "to": "Countess"}]);
    assert_eq!(tried["events"][0]["changes"][0], change[0], "{}", tried["events"]);

    let after = world.owner.events(&dir.directory).await;
    assert_eq!(after.len(), before + 1, "only the change of the title was one");
    assert_eq!(dir.get(&format!("/Users/{ada}")).await.expect(200)["title"], "Dr.");
    assert_eq!(dir.total("/Users").await, 2);
    // Trying is not asking: it is not in the log.
    logged(&world, &dir, "method=POST", 5).await;
    let nobody = format!("/directories/{}/requests/req_{}/dry-run", dir.directory, "0".repeat(32));
    world.owner.post(&nobody, json!({})).await.expect_problem(404);
}
