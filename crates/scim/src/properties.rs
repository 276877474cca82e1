//! What holds for all inputs.

use proptest::{collection::vec, option, prelude::*};
use serde_json::{Map, Value, json};

use crate::{
    Document, ResourceKind, Rules, apply_group, apply_user, equality_hints, group_input, parse_filter,
    patch_request, query::ListQuery, user_input,
};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-zA-Z@. ]{0,8}".prop_map(Value::from),
        prop_oneof![Just("True"), Just("work"), Just("")].prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((key(), inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Names that mean something, often.
fn key() -> impl Strategy<Value = String> {
    let known = [
        "userName",
        "name",
        "emails",
        "value",
        "type",
        "primary",
        "active",
        "manager",
        "members",
        "id",
        "meta",
        "schemas",
        "displayName",
        "name.givenName",
        "emails[type eq \"work\"].value",
        "password",
        "groups",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "addresses",
        "department",
        "roles",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "externalId",
        "members[value eq \"a\"]",
        "emails[type eq \"work\"]",
        "emails.value",
        "$ref",
        "urn:x:y",
        "manager.value",
        "roles[primary eq true].value",
    ];
    prop_oneof![
        8 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
    ]
}

fn operation() -> impl Strategy<Value = Value> {
    let op = prop_oneof![Just("add"), Just("Replace"), Just("remove"), Just("replace"), Just("Add")];
    (op, option::of(key()), option::of(any_json())).prop_map(|(op, path, value)| {
        let mut operation = Map::from_iter([("op".to_owned(), Value::from(op))]);
        operation.extend(path.map(|path| ("path".to_owned(), path.into())));
        operation.extend(value.map(|value| ("value".to_owned(), value)));
        operation.into()
    })
}

fn full_user() -> Document {
    let body = json!({
        "userName": "u", "externalId": "e", "displayName": "d", "active": false, "title": "t",
        "name": {"givenName": "g", "familyName": "f"},
        "emails": [{"value": "w", "type": "work", "primary": true}, {"value": "h", "type": "home"}],
        "roles": [{"value": "r"}],
        "department": "x", "manager": "m",
    });
    let Value::Object(body) = body else { return Document::default() };
    user_input(body, &Rules::default()).map(|(input, _)| input.document).unwrap_or_default()
}

/// A document that no reader has to doubt.
fn assert_canonical(document: &Document, kind: ResourceKind) {
    for forbidden in ["id", "meta", "groups", "members", "password"] {
        assert_eq!(document.get(forbidden), None);
    }
    let again = Document::finish(document.as_map().clone(), kind);
    assert_eq!(serde_json::to_string(&again).ok(), serde_json::to_string(document).ok());
    let text = serde_json::to_string(&document.clone().into_map()).unwrap_or_default();
    for empty in ["null", ":[]", ":{}"] {
        assert!(!text.contains(empty), "{text}");
    }
    let primaries = document.emails().iter().filter(|email| email["primary"] == true).count();
    assert!(primaries <= 1);
}

fn attribute() -> impl Strategy<Value = String> {
    let names = [
        "userName",
        "USERNAME",
        "name.givenName",
        "emails",
        "emails.type",
        "emails.value",
        "manager",
        "title",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "id",
        "externalId",
        "groups.value",
        "schemas",
    ];
    proptest::sample::select(names.to_vec()).prop_map(str::to_owned)
}

fn comparison(attribute: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let op = prop_oneof![
        Just("eq"),
        Just("ne"),
        Just("co"),
        Just("sw"),
        Just("ew"),
        Just("gt"),
        Just("GE"),
        Just("lt"),
        Just("le")
    ];
    (attribute, op, "\\PC{0,6}", 0..8u8).prop_map(|(attribute, op, text, choice)| match choice {
        0 => format!("{attribute} pr"),
        1 => format!("{attribute} eq null"),
        2 => "active ne \"True\"".to_owned(),
        _ => format!("{attribute} {op} {}", Value::from(text)),
    })
}

fn inner_comparison() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("value"), Just("type"), Just("display")].prop_map(str::to_owned);
    (name, "\\PC{0,6}").prop_map(|(name, text)| format!("{name} eq {}", Value::from(text)))
}

fn filter_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => comparison(attribute()),
        1 => inner_comparison().prop_map(|inner| format!("emails[{inner} or not (primary eq true)]")),
        1 => inner_comparison().prop_map(|inner| format!("emails[{inner}].value co \"x\"")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("not({a})")),
            inner.clone().prop_map(|a| format!("({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a} OR {b}")),
        ]
    })
}

fn other_case(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect()
}

