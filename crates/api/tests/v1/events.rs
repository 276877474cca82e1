//! Events by pull and by stream.

use actix_web::test::TestRequest;
use rollcall_store::read::EventQuery;
use serde_json::{Value, json};

use crate::support::{Server, column, keyed, named, piece, text};

/// The bodies in the log, as they are.
async fn log(server: &Server) -> Vec<String> {
    let events = server
        .store
        .events(EventQuery { limit: 1_000, ..EventQuery::default() })
        .await
        .expect("the log can be read")
        .events;
    events.iter().map(|event| String::from_utf8(event.body.to_vec()).expect("bodies are text")).collect()
}

#[actix_web::test]
async fn a_pull_gives_the_bodies_as_they_are_and_where_to_go_on() {
    let server = Server::start();
    let directory = server.directory().await;
    let ada = server.user(&directory, named("ada")).await;
    server.group(&directory, "Staff", &[&ada]).await;
    let bodies = log(&server).await;
    assert!(bodies.len() >= 3);

    let answer = server.get("/v1/events").await;
    let cursor = text(&answer.expect(200)["next_cursor"]);
    assert_eq!(
        answer.body,
        format!("{{\"data\":[{}],\"next_cursor\":\"{cursor}\"}}", bodies.join(",")).as_bytes(),
    );
    let id = text(&answer.json()["data"][0]["id"]);
    assert_eq!(server.get(&format!("/v1/events/{id}")).await.body, bodies[0].as_bytes());

    // At the end the cursor stays good for what comes later.
    let end = server.get(&format!("/v1/events?after={cursor}")).await.expect(200);
    assert_eq!(end["data"], json!([]));
    server.user(&directory, named("bob")).await;
    let later = server.get(&format!("/v1/events?after={}", text(&end["next_cursor"]))).await.expect(200);
    assert_eq!(column(&later, "type"), ["user.created"]);

    // One at a time gives the same, by cursor and by the id of the last one.
    for by_id in [false, true] {
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = server.get(&format!("/v1/events?limit=1{after}")).await.expect(200);
            let Some(event) = page["data"].as_array().unwrap().first() else { break };
            seen.push(text(&event["id"]));
            after = format!("&after={}", text(if by_id { &event["id"] } else { &page["next_cursor"] }));
        }
        let all = column(&server.get("/v1/events").await.expect(200), "id");
        assert_eq!(seen, all.iter().map(text).collect::<Vec<_>>(), "by id: {by_id}");
    }
}

#[actix_web::test]
async fn filters_narrow() {
    let server = Server::start();
    let (first, second) = (server.directory().await, server.directory().await);
    let ada = server.user(&first, named("ada")).await;
    let bob = server.user(&second, named("bob")).await;
    let staff = server.group(&first, "Staff", &[&ada]).await;
    server.delete_user(&second, bob.clone()).await;
    let organization =
        text(&server.get(&format!("/v1/directories/{second}")).await.expect(200)["organization_id"]);
    let table = [
        (format!("directory_id={first}"), vec!["user.created", "group.created", "group.member_added"]),
        (format!("organization_id={organization}"), vec!["user.created", "user.deleted"]),
        (format!("directory_id={first}&organization_id={organization}"), vec![]),
        ("type=group.created".to_owned(), vec!["group.created"]),
        ("type=user.created,user.deleted".to_owned(), vec!["user.created", "user.created", "user.deleted"]),
        ("type=group.created&type=user.deleted".to_owned(), vec!["group.created", "user.deleted"]),
        (format!("subject_id={bob}"), vec!["user.created", "user.deleted"]),
        (format!("subject_id={ada}"), vec!["user.created", "group.member_added"]),
        (format!("subject_id={staff}"), vec!["group.created", "group.member_added"]),
        (format!("subject_id={staff}&type=group.member_added"), vec!["group.member_added"]),
    ];
    for (filter, types) in table {
        let page = server.get(&format!("/v1/events?{filter}")).await.expect(200);
        assert_eq!(column(&page, "type"), types, "{filter}");
        // An answer that found nothing more goes on from where it looked, and finds the same.
        let after = text(&page["next_cursor"]);
        let rest = server.get(&format!("/v1/events?{filter}&after={after}")).await.expect(200);
        assert_eq!(rest["data"], json!([]), "{filter}");
    }
}

