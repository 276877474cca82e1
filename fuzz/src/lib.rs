//! What the fuzz targets share: resources to try things on, and what has to hold of every resource.

use std::sync::LazyLock;

use rollcall_scim::{Document, Rules, group_input, user_input};
use serde_json::{Map, Value, json};

/// The base URL that queries are read with.
pub const BASE: &str = "https://r.example/scim/v2/dir_1";

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A user with something of everything.
pub fn user() -> Document {
    static USER: LazyLock<Document> = LazyLock::new(make_user);
    USER.clone()
}

fn make_user() -> Document {
    let body = json!({
        "userName": "u", "externalId": "e", "displayName": "d", "active": false, "title": "t",
        "name": {"givenName": "g", "familyName": "f"},
        "emails": [{"value": "w", "type": "work", "primary": true}, {"value": "h", "type": "home"}],
        "roles": [{"value": "r"}], "addresses": [{"type": "work", "country": "x"}],
        "department": "x", "manager": "usr_1",
    });
    user_input(map(body), &Rules::default()).expect("the user is right").0.document
}

/// A group.
pub fn group() -> Document {
    static GROUP: LazyLock<Document> = LazyLock::new(make_group);
    GROUP.clone()
}

fn make_group() -> Document {
    group_input(map(json!({"displayName": "g", "externalId": "e"})), &Rules::default())
        .expect("the group is right")
        .0
        .document
}

/// Checks that a document is one that no reader has to doubt: it reads as itself, by the RFCs alone, and has nothing
/// that only the server says.
pub fn check_user(document: &Document) {
    for forbidden in ["id", "meta", "groups", "members", "password"] {
        assert_eq!(document.get(forbidden), None);
    }
    assert!(document.user_name().is_some_and(|name| !name.trim().is_empty()));
    let shown = document.clone().into_map();
    let (again, applied) = user_input(shown.clone(), &Rules::strict()).expect("a document is a body");
    assert!(applied.is_empty());
    if shown.contains_key("active") {
        assert_eq!(again.document.as_map(), &shown);
    }
    let primaries = |name: &str| {
        let elements = document.get(name).and_then(Value::as_array).into_iter().flatten();
        elements.filter(|element| element["primary"] == true).count()
    };
    assert!(["emails", "phoneNumbers", "roles", "addresses"].into_iter().all(|name| primaries(name) <= 1));
}
