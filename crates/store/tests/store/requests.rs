//! The request log: what goes in comes out, narrowed and in order; passwords do not; it is bounded, and ends with its
//! directory.

use jiff::{SignedDuration, Timestamp};
use rollcall_domain::{
    Command,
    directory::Mode,
    ids::{DirectoryId, RequestId},
};
use rollcall_store::{
    Settings, clock,
    requests::{LoggedRequest, RequestQuery},
};
use tempfile::TempDir;

use crate::support::{Fixture, SERVER, create_user, on_both, request, server_settings, settings};

on_both!(
    what_goes_in_comes_out_the_newest_first,
    a_page_can_be_narrowed,
    passwords_do_not_come_out,
    a_request_leads_to_its_events,
    a_deleted_directory_takes_its_requests_along,
    strangers_cannot_flood_it,
);

fn logged(directory: &DirectoryId, path: &str) -> LoggedRequest {
    LoggedRequest {
        id: RequestId::from_uuid(clock::new_uuid()),
        directory_id: directory.clone(),
        of_a_stranger: false,
        at: clock::now(),
        method: "GET",
        path: path.to_owned(),
        status: 200,
        reason: None,
        micros: 1_234,
        sender: None,
        rules: Vec::new(),
        user_agent: None,
        events: None,
        request_body: None,
        request_unread: false,
        path_cut: false,
        response_body: b"{\"a\":1}".to_vec(),
        response_cut: false,
    }
}

fn all() -> RequestQuery {
    RequestQuery { limit: 1_000, ..RequestQuery::default() }
}

async fn paths(f: &Fixture, query: RequestQuery) -> Vec<String> {
    f.store.requests_logged().await;
    let page = f.store.requests(&f.directory, query).await.unwrap();
    page.requests.into_iter().map(|request| request.path).collect()
}

async fn what_goes_in_comes_out_the_newest_first(f: Fixture) {
    let sent = LoggedRequest {
        method: "PATCH",
        status: 400,
        reason: Some("invalidPath"),
        sender: Some("okta"),
        rules: vec!["op_case_insensitive", "json_content_type"],
        user_agent: Some("Okta SCIM Client 1.0.0".to_owned()),
        events: Some((3, 7, 9)),
        request_body: Some("{ \"b\": 2 }".into()),
        response_body: vec![b'x'; 40_000],
        ..logged(&f.directory, "/Users/usr_1")
    };
    f.store.log_request(sent.clone());
    for number in 0..5 {
        f.store.log_request(logged(&f.directory, &format!("/Users?startIndex={number}")));
    }
    f.store.requests_logged().await;
    let whole = f.store.request(&f.directory, &sent.id).await.unwrap().unwrap();
    assert_eq!(
        (whole.summary.method.as_str(), whole.summary.status, whole.summary.reason.as_deref()),
        ("PATCH", 400, Some("invalidPath"))
    );
    assert_eq!((whole.summary.at, whole.summary.duration_micros), (sent.at, 1_234));
    assert_eq!(whole.summary.rules, ["op_case_insensitive", "json_content_type"]);
    assert_eq!((whole.summary.events, whole.positions), (3, Some((7, 9))));
    assert_eq!(whole.user_agent.as_deref(), Some("Okta SCIM Client 1.0.0"));
    assert_eq!((whole.request_body.as_deref(), whole.request_cut), (Some("{ \"b\": 2 }"), false));
    assert_eq!((whole.response_body.map(|body| body.len()), whole.response_cut), (Some(16_384), true));
    let seen = f.store.seen_sender(&f.directory).await.unwrap().unwrap();
    assert_eq!((seen.name.as_str(), seen.at), ("okta", sent.at));

    // Page by page, and another directory has nothing of it.
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let query = RequestQuery { before, limit: 2, ..RequestQuery::default() };
        let page = f.store.requests(&f.directory, query).await.unwrap();
        found.extend(page.requests.into_iter().map(|request| request.path));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..5).rev().map(|number| format!("/Users?startIndex={number}")).collect();
    assert_eq!(found[..5], expected);
    assert_eq!(found[5..], ["/Users/usr_1"]);
    let other = f.second_directory(Mode::Live).await;
    assert!(f.store.requests(&other, all()).await.unwrap().requests.is_empty());
    assert!(f.store.request(&other, &sent.id).await.unwrap().is_none());
    assert!(f.store.seen_sender(&other).await.unwrap().is_none());
}

async fn a_page_can_be_narrowed(f: Fixture) {
    let hour = SignedDuration::from_hours(1);
    let early: Timestamp = clock::now() - hour * 2;
    let refused = LoggedRequest {
        at: early,
        method: "POST",
        status: 409,
        reason: Some("uniqueness"),
        sender: Some("entra_id"),
        rules: vec!["op_case_insensitive"],
        ..logged(&f.directory, "/Users")
    };
    f.store.log_request(refused);
    f.store.log_request(logged(&f.directory, "/Groups?count=1"));
    let first = vec!["/Users".to_owned()];
    let second = vec!["/Groups?count=1".to_owned()];
    let none = Vec::new();
    for (query, expected) in [
        (RequestQuery { status: Some((400, 499)), ..all() }, &first),
        (RequestQuery { status: Some((200, 200)), ..all() }, &second),
        (RequestQuery { status: Some((500, 599)), ..all() }, &none),
        (RequestQuery { method: Some("POST".into()), ..all() }, &first),
        (RequestQuery { path: Some("/Gr".into()), ..all() }, &second),
        (RequestQuery { reason: Some("uniqueness".into()), ..all() }, &first),
        (RequestQuery { rule: Some("op_case_insensitive".into()), ..all() }, &first),
        (RequestQuery { rule: Some("op_case".into()), ..all() }, &none),
        (RequestQuery { sender: Some("entra_id".into()), ..all() }, &first),
        (RequestQuery { since: Some(clock::now() - hour), ..all() }, &second),
        (RequestQuery { until: Some(clock::now() - hour), ..all() }, &first),
        (RequestQuery { until: Some(early), ..all() }, &none),
    ] {
        assert_eq!(paths(&f, query.clone()).await, *expected, "{query:?}");
    }
}

