//! Input that nobody sends by accident: refused with a SCIM error or a problem, nothing changed,
//! the server lives.

use rollcall_tests::{
    http::Answer,
    provider::{ENTERPRISE, GROUP, PATCH, Provider, USER, user_body},
    server::API_KEY,
    world::World,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::PROFILE;

/// Everything that a refused request must leave as it was.
async fn picture(world: &World, dir: &Provider) -> (Value, Value, usize) {
    (
        dir.get("/Users").await.expect(200).json().clone(),
        dir.get("/Groups").await.expect(200).json().clone(),
        world.owner.events(&dir.directory).await.len(),
    )
}

fn nested(levels: usize) -> String {
    let user = format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"deep\",\"x\":");
    format!("{user}{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_scim_message_are_refused() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    let user = dir.user("stays").await;
    dir.group("Stays", &[&user]).await;
    let before = picture(&world, &dir).await;

    let mut bodies: Vec<(&str, Vec<u8>, u16)> = vec![
        ("nothing", Vec::new(), 400),
        ("not JSON", b"<user/>".to_vec(), 400),
        ("half", format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"ha").into_bytes(), 400),
        ("an array", b"[]".to_vec(), 400),
        ("a number", b"7".to_vec(), 400),
        ("null", b"null".to_vec(), 400),
        ("rest after the end", format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"a\"}}x").into_bytes(), 400),
        ("not UTF-8", b"{\"userName\":\"\xff\xfe\"}".to_vec(), 400),
        ("half a surrogate pair", br#"{"userName":"\ud800"}"#.to_vec(), 400),
        ("NaN", br#"{"userName":"a","x":NaN}"#.to_vec(), 400),
        ("one key twice", br#"{"userName":"a","userName":"b"}"#.to_vec(), 400),
        ("one key twice in another case", br#"{"userName":"a","USERNAME":"b"}"#.to_vec(), 400),
        ("65 levels", nested(65).into_bytes(), 400),
        ("100,000 levels", "[".repeat(100_000).into_bytes(), 400),
        ("no userName", format!("{{\"schemas\":[\"{USER}\"]}}").into_bytes(), 400),
        ("an empty userName", format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"  \"}}").into_bytes(), 400),
    ];
    let mut large = user_body("large");
    large["title"] = json!("x".repeat(2 * 1024 * 1024));
    bodies.push(("2 MiB", large.to_string().into_bytes(), 413));
    for (what, body, status) in bodies {
        let answer = dir.post_bytes("/Users", body).await;
        assert_eq!(answer.status, status, "{what}: {answer}");
        answer.expect_scim_error(status);
    }
    // A media type that is none of ours.
    for media in ["text/xml", "application/x-www-form-urlencoded"] {
        let body = user_body("media").to_string();
        dir.client
            .send("POST", "/Users", &[("content-type", media)], Some(body.into()))
            .await
            .expect_scim_error(415);
    }
    assert_eq!(picture(&world, &dir).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_core_attribute_refuses_the_wrong_type() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    let user = dir.user("typed").await;
    let path = format!("/Users/{user}");
    let before = picture(&world, &dir).await;
    let strings = [
        "userName",
        "displayName",
        "nickName",
        "profileUrl",
        "title",
        "userType",
        "preferredLanguage",
        "locale",
        "timezone",
        "externalId",
    ];
    let mut wrong: Vec<(String, Value)> = Vec::new();
    for name in strings {
        wrong.push((name.to_owned(), json!({"a": 1})));
        wrong.push((name.to_owned(), json!([[1]])));
    }
    wrong.extend([
        ("active".to_owned(), json!("perhaps")),
        ("active".to_owned(), json!({})),
        ("name".to_owned(), json!("Ada")),
        ("name".to_owned(), json!(7)),
        ("name".to_owned(), json!({"givenName": {"x": 1}})),
        ("emails".to_owned(), json!(true)),
        ("emails".to_owned(), json!([{"value": {"x": 1}}])),
        ("emails".to_owned(), json!([{"value": "a@x", "primary": "perhaps"}])),
        ("phoneNumbers".to_owned(), json!([{"value": [1]}])),
        ("addresses".to_owned(), json!([{"locality": {"x": 1}}])),
        (ENTERPRISE.to_owned(), json!("x")),
        (ENTERPRISE.to_owned(), json!({"department": {"x": 1}})),
    ]);
    for (name, value) in wrong {
        let mut body = user_body("wrong");
        body[&name] = value.clone();
        for (verb, answer) in [
            ("POST", dir.post("/Users", &body).await),
            ("PUT", dir.put(&path, &body).await),
            ("PATCH", dir.patch(&path, json!([{"op": "replace", "value": {&name: value}}])).await),
        ] {
            assert_eq!(answer.status, 400, "{verb} of {name}={value}: {answer}");
            let answer = answer.expect_scim_error(400);
            assert!(
                ["invalidValue", "invalidSyntax"].contains(&answer["scimType"].as_str().unwrap_or_default()),
                "{verb} of {name}={value}: {answer}"
            );
        }
    }
    for body in [
        json!({"schemas": [GROUP]}),
        json!({"schemas": [GROUP], "displayName": {"x": 1}}),
        json!({"schemas": [GROUP], "displayName": "g", "members": true}),
        json!({"schemas": [GROUP], "displayName": "g", "members": [{"value": {"x": 1}}]}),
    ] {
        dir.post("/Groups", &body).await.expect_scim_error(400);
    }
    assert_eq!(picture(&world, &dir).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_that_is_none_changes_nothing() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    let user = dir.user("patched").await;
    let path = format!("/Users/{user}");
    let before = picture(&world, &dir).await;
    let ok = json!({"op": "replace", "path": "title", "value": "not kept"});
    let bad = [
        json!({"schemas": [PATCH]}),
        json!({"schemas": [PATCH], "Operations": []}),
        json!({"schemas": [PATCH], "Operations": {}}),
        json!({"schemas": [PATCH], "Operations": "x"}),
        json!({"schemas": [PATCH], "Operations": [ok, 7]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"path": "title", "value": "x"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": 7, "path": "title", "value": "x"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": "jump", "path": "title", "value": "x"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": "replace", "path": 7, "value": "x"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": "replace", "path": "emails[", "value": "x"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": "replace", "path": "emails[type eq]", "value": "x"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": "add", "path": "title"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": "add", "value": "x"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": "remove", "path": "userName"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": "replace", "path": "id", "value": "x"}]}),
        json!({"schemas": [PATCH], "Operations": [ok, {"op": "replace", "path": "name.familyName", "value": {}}]}),
    ];
    for body in bad {
        let answer = dir.client.send_json("PATCH", &path, "application/scim+json", &body).await;
        assert_eq!(answer.status, 400, "{body}: {answer}");
        answer.expect_scim_error(400);
    }
    let answer = dir.patch(&path, json!(vec![ok; 20_000])).await;
    assert!((200..500).contains(&answer.status), "many operations are bounded or done: {}", answer.status);
    if answer.status >= 400 {
        assert_eq!(picture(&world, &dir).await, before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_ids_and_paths_are_not_found() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    dir.user("stays").await;
    let before = picture(&world, &dir).await;
    let long = "x".repeat(10 * 1024);
    for id in ["%00", "..%2F..%2Fetc%2Fpasswd", "usr_", "%FF%FE", "'%20or%201=1", long.as_str(), "a%2Fb"] {
        for kind in ["Users", "Groups"] {
            let path = format!("/{kind}/{id}");
            let operations = json!([{"op": "replace", "path": "displayName", "value": "x"}]);
            let mut group_or_user = user_body("odd");
            group_or_user["displayName"] = json!("odd");
            for answer in [
                dir.get(&path).await,
                dir.put(&path, &group_or_user).await,
                dir.patch(&path, operations).await,
                dir.delete(&path).await,
            ] {
                answer.expect_scim_error(404);
            }
        }
    }
    for path in ["/Nobody", "/Users/a/b/c", "/nothing/here"] {
        dir.get(path).await.expect_scim_error(404);
    }
    dir.client.send("PATCH", "/Users", &[], Some("{}".into())).await.expect_scim_error(405);
    dir.client.send("POST", "/Schemas", &[], Some("{}".into())).await.expect_scim_error(405);
    assert_eq!(picture(&world, &dir).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_that_are_none_are_refused_and_cost_nothing() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    dir.user("stays").await;
    let deep = format!("{}userName pr{}", "not (".repeat(1_000), ")".repeat(1_000));
    let open = "not (".repeat(1_000);
    for filter in [
        "",
        "userName",
        "userName eq",
        "userName eq bare",
        "userName eq 'single'",
        "userName like \"a\"",
        "userName eq \"a\" and",
        "(userName eq \"a\"",
        "userName eq \"a\")",
        "emails[type eq \"work\"",
        "emails[emails[type eq \"a\"]]",
        "active gt true",
        "password eq \"x\"",
        "userName eq \"\\ud800\"",
        deep.as_str(),
        open.as_str(),
    ] {
        let body =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
        let answer = dir.post("/Users/.search", &body).await;
        assert!([400, 403].contains(&answer.status), "{filter:.60}: {answer}");
        let status = answer.status;
        answer.expect_scim_error(status);
    }
    // 100 kB of it, as fast as any other.
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "not (".repeat(20_000),
    });
    let begun = std::time::Instant::now();
    let answer = dir.post("/Users/.search", &body).await.expect_scim_error(400);
    assert_eq!(answer["scimType"], "invalidFilter");
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    assert_eq!(dir.total("/Users").await, 1);
}

/// Sends bytes as they are and gives the status line's number, or 0 if the server only hung up.
async fn raw(world: &World, bytes: &[u8]) -> u16 {
    let address = world.server.public.get();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.expect("it listens");
    // The server may answer and hang up before everything is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut chunk = [0_u8; 4096];
    let read = async {
        while !answer.windows(2).any(|w| w == b"\r\n") {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.extend_from_slice(&chunk[..count]),
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), read).await.expect("it answers or hangs up");
    String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_http_does_not_hurt() {
    let world = PROFILE.world().await;
    let dir = world.directory("generic").await;
    let users = format!("/scim/v2/{}/Users", dir.directory);
    let huge = "x".repeat(300_000);
    let requests = [
        format!("GET {users} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {huge}\r\n\r\n"),
        format!(
            "GET {users}?filter={huge} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n",
            dir.token
        ),
        format!("GET {users} HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(5_000)),
        "\0\0\0\0\r\n\r\n".to_owned(),
        format!("POST {users} HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n"),
        format!("POST {users} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef"),
        format!("POST {users} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"),
        format!("GET {users} HTTP/1.1\r\nhost: a\r\nauthorization: Basic eDp5\r\nconnection: close\r\n\r\n"),
    ];
    for request in requests {
        let status = raw(&world, request.as_bytes()).await;
        assert!(status == 0 || (400..500).contains(&status), "{status} for {request:.80}");
    }
    assert_eq!(dir.total("/Users").await, 0);
    dir.user("alive").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owners_api_refuses_by_name() {
    let world = PROFILE.world().await;
    let owner = &world.owner;
    let url = world.receiver.url("app");
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/organizations", json!({}), "name"),
        ("/organizations", json!({"name": 7}), ""),
        ("/organizations", json!({"name": "a", "nmae": "b"}), "nmae"),
        (
            "/directories",
            json!({"organization_id": world.organization, "name": "a", "provider": "nobody"}),
            "",
        ),
        (
            "/directories",
            json!({"organization_id": world.organization, "name": "a", "provider": "okta", "tpyo": 1}),
            "tpyo",
        ),
        ("/endpoints", json!({}), "url"),
        ("/endpoints", json!({"url": "not a url"}), "url"),
        ("/endpoints", json!({"url": "ftp://127.0.0.1/"}), "url"),
        ("/endpoints", json!({"url": url, "event_types": ["user.exploded"]}), ""),
        ("/endpoints", json!({"url": url, "retry_schedule": []}), "retry_schedule"),
        ("/endpoints", json!({"url": url, "retry_schedule": vec![1; 25]}), "retry_schedule"),
        ("/endpoints", json!({"url": url, "retry_schedule": [-1]}), ""),
        ("/endpoints", json!({"url": url, "timeout_seconds": 0}), "timeout_seconds"),
        ("/endpoints", json!({"url": url, "timeout_seconds": 31}), "timeout_seconds"),
        ("/endpoints", json!({"url": url, "evnt_types": []}), "evnt_types"),
    ];
    for (path, body, named) in cases {
        let answer = owner.post(path, body.clone()).await;
        assert!([400, 404, 422].contains(&answer.status), "{body}: {answer}");
        let status = answer.status;
        let answer = answer.expect_problem(status);
        assert!(answer.json().to_string().contains(named), "{named} is not named: {answer}");
    }
    let json_type = [("content-type", "application/json")];
    for body in [&b"{"[..], b"", b"[]", b"{\"name\":\"\xff\"}", "[".repeat(100_000).as_bytes()] {
        let answer =
            owner.client.send("POST", "/organizations", &json_type, Some(body.to_vec().into())).await;
        assert!([400, 422].contains(&answer.status), "{answer}");
        let status = answer.status;
        answer.expect_problem(status);
    }
    let large = json!({"name": "x".repeat(3 * 1024 * 1024)}).to_string();
    owner.client.send("POST", "/organizations", &json_type, Some(large.into())).await.expect_problem(413);
    for path in [
        "/organizations/org_x",
        "/directories/%00",
        "/endpoints/..%2F..",
        "/events/evt_x",
        "/nothing",
        "/users/'",
    ] {
        owner.get(path).await.expect_problem(404);
    }
    for path in [
        "/events?limit=0",
        "/events?limit=1001",
        "/events?limit=x",
        "/events?after=nonsense",
        "/events?wait=-1",
        "/users?after=%00",
        "/events?type=user.exploded",
    ] {
        owner.get(path).await.expect_problem(400);
    }
    let answer: Answer = owner.get("/events?dirctory_id=x").await.expect_problem(400);
    assert!(answer.json().to_string().contains("dirctory_id"), "{answer}");
    // Nothing came of any of it.
    assert_eq!(owner.list("/organizations", "", 100).await.len(), 1);
    assert_eq!(owner.list("/endpoints", "", 100).await.len(), 0);
    // Without the key nothing is said.
    let nobody = owner.client.with_token(None);
    nobody.get("/organizations").await.expect_problem(401);
    let almost = &API_KEY[..API_KEY.len() - 1];
    owner.client.with_token(Some(almost)).get("/organizations").await.expect_problem(401);
}
