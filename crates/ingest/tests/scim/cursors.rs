//! Lists, page by page with a cursor.

use rollcall_ingest::Settings;
use rollcall_scim::{RuleMode, RuleSwitches};
use serde_json::{Value, json};

use crate::server::{Ask, Got, Server};

fn names(got: &Got) -> Vec<String> {
    assert_eq!(got.status, 200, "{}", got.body);
    let all = got.body["Resources"].as_array().unwrap();
    assert_eq!(got.body["itemsPerPage"], all.len());
    assert_eq!(got.body.get("startIndex"), None);
    let name = |one: &Value| one["userName"].as_str().or(one["displayName"].as_str()).unwrap().to_owned();
    all.iter().map(name).collect()
}

fn next(got: &Got) -> Option<String> {
    got.body.get("nextCursor").map(|cursor| cursor.as_str().unwrap().to_owned())
}

async fn page(server: &Server, rest: &str, cursor: &str) -> Got {
    let mark = if rest.contains('?') { '&' } else { '?' };
    server.one("GET", &format!("{rest}{mark}cursor={cursor}"), None).await
}

async fn filled(settings: Settings, count: usize) -> (Server, Vec<String>) {
    let server = Server::with(settings).await;
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(server.user(&format!("u{n}")).await);
    }
    (server, ids)
}

/// All names from the first page to the last, and the sizes of the pages.
async fn walked(server: &Server, rest: &str) -> (Vec<String>, Vec<usize>) {
    let (mut all, mut sizes, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let got = page(server, rest, &cursor).await;
        let names = names(&got);
        sizes.push(names.len());
        all.extend(names);
        match next(&got) {
            Some(next) => cursor = next,
            None => return (all, sizes),
        }
    }
}

fn users(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("u{n}")).collect()
}

#[actix_web::test]
async fn a_list_in_pages() {
    let (server, _) = filled(Settings { default_page_size: 3, ..Settings::default() }, 7).await;
    for name in ["g1", "g2"] {
        server.one("POST", "/Groups", Some(&json!({"displayName": name}))).await;
    }
    assert_eq!(walked(&server, "/Users").await, (users(0..7), vec![3, 3, 1]));
    assert_eq!(walked(&server, "/Users?count=7").await, (users(0..7), vec![7]));
    assert_eq!(walked(&server, "/Users?count=6").await, (users(0..7), vec![6, 1]));
    assert_eq!(walked(&server, "/Groups?count=1").await.0, ["g1", "g2"]);
    let both = [users(0..7), vec!["g1".to_owned(), "g2".to_owned()]].concat();
    assert_eq!(walked(&server, "?count=4").await, (both.clone(), vec![4, 4, 1]));
    let mut descending = users(0..7);
    descending.reverse();
    let sorted = walked(&server, "/Users?sortBy=userName&sortOrder=descending&count=2").await;
    assert_eq!(sorted, (descending, vec![2, 2, 2, 1]));
    let filtered = walked(&server, "/Users?filter=userName%20ne%20%22u3%22&count=4").await;
    assert_eq!(filtered, ([users(0..3), users(4..7)].concat(), vec![4, 2]));
    assert_eq!(walked(&server, "/Users?filter=userName%20eq%20%22x%22").await, (vec![], vec![0]));
    assert_eq!(walked(&server, "/Users?count=0").await, (vec![], vec![0]));
    let valueless = server.one("GET", "/Users?count=2&cursor", None).await;
    assert_eq!((names(&valueless), valueless.body["totalResults"].clone()), (users(0..2), json!(7)));
    // Without a cursor nothing has changed.
    let by_index = server.one("GET", "/Users?count=2", None).await.body;
    assert_eq!((&by_index["startIndex"], by_index.get("nextCursor")), (&json!(1), None));

    for (path, expected) in [("/Users/.search", users(0..7)), ("/.search", both)] {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let got = server.one("POST", path, Some(&json!({"cursor": cursor, "count": 2}))).await;
            all.extend(names(&got));
            let Some(next) = next(&got) else { break };
            cursor = next;
        }
        assert_eq!(all, expected, "{path}");
    }
}

#[actix_web::test]
async fn what_comes_and_goes_meanwhile_moves_nobody() {
    let (server, ids) = filled(Settings::default(), 10).await;
    let delete = async |n: usize| {
        assert_eq!(server.one("DELETE", &format!("/Users/{}", ids[n]), None).await.status, 204);
    };
    let rest = "/Users?count=3";
    let first = page(&server, rest, "").await;
    // Two of those that were shown, one of them the last, and one that was not.
    for n in [0, 2, 4] {
        delete(n).await;
    }
    server.user("new").await;
    let second = page(&server, rest, &next(&first).unwrap()).await;
    assert_eq!(names(&second), ["u3", "u5", "u6"]);
    delete(1).await;
    let third = page(&server, rest, &next(&second).unwrap()).await;
    assert_eq!(names(&third), ["u7", "u8", "u9"]);
    for n in [7, 8, 9] {
        delete(n).await;
    }
    let fourth = page(&server, rest, &next(&third).unwrap()).await;
    assert_eq!((names(&fourth), next(&fourth)), (vec!["new".to_owned()], None));
    // The same cursor again, when nothing is left behind it.
    let all = server.one("GET", "/Users?filter=userName%20eq%20%22new%22", None).await;
    let new = all.body["Resources"][0]["id"].as_str().unwrap();
    server.one("DELETE", &format!("/Users/{new}"), None).await;
    let empty = page(&server, rest, &next(&third).unwrap()).await;
    assert_eq!((names(&empty), next(&empty)), (vec![], None));
}