async fn passwords_do_not_come_out(f: Fixture) {
    let secret = "hunter2-never-stored";
    let sent = LoggedRequest {
        request_body: Some(format!(r#"{{"userName":"ann","passWord":"{secret}"}}"#).into()),
        response_body: format!(r#"{{"detail":"x","password":"{secret}"}}"#).into_bytes(),
        ..logged(&f.directory, &format!("/Users?filter=password%20eq%20%22{secret}%22"))
    };
    f.store.log_request(sent.clone());
    f.store.requests_logged().await;
    let whole = f.store.request(&f.directory, &sent.id).await.unwrap().unwrap();
    assert_eq!(whole.request_body.as_deref(), Some(r#"{"userName":"ann"}"#));
    assert!(!format!("{whole:?}").contains(secret), "{whole:?}");
}

async fn a_request_leads_to_its_events(f: Fixture) {
    let mut writes = Vec::new();
    for name in ["ann", "bob", "cec"] {
        let write = request(&f.directory, create_user(name));
        let id = write.request_id.clone();
        let committed = f.store.write(write).await.unwrap();
        writes.push((id, committed.last_position.unwrap()));
    }
    let (id, position) = writes[1].clone();
    // As wide as it would be had all three been one batch.
    let events = Some((1, writes[0].1, writes[2].1));
    f.store.log_request(LoggedRequest { id: id.clone(), events, ..logged(&f.directory, "/Users") });
    f.store.requests_logged().await;
    let whole = f.store.request(&f.directory, &id).await.unwrap().unwrap();
    let found = f.store.events_of_request(&f.directory, &whole, 100).await.unwrap();
    assert_eq!(found.iter().map(|event| event.position).collect::<Vec<_>>(), [position]);
    assert!(String::from_utf8_lossy(&found[0].body).contains("bob"));
}

async fn a_deleted_directory_takes_its_requests_along(f: Fixture) {
    let other = f.second_directory(Mode::Live).await;
    for number in 0..1_100 {
        f.store.log_request(logged(&f.directory, &format!("/Users/{number}")));
        if number % 100 == 0 {
            f.store.requests_logged().await;
        }
    }
    f.store.log_request(logged(&other, "/Users/kept"));
    f.write(Command::DeleteDirectory).await.unwrap();
    f.store.tidy_requests().await;
    assert_eq!(paths(&f, all()).await, Vec::<String>::new());
    assert_eq!(f.store.requests(&other, all()).await.unwrap().requests.len(), 1);
}

async fn strangers_cannot_flood_it(f: Fixture) {
    for number in 0..200 {
        let path = format!("/Users/{number}");
        f.store.log_request(LoggedRequest {
            of_a_stranger: true,
            status: 401,
            ..logged(&f.directory, &path)
        });
    }
    f.store.log_request(logged(&f.directory, "/Users/known"));
    let found = paths(&f, all()).await;
    assert_eq!(found[0], "/Users/known");
    // Four per batch; how many batches it takes depends on the machine.
    assert!((5..100).contains(&found.len()), "{}", found.len());
}

/// With little room and little time.
async fn is_bounded(settings: Settings) {
    let mut settings = settings;
    settings.requests.max_bytes = 200_000;
    settings.requests.retention_days = 1;
    let f = Fixture::with(TempDir::new().unwrap(), settings).await;
    let long_ago = clock::now() - SignedDuration::from_hours(25);
    for number in 0..10 {
        let request = logged(&f.directory, &format!("/Users/old{number}"));
        f.store.log_request(LoggedRequest { at: long_ago, ..request });
    }
    f.store.log_request(logged(&f.directory, "/Users/new"));
    f.store.requests_logged().await;
    f.store.tidy_requests().await;
    assert_eq!(paths(&f, all()).await, ["/Users/new"]);

    for number in 0..1_000 {
        f.store.log_request(LoggedRequest {
            response_body: vec![b'x'; 1_000],
            ..logged(&f.directory, &format!("/Users/{number}"))
        });
    }
    f.store.requests_logged().await;
    f.store.tidy_requests().await;
    let found = paths(&f, RequestQuery { limit: 1_000, ..all() }).await;
    assert!(found.len() <= 200 && found.iter().all(|path| path != "/Users/new"), "{}", found.len());
    f.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_bounded_on_files() {
    let folder = TempDir::new().unwrap();
    is_bounded(settings(&folder)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_bounded_on_a_server() {
    is_bounded(server_settings(&SERVER.database())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_may_be_none() {
    let folder = TempDir::new().unwrap();
    let mut settings = settings(&folder);
    settings.requests.enabled = false;
    let f = Fixture::with(folder, settings).await;
    assert_eq!(f.store.logged_body_bytes(), None);
    f.store.log_request(logged(&f.directory, "/Users"));
    assert!(paths(&f, all()).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn its_file_may_be_lost() {
    let f = Fixture::new().await;
    f.store.log_request(logged(&f.directory, "/Users"));
    let user = f.user("ann").await;
    f.store.close().await;
    std::fs::remove_file(f.settings.data_dir.join("requests.db")).unwrap();
    let again = rollcall_store::Store::open(f.settings.clone(), f.heard.clone()).unwrap();
    assert!(again.user(&f.directory, &user.id).await.unwrap().is_some());
    assert!(again.requests(&f.directory, all()).await.unwrap().requests.is_empty());
    again.close().await;
}