#[actix_web::test]
async fn refusals_name_the_parameter() {
    let server = Server::start();
    let cursor_of_another_list = {
        server.organization("a").await;
        server.organization("b").await;
        text(&server.get("/v1/organizations?limit=1").await.expect(200)["next_cursor"])
    };
    let table = [
        ("type=user.born", "invalid_parameter", "type"),
        ("directory_id=acme", "invalid_parameter", "directory_id"),
        ("limit=0", "invalid_parameter", "limit"),
        ("wait=61", "invalid_parameter", "wait"),
        ("wait=x", "invalid_parameter", "wait"),
        ("types=user.created", "unknown_parameter", "types"),
        ("after=7", "invalid_cursor", "after"),
        ("after=evt_018f00000000700080000000000000ff", "invalid_cursor", "after"),
        (&format!("after={cursor_of_another_list}"), "invalid_cursor", "after"),
    ];
    for (query, code, field) in table {
        server.get(&format!("/v1/events?{query}")).await.refuses(400, code, Some(field));
    }
    server.get("/v1/events/stream?limit=3").await.refuses(400, "unknown_parameter", Some("limit"));
    let request = keyed(TestRequest::get(), "/v1/events/stream").insert_header(("last-event-id", "7"));
    let answer = server.send(request).await;
    answer.refuses(400, "invalid_cursor", Some("Last-Event-ID"));
    assert!(text(&answer.json()["detail"]).contains("`Last-Event-ID`"));
    server.get("/v1/events/stream?after=7").await.refuses(400, "invalid_cursor", Some("after"));
}

#[actix_web::test]
async fn a_long_poll_ends_with_the_first_match() {
    let server = Server::start();
    let directory = server.directory().await;
    let (answer, ()) = tokio::join!(server.get("/v1/events?wait=60&type=group.created"), async {
        server.user(&directory, named("ada")).await;
        server.group(&directory, "Staff", &[]).await;
    });
    assert_eq!(column(&answer.expect(200), "type"), ["group.created"]);
}

#[actix_web::test]
async fn a_long_poll_ends_at_shutdown_with_a_cursor() {
    let server = Server::start();
    let (answer, ()) = tokio::join!(server.get("/v1/events?wait=60"), async {
        server.shutdown.send(true).unwrap();
    });
    let answer = answer.expect(200);
    assert_eq!(answer["data"], json!([]));
    assert!(answer["next_cursor"].is_string());
}

#[actix_web::test]
async fn a_stream_starts_now_and_goes_on_from_an_id() {
    let server = Server::start();
    let directory = server.directory().await;
    server.user(&directory, named("before")).await;
    let start = server.get("/v1/events").await.expect(200);

    let response = server.respond(keyed(TestRequest::get(), "/v1/events/stream")).await;
    assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
    let mut body = response.into_body();
    let opening = piece(&mut body).await.unwrap();
    assert_eq!(opening, format!("retry: 2000\nid: {}\n\n", text(&start["next_cursor"])));
    let (next, user) = tokio::join!(piece(&mut body), server.user(&directory, named("ada")));
    let next = next.unwrap();
    let stored = log(&server).await.pop().unwrap();
    let id = next.lines().next().and_then(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    assert_eq!(next, format!("id: {id}\ndata: {stored}\n\n"));
    assert!(stored.contains(user.as_str()));

    // Whoever lost the connection names the last id, whatever the URL says.
    server.user(&directory, named("bob")).await;
    let request =
        keyed(TestRequest::get(), "/v1/events/stream?after=ignored").insert_header(("last-event-id", id));
    let mut again = server.respond(request).await.into_body();
    assert!(piece(&mut again).await.unwrap().starts_with("retry:"));
    let (ids, _) = piece(&mut again)
        .await
        .unwrap()
        .split_once("\ndata: ")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(ids.starts_with("id: "));

    // Both end with the server.
    server.shutdown.send(true).unwrap();
    while piece(&mut body).await.is_some() {}
    while piece(&mut again).await.is_some() {}
}

#[actix_web::test]
async fn streams_are_bounded_and_their_places_come_back() {
    let server = Server::start();
    let open = || async { server.respond(keyed(TestRequest::get(), "/v1/events/stream")).await };
    let mut held = Vec::new();
    for _ in 0..rollcall_api::State::MAX_STREAMS {
        let response = open().await;
        assert_eq!(response.status(), 200);
        held.push(response);
    }
    let refused = server.get("/v1/events/stream").await;
    refused.refuses(503, "too_many_streams", None);
    assert!(refused.header("retry-after").is_some());
    held.pop();
    assert_eq!(open().await.status(), 200);
}

#[actix_web::test]
async fn sequences_in_a_pull_have_no_gap() {
    let server = Server::start();
    let directory = server.directory().await;
    for n in 0..20 {
        server.user(&directory, named(&format!("user{n}"))).await;
    }
    let page = server.get(&format!("/v1/events?directory_id={directory}")).await.expect(200);
    let sequences: Vec<_> = column(&page, "sequence").iter().map(|n| n.as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=20).collect::<Vec<_>>());
    assert_eq!(column(&page, "sandbox"), vec![Value::Null; 20]);
}