#[actix_web::test]
async fn in_another_order_the_last_one_has_to_be_there() {
    let (server, ids) = filled(Settings::default(), 6).await;
    let rest = "/Users?count=2&sortBy=userName";
    let first = page(&server, rest, "").await;
    server.one("DELETE", &format!("/Users/{}", ids[0]), None).await;
    let second = page(&server, rest, &next(&first).unwrap()).await;
    assert_eq!(names(&second), ["u2", "u3"]);
    server.one("DELETE", &format!("/Users/{}", ids[3]), None).await;
    let third = page(&server, rest, &next(&second).unwrap()).await;
    third.assert_error(400, "gone");
    assert_eq!(third.body["scimType"], "expiredCursor");
}

#[actix_web::test]
async fn cursors_that_do_not_belong_here() {
    let (server, _) = filled(Settings::default(), 5).await;
    let first = page(&server, "/Users?count=2", "").await;
    let cursor = next(&first).unwrap();
    let group = server.one("POST", "/Groups", Some(&json!({"displayName": "g"}))).await;
    assert_eq!(group.status, 201);
    for (rest, scim_type) in [
        (format!("/Users?count=2&cursor={cursor}x"), "invalidCursor"),
        ("/Users?count=2&cursor=nonsense".to_owned(), "invalidCursor"),
        (format!("/Users?count=2&cursor={}", "A".repeat(5_000)), "invalidCursor"),
        (format!("/Groups?count=2&cursor={cursor}"), "invalidCursor"),
        (format!("/?count=2&cursor={cursor}"), "invalidCursor"),
        (format!("/Users?count=2&cursor={cursor}&filter=title%20pr"), "invalidCursor"),
        (format!("/Users?count=2&cursor={cursor}&sortBy=userName"), "invalidCursor"),
        (format!("/Users?count=2&cursor={cursor}&attributes=id"), "invalidCursor"),
        (format!("/Users?count=3&cursor={cursor}"), "invalidCount"),
        ("/Users?count=1001&cursor=".to_owned(), "invalidCount"),
        ("/Users?count=x&cursor=".to_owned(), "invalidCount"),
        ("/Users?startIndex=1&cursor=".to_owned(), "invalidValue"),
    ] {
        let got = server.one("GET", &rest, None).await;
        got.assert_error(400, &rest);
        assert_eq!(got.body["scimType"], scim_type, "{rest}");
    }
    let foreign = Ask::new(&server.other, "GET", &format!("/Users?count=2&cursor={cursor}"));
    assert_eq!(server.send(foreign).await.body["scimType"], "invalidCursor");
    // The count need not be said again.
    assert_eq!(names(&page(&server, "/Users", &cursor).await), ["u2", "u3"]);
}

#[actix_web::test]
async fn cursors_expire_and_outlive_a_process() {
    let (server, _) = filled(Settings { cursor_timeout_seconds: 0, ..Settings::default() }, 3).await;
    let config = server.one("GET", "/ServiceProviderConfig", None).await.body;
    assert_eq!(
        config["pagination"],
        json!({"cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100,
               "maxPageSize": 1000, "cursorTimeout": 0})
    );
    let cursor = next(&page(&server, "/Users?count=1", "").await).unwrap();
    // Each request here is served by a state of its own, as if by another process.
    let mut got = page(&server, "/Users?count=1", &cursor).await;
    while got.status == 200 {
        got = page(&server, "/Users?count=1", &cursor).await;
    }
    got.assert_error(400, "old");
    assert_eq!(got.body["scimType"], "expiredCursor");
}

#[actix_web::test]
async fn a_secret_of_the_server_signs_if_there_is_one() {
    let (server, _) = filled(Settings::default(), 3).await;
    let one = server.clone_with(|state| state.with_cursor_secret([1; 32]));
    let cursor = next(&page(&one, "/Users?count=1", "").await).unwrap();
    assert_eq!(page(&one, "/Users?count=1", &cursor).await.status, 200);
    for other in
        [server.clone_with(|state| state), server.clone_with(|state| state.with_cursor_secret([2; 32]))]
    {
        assert_eq!(page(&other, "/Users?count=1", &cursor).await.body["scimType"], "invalidCursor");
    }
}

#[actix_web::test]
async fn a_directory_has_the_rules_that_it_is_given() {
    let (server, ids) = filled(Settings::default(), 1).await;
    server.switch(RuleSwitches { mode: RuleMode::Strict, ..RuleSwitches::default() }).await;
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                      "Operations": [{"op": "Replace", "path": "title", "value": "T"}]});
    let header = ("content-type", "application/scim+json");
    let ask =
        Ask::new(&server.one, "PATCH", &format!("/Users/{}", ids[0])).header(header.0, header.1).json(&body);
    assert_eq!(server.send(ask).await.body["scimType"], "invalidSyntax");
    let ask = Ask::new(&server.other, "POST", "/Users").json(&json!({"userName": "a", "active": "True"}));
    assert_eq!(server.send(ask).await.status, 201);
    let ask = Ask::new(&server.one, "POST", "/Users").json(&json!({"userName": "a", "active": "True"}));
    assert_eq!(server.send(ask).await.body["scimType"], "invalidValue");
}
