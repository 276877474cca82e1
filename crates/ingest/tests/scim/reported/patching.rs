//! Operations that took more than they named.

use serde_json::{Map, Value, json};

use super::{patched, user};
use crate::server::Server;

#[actix_web::test]
async fn t_43_a_replace_in_a_complex_attribute_leaves_its_other_parts() {
    let server = Server::start().await;
    let path = user(
        &server,
        json!({
            "name": {"givenName": "G", "familyName": "F", "formatted": "G F"},
            "emails": [{"value": "w@x", "type": "work", "display": "W"}, {"value": "h@x", "type": "home"}],
        }),
    )
    .await;
    for operation in [
        json!({"op": "replace", "path": "name", "value": {"givenName": "H"}}),
        json!({"op": "replace", "value": {"name": {"givenName": "H"}}}),
        json!({"op": "replace", "path": "name.givenName", "value": "H"}),
    ] {
        let seen = patched(&server, &path, json!([operation])).await;
        assert_eq!(
            seen["name"],
            json!({"formatted": "G F", "familyName": "F", "givenName": "H"}),
            "{operation}"
        );
    }
    let seen = patched(
        &server,
        &path,
        json!([
            {"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "v@x"}},
        ]),
    )
    .await;
    assert_eq!(
        seen["emails"],
        json!([{"value": "v@x", "display": "W", "type": "work"}, {"value": "h@x", "type": "home"}])
    );
}

#[actix_web::test]
async fn t_44_of_two_values_for_one_part_the_last_counts() {
    let server = Server::start().await;
    let path = user(&server, json!({"name": {"givenName": "A", "familyName": "F"}})).await;
    let seen = patched(
        &server,
        &path,
        json!([
            {"op": "replace", "path": "name.givenName", "value": "B"},
            {"op": "replace", "value": {"name": {"givenName": "C", "middleName": "M"}}},
            {"op": "replace", "path": "name.givenName", "value": "D"},
        ]),
    )
    .await;
    assert_eq!(seen["name"], json!({"familyName": "F", "givenName": "D", "middleName": "M"}));
    let changes = server.new_event_bodies()[0]["changes"].clone();
    assert!(
        changes.as_array().unwrap().contains(&json!({"path": "name.given_name", "from": "A", "to": "D"})),
        "{changes}"
    );
}

#[actix_web::test]
async fn t_45_there_is_one_primary() {
    let server = Server::start().await;
    let path = user(
        &server,
        json!({"emails": [{"value": "a@x", "primary": true}, {"value": "b@x", "type": "home"}]}),
    )
    .await;
    let primaries = |seen: &Value| -> Vec<String> {
        let all = seen["emails"].as_array().unwrap().iter().filter(|email| email["primary"] == true);
        all.map(|email| email["value"].as_str().unwrap().to_owned()).collect()
    };
    for (operation, primary) in [
        (json!({"op": "add", "path": "emails", "value": [{"value": "c@x", "primary": true}]}), "c@x"),
        (json!({"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"}), "b@x"),
        (json!({"op": "replace", "path": "emails[value eq \"a@x\"]", "value": {"primary": true}}), "a@x"),
        (
            json!({"op": "replace", "path": "emails", "value": [{"value": "x@x", "primary": true}, {"value": "y@x", "primary": true}]}),
            "x@x",
        ),
    ] {
        let seen = patched(&server, &path, json!([operation])).await;
        assert_eq!(primaries(&seen), [primary], "{operation}");
    }
    let seen = patched(&server, &path, json!([{"op": "remove", "path": "emails[primary eq true]"}])).await;
    assert_eq!(primaries(&seen), [""; 0]);
}

#[actix_web::test]
async fn t_46_strange_names_do_nothing() {
    let server = Server::start().await;
    let path = user(&server, json!({"title": "T"})).await;
    let mut value = Map::new();
    for key in [
        "__proto__",
        "constructor",
        "prototype",
        "toString",
        &"k".repeat(100_000),
        "$ref",
        "a.b.c.d",
        "[",
        "]",
    ] {
        value.insert(key.to_owned(), json!({"admin": true}));
    }
    // What is no path at all is refused; the rest is left out.
    value.retain(|key, _| !key.contains('['));
    value.insert("nickName".to_owned(), "N".into());
    let seen = patched(&server, &path, json!([{"op": "replace", "value": value}])).await;
    assert_eq!((&seen["nickName"], &seen["title"]), (&json!("N"), &json!("T")));
    assert!(!seen.to_string().contains("admin"), "{seen}");
    for name in ["__proto__.admin", "constructor.prototype.admin", "name.__proto__"] {
        let got = super::patch(&server, &path, json!([{"op": "add", "path": name, "value": true}])).await;
        got.assert_error(400, name);
    }
    let other = server.user("other").await;
    assert!(!server.one("GET", &format!("/Users/{other}"), None).await.body.to_string().contains("admin"));
}