proptest! {
    #[test]
    fn a_printed_filter_reads_as_itself(text in filter_text()) {
        let filter = parse_filter(&text, ResourceKind::User, &Rules::default());
        prop_assert!(filter.is_ok(), "{}: {:?}", text, filter);
        let Ok(filter) = filter else { return Ok(()) };
        let printed = filter.to_string();
        // Strict: what is printed needs no rule.
        let again = parse_filter(&printed, ResourceKind::User, &Rules::strict());
        prop_assert_eq!(again, Ok(filter), "{}", printed);
    }

    #[test]
    fn a_filter_never_panics(text in "[a-zA-Z.:\\[\\]() \"\\\\0-9-]{0,60}") {
        if let Ok(filter) = parse_filter(&text, ResourceKind::User, &Rules::default()) {
            let _ = filter.matches(full_user().as_map());
            let _ = equality_hints(&filter);
        }
    }

    #[test]
    fn any_text_is_a_query_or_an_error(name in "filter|count|sortBy|attributes", value in "\\PC{0,40}") {
        let _ = ListQuery::parse([(name, value)], ResourceKind::Group, &Rules::default(), 100);
    }

    #[test]
    fn bodies_give_canonical_documents(pairs in vec((key(), any_json()), 0..6)) {
        let mut body: Map<String, Value> = pairs.into_iter().collect();
        let _ = user_input(body.clone(), &Rules::strict());
        body.insert("userName".to_owned(), "u".into());
        body.insert("displayName".to_owned(), "d".into());
        if let Ok((input, _)) = user_input(body.clone(), &Rules::default()) {
            assert_canonical(&input.document, ResourceKind::User);
            // Sending back what was stored changes nothing.
            let again = user_input(input.document.as_map().clone(), &Rules::strict());
            prop_assert_eq!(again.map(|(again, _)| again.document), Ok(input.document));
        }
        if let Ok((input, _)) = group_input(body, &Rules::default()) {
            assert_canonical(&input.document, ResourceKind::Group);
        }
    }

    #[test]
    fn patches_give_canonical_documents(operations in vec(operation(), 1..4)) {
        let body = Map::from_iter([("Operations".to_owned(), Value::Array(operations))]);
        if let Ok((request, _)) = patch_request(ResourceKind::Group, body.clone(), &Rules::default())
            && let Ok(patch) = apply_group(&Document::default(), &request)
        {
            assert_canonical(&patch.document, ResourceKind::Group);
        }
        let Ok((request, _)) = patch_request(ResourceKind::User, body, &Rules::default()) else { return Ok(()) };
        let Ok(document) = apply_user(&full_user(), &request) else { return Ok(()) };
        assert_canonical(&document, ResourceKind::User);
        prop_assert!(document.user_name().is_some_and(|name| !name.trim().is_empty()));
        // Only what the operations name has changed.
        let named = format!("{request:?}").to_ascii_lowercase();
        let before = full_user();
        for (name, value) in before.as_map() {
            if name != "schemas" && !named.contains(&name.to_ascii_lowercase()) {
                prop_assert_eq!(document.get(name), Some(value));
            }
        }
    }

    #[test]
    fn the_case_of_keys_never_matters(pairs in vec((key(), any_json()), 0..6)) {
        /// With every key in another case; values are data, and filters inside keys are values.
        fn turned(value: &Value) -> Value {
            match value {
                Value::Object(map) => map.iter().map(|(key, value)| (other_key(key), turned(value))).collect(),
                Value::Array(items) => items.iter().map(turned).collect(),
                other => other.clone(),
            }
        }
        fn other_key(key: &str) -> String {
            if key.contains('"') { key.to_owned() } else { other_case(key) }
        }
        let mut body: Map<String, Value> = pairs.into_iter().collect();
        body.insert("userName".to_owned(), "u".into());
        let Value::Object(other) = turned(&Value::Object(body.clone())) else { return Ok(()) };
        // Two keys that differ only by case are refused before a body comes here.
        let folded: std::collections::HashSet<String> = body.keys().map(|key| key.to_ascii_lowercase()).collect();
        prop_assume!(folded.len() == body.len());
        let read = |body| user_input(body, &Rules::default()).map(|(input, _)| input.document).map_err(|error| error.status);
        prop_assert_eq!(read(body), read(other));
    }

    #[test]
    fn the_case_of_names_never_matters(value in "[a-z]{1,5}", name in key()) {
        // Values inside a name are data; they keep their case.
        prop_assume!(!name.contains('"'));
        let run = |name: String| {
            let body = json!({"Operations": [{"op": "replace", "path": name, "value": value}]});
            let Value::Object(body) = body else { return None };
            let (request, _) = patch_request(ResourceKind::User, body, &Rules::default()).ok()?;
            apply_user(&full_user(), &request).ok()
        };
        prop_assert_eq!(run(name.clone()), run(other_case(&name)));
    }
}

/// Each operation on a multi-valued attribute goes through its elements. As many as the cap admits are served, and
/// the result is right; more are refused, however they are spread over operations.
#[test]
fn the_largest_request_is_served_and_a_larger_one_is_not() {
    let elements: Vec<Value> =
        (0..1_000).map(|n| json!({"value": n.to_string(), "type": format!("t{n}")})).collect();
    let body = |value: Value| value.as_object().cloned().unwrap();
    let (input, _) =
        user_input(body(json!({"userName": "u", "roles": elements})), &Rules::default()).unwrap();
    let patched = |operations: usize| {
        let operations: Vec<Value> = (0..operations)
            .map(|n| json!({"op": "replace", "path": format!("roles[type eq \"t{n}\"].display"), "value": "d"}))
            .collect();
        let request = body(json!({"Operations": operations}));
        let (request, _) = patch_request(ResourceKind::User, request, &Rules::default()).unwrap();
        apply_user(&input.document, &request)
    };
    let document = patched(50).unwrap();
    let roles = document.get("roles").and_then(Value::as_array).unwrap();
    assert_eq!(roles.iter().filter(|role| role["display"] == "d").count(), 50);
    assert_eq!(patched(51).unwrap_err().status, 413);
    assert_eq!(patched(1_000).unwrap_err().status, 413);
}
