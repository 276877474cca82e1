//! Large groups and long lists. What time they take is measured by the load tests; here is what has to come of them.

use rollcall_ingest::Settings;
use serde_json::{Value, json};

use super::{group, members, patch, read, users, values};
use crate::server::Server;

/// Ids of nobody: rows of a group like any other.
fn many(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("m{n:05}")).collect()
}

#[actix_web::test]
async fn t_09_one_more_member_of_a_large_group_is_one_row_and_one_event() {
    let server = Server::start().await;
    let ids = users(&server, 1).await;
    let path = group(&server, &many(5_000)).await;
    let got = patch(&server, &path, json!([{"op": "add", "path": "members", "value": values(&ids)}])).await;
    assert_eq!((got.status, server.new_events()), (204, vec!["group.member_added".to_owned()]));
    assert_eq!(members(&read(&server, &path).await).len(), 5_001);
}

#[actix_web::test]
async fn t_10_renaming_a_group_of_ten_thousand_keeps_ten_thousand() {
    let server = Server::start().await;
    let all = many(10_000);
    let path = group(&server, &all).await;
    let got = patch(&server, &path, json!([{"op": "replace", "path": "displayName", "value": "New"}])).await;
    assert_eq!(got.status, 204);
    let seen = read(&server, &path).await;
    assert_eq!((&seen["displayName"], members(&seen)), (&json!("New"), all));
}

#[actix_web::test]
async fn t_11_a_patch_does_not_return_all_members_of_a_large_group() {
    let server = Server::start().await;
    let path = group(&server, &many(101)).await;
    let rename = json!([{"op": "replace", "path": "displayName", "value": "New"}]);
    assert_eq!(patch(&server, &path, rename).await.status, 204);
}

#[actix_web::test]
async fn t_12_a_whole_list_that_changes_one_member_is_one_event() {
    let server = Server::start().await;
    let ids = users(&server, 12).await;
    let path = group(&server, &ids[..11]).await;
    for operations in [
        json!([{"op": "replace", "path": "members", "value": values(&ids[1..11])}]),
        json!([{"op": "replace", "value": {"members": values(&ids[1..])}}]),
    ] {
        let got = patch(&server, &path, operations).await;
        assert_eq!(got.status, 200, "{}", got.body);
        assert_eq!(server.new_events().len(), 1);
    }
    let put = server.one("PUT", &path, Some(&json!({"displayName": "Staff", "members": values(&ids)}))).await;
    assert_eq!((put.status, server.new_events()), (200, vec!["group.member_added".to_owned()]));
}

#[actix_web::test]
async fn t_13_a_negative_count_is_none_and_a_large_one_the_most() {
    let server = Server::with(Settings { max_results: 3, ..Settings::default() }).await;
    users(&server, 5).await;
    for (count, shown) in [("-1", 0), ("-99999999999", 0), ("4", 3), ("99999999999999999999", 3)] {
        let body = server.one("GET", &format!("/Users?count={count}"), None).await.body;
        assert_eq!((&body["totalResults"], &body["itemsPerPage"]), (&json!(5), &json!(shown)), "{count}");
        assert_eq!(body["Resources"].as_array().map(Vec::len), Some(shown), "{count}");
    }
}

#[actix_web::test]
async fn t_14_the_pages_of_a_list_are_the_list() {
    let server = Server::start().await;
    let ids = users(&server, 7).await;
    for (query, total) in [("", 7), ("&filter=userName%20sw%20%22u%22", 7), ("&sortBy=userName", 7)] {
        let mut seen: Vec<Value> = Vec::new();
        for start in [1, 4, 7, 10] {
            let body =
                server.one("GET", &format!("/Users?startIndex={start}&count=3{query}"), None).await.body;
            assert_eq!((&body["totalResults"], &body["startIndex"]), (&json!(total), &json!(start)));
            let page = body["Resources"].as_array().unwrap();
            assert_eq!(body["itemsPerPage"], page.len());
            seen.extend(page.iter().map(|one| one["id"].clone()));
        }
        assert_eq!(seen, ids, "{query}");
    }
}

#[actix_web::test]
async fn t_15_a_count_of_zero_gives_the_total_alone() {
    let server = Server::start().await;
    users(&server, 2).await;
    for query in ["count=0", "count=0&filter=userName%20eq%20%22u1%22", "count=0&sortBy=userName"] {
        let body = server.one("GET", &format!("/Users?{query}"), None).await.body;
        assert_eq!((&body["itemsPerPage"], &body["Resources"]), (&json!(0), &json!([])), "{query}");
        assert_eq!(body["totalResults"], if query.contains("filter") { 1 } else { 2 });
    }
}
