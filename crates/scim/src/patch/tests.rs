//! What each operation does to a resource: RFC 7644 §3.5.2, and what real providers send.

use serde_json::{Value, json};

use super::*;
use crate::{
    compat::{Rule, patch_request, user_input},
    error::ScimType,
    schema::{CORE_USER, ENTERPRISE_USER, PATCH_OP},
};

fn user(body: &Value) -> Document {
    let mut body = body.as_object().cloned().unwrap();
    body.entry("userName").or_insert_with(|| "u@x".into());
    user_input(body, &Rules::default()).unwrap().0.document
}

fn request(kind: ResourceKind, operations: &Value) -> Result<PatchRequest, ScimError> {
    let body = json!({"schemas": [PATCH_OP], "Operations": operations});
    patch_request(kind, body.as_object().cloned().unwrap(), &Rules::default()).map(|(request, _)| request)
}

fn patched(before: &Value, operations: &Value) -> Result<Document, ScimError> {
    apply_user(&user(before), &request(ResourceKind::User, operations)?)
}

/// Each row: the user before, the operations, the user after (without what every user here has).
#[track_caller]
fn check(before: &Value, operations: &Value, after: &Value) {
    let document = patched(before, operations).unwrap_or_else(|error| panic!("{operations}: {error}"));
    assert_eq!(document, user(after), "{operations}");
    assert_eq!(
        serde_json::to_string(&document).unwrap(),
        serde_json::to_string(&user(after)).unwrap(),
        "canonical order: {operations}"
    );
}

#[track_caller]
fn refuse(before: &Value, operations: &Value, scim_type: ScimType) {
    let error = patched(before, operations).map_err(|error| (error.status, error.scim_type));
    assert_eq!(error, Err((400, Some(scim_type))), "{operations}");
}

fn two_emails() -> Value {
    json!({"emails": [{"value": "w@x", "type": "work", "primary": true}, {"value": "h@x", "type": "home"}]})
}

#[test]
fn single_values() {
    let old = json!({"displayName": "Old", "name": {"givenName": "G", "familyName": "F"}});
    for op in ["add", "replace"] {
        check(
            &json!({}),
            &json!([{"op": op, "path": "displayName", "value": " N "}]),
            &json!({"displayName": " N "}),
        );
        check(
            &old,
            &json!([{"op": op, "path": "name", "value": {"GIVENNAME": "X", "nope": 1}}]),
            &json!({"displayName": "Old", "name": {"givenName": "X", "familyName": "F"}}),
        );
        check(
            &old,
            &json!([{"op": op, "path": "name.givenName", "value": "X"}]),
            &json!({"displayName": "Old", "name": {"givenName": "X", "familyName": "F"}}),
        );
        check(
            &old,
            &json!([{"op": op, "value": {"displayName": "D", "name": {"middleName": "M"}}}]),
            &json!({"displayName": "D", "name": {"givenName": "G", "familyName": "F", "middleName": "M"}}),
        );
        check(
            &old,
            &json!([{"op": op, "path": "", "value": {"displayName": "D"}}]),
            &json!({"displayName": "D", "name": {"givenName": "G", "familyName": "F"}}),
        );
        check(
            &json!({}),
            &json!([{"op": op, "path": "userName", "value": "New@X"}]),
            &json!({"userName": "New@X"}),
        );
    }
    check(
        &old,
        &json!([{"op": "replace", "value": {"displayName": null, "name": {"givenName": null}}}]),
        &json!({"name": {"familyName": "F"}}),
    );
    check(&old, &json!([{"op": "add", "value": {"displayName": null}}]), &old);
    check(&old, &json!([{"op": "replace", "path": "name", "value": null}]), &json!({"displayName": "Old"}));
    check(
        &old,
        &json!([{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}]),
        &json!({"displayName": "Old"}),
    );
    check(
        &old,
        &json!([{"op": "remove", "path": "displayName"}, {"op": "remove", "path": "name", "value": "ignored"}]),
        &json!({}),
    );
    check(&json!({}), &json!([{"op": "remove", "path": "title"}]), &json!({}));
}

#[test]
fn later_operations_see_earlier_ones() {
    check(
        &json!({"displayName": "N0"}),
        &json!([{"op": "Remove", "path": "displayName"}, {"op": "Add", "path": "displayName", "value": "N1"},
                {"op": "Replace", "path": "displayName", "value": "N2"}]),
        &json!({"displayName": "N2"}),
    );
}

#[test]
fn a_failing_operation_fails_all() {
    refuse(
        &json!({}),
        &json!([{"op": "replace", "path": "displayName", "value": "X"}, {"op": "replace", "path": "emails[value co \"@\"].type", "value": "x"}]),
        ScimType::NoTarget,
    );
}

#[test]
fn adding_elements() {
    let both = two_emails();
    check(
        &json!({}),
        &json!([{"op": "add", "path": "emails", "value": {"value": "a@x"}}]),
        &json!({"emails": [{"value": "a@x"}]}),
    );
    check(
        &json!({}),
        &json!([{"op": "add", "path": "emails", "value": "a@x"}]),
        &json!({"emails": [{"value": "a@x"}]}),
    );
    // What is there already stays as it is.
    for value in
        [json!([{"value": "w@x", "type": "work"}]), json!([{"value": "W@X"}]), json!([]), json!([null])]
    {
        let document = patched(&both, &json!([{"op": "add", "path": "emails", "value": value}])).unwrap();
        assert_eq!(document.emails().len(), 2, "{value}");
    }
    check(
        &both,
        &json!([{"op": "add", "path": "emails", "value": [{"value": "w@x", "type": "work"}]}]),
        &both,
    );
    check(
        &both,
        &json!([{"op": "add", "path": "emails", "value": [{"value": "h@x", "type": "home", "display": "H"}, {"value": "h@x", "type": "other"}]}]),
        &json!({"emails": [{"value": "w@x", "type": "work", "primary": true},
                           {"value": "h@x", "type": "home", "display": "H"}, {"value": "h@x", "type": "other"}]}),
    );
}

#[test]
fn one_primary() {
    let both = two_emails();
    check(
        &both,
        &json!([{"op": "add", "path": "emails", "value": [{"value": "n@x", "type": "other", "primary": true}]}]),
        &json!({"emails": [{"value": "w@x", "type": "work", "primary": false}, {"value": "h@x", "type": "home"},
                           {"value": "n@x", "type": "other", "primary": true}]}),
    );
    check(
        &both,
        &json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}]),
        &json!({"emails": [{"value": "w@x", "type": "work", "primary": false}, {"value": "h@x", "type": "home", "primary": true}]}),
    );
    check(
        &both,
        &json!([{"op": "add", "path": "emails[type eq \"other\" and primary eq true].value", "value": "n@x"}]),
        &json!({"emails": [{"value": "w@x", "type": "work", "primary": false}, {"value": "h@x", "type": "home"},
                           {"value": "n@x", "type": "other", "primary": true}]}),
    );
    // Of two that become the same, the primary one stays.
    check(
        &json!({"emails": [{"value": "a"}, {"value": "b", "display": "B", "primary": true}]}),
        &json!([{"op": "replace", "path": "emails[value eq \"b\"].value", "value": "a"}]),
        &json!({"emails": [{"value": "a", "display": "B", "primary": true}]}),
    );
    // Changing another part of the primary element moves nothing, nor does a second primary in one request.
    check(
        &both,
        &json!([{"op": "replace", "path": "emails[type eq \"home\"].value", "value": "n@x"}]),
        &json!({"emails": [{"value": "w@x", "type": "work", "primary": true}, {"value": "n@x", "type": "home"}]}),
    );
    check(
        &json!({}),
        &json!([{"op": "replace", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}]),
        &json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": false}]}),
    );
}

#[test]
fn replacing_lists() {
    let both = two_emails();
    check(
        &both,
        &json!([{"op": "replace", "path": "emails", "value": [{"value": "n@x"}]}]),
        &json!({"emails": [{"value": "n@x"}]}),
    );
    check(&both, &json!([{"op": "replace", "value": {"emails": []}}]), &json!({}));
    check(&both, &json!([{"op": "replace", "path": "emails", "value": null}]), &json!({}));
    check(
        &both,
        &json!([{"op": "replace", "path": "phoneNumbers", "value": [{"value": "1"}, {"value": "1"}]}]),
        &json!({"emails": both["emails"], "phoneNumbers": [{"value": "1"}]}),
    );
}

#[test]
fn value_paths() {
    let both = two_emails();
    for op in ["add", "replace"] {
        check(
            &both,
            &json!([{"op": op, "path": "emails[type eq \"WORK\"].value", "value": "n@x"}]),
            &json!({"emails": [{"value": "n@x", "type": "work", "primary": true}, {"value": "h@x", "type": "home"}]}),
        );
        check(
            &both,
            &json!([{"op": op, "path": "emails[type eq \"home\"]", "value": {"display": "H"}}]),
            &json!({"emails": [{"value": "w@x", "type": "work", "primary": true}, {"value": "h@x", "display": "H", "type": "home"}]}),
        );
        check(
            &json!({}),
            &json!([{"op": op, "path": "emails[type eq \"work\"].value", "value": "n@x"}]),
            &json!({"emails": [{"value": "n@x", "type": "work"}]}),
        );
        check(
            &json!({}),
            &json!([{"op": op, "path": "roles[primary eq \"True\"].value", "value": "r"}]),
            &json!({"roles": [{"value": "r", "primary": true}]}),
        );
        refuse(
            &both,
            &json!([{"op": op, "path": "emails[type eq \"nope\" or value co \"#\"].value", "value": "x"}]),
            ScimType::NoTarget,
        );
        refuse(
            &both,
            &json!([{"op": op, "path": "emails[type eq \"a\" and type eq \"b\"].value", "value": "x"}]),
            ScimType::NoTarget,
        );
        refuse(
            &both,
            &json!([{"op": op, "path": "emails[type eq \"work\"].primary", "value": "1-648-555"}]),
            ScimType::InvalidValue,
        );
    }
    check(
        &both,
        &json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": null}]),
        &json!({"emails": [both["emails"][0]]}),
    );
    check(
        &both,
        &json!([{"op": "replace", "path": "emails[type eq \"home\"].value", "value": ""}]),
        &json!({"emails": [both["emails"][0]]}),
    );
    check(
        &both,
        &json!([{"op": "replace", "path": "emails[type eq \"other\"].value", "value": null}]),
        &both,
    );
}

#[test]
fn removing_elements() {
    let both = two_emails();
    check(&both, &json!([{"op": "remove", "path": "emails"}]), &json!({}));
    check(
        &both,
        &json!([{"op": "remove", "path": "emails[type eq \"home\"]"}]),
        &json!({"emails": [both["emails"][0]]}),
    );
    check(
        &both,
        &json!([{"op": "remove", "path": "emails[type eq \"home\"].type"}]),
        &json!({"emails": [both["emails"][0], {"value": "h@x"}]}),
    );
    check(
        &both,
        &json!([{"op": "remove", "path": "emails[type eq \"home\"].value"}]),
        &json!({"emails": [both["emails"][0]]}),
    );
    check(&both, &json!([{"op": "remove", "path": "emails[type eq \"other\"]"}]), &both);
    check(
        &both,
        &json!([{"op": "remove", "path": "emails", "value": [{"value": "H@x"}]}]),
        &json!({"emails": [both["emails"][0]]}),
    );
    check(
        &both,
        &json!([{"op": "remove", "path": "emails", "value": [{"value": "h@x", "type": "work"}]}]),
        &both,
    );
    check(&both, &json!([{"op": "remove", "path": "emails", "value": []}]), &both);
    check(&both, &json!([{"op": "remove", "path": "emails", "value": null}]), &json!({}));
    let address =
        json!({"addresses": [{"country": "DE", "type": "work"}, {"country": "FR", "type": "work"}]});
    check(
        &address,
        &json!([{"op": "remove", "path": "addresses", "value": {"country": "FR"}}]),
        &json!({"addresses": [{"country": "DE", "type": "work"}]}),
    );
}

#[test]
fn several_parts_fill_one_element() {
    let operations: Vec<Value> = ["streetAddress", "locality", "region", "postalCode", "country"]
        .iter()
        .map(
            |part| json!({"op": "Add", "path": format!("addresses[type eq \"work\"].{part}"), "value": part}),
        )
        .collect();
    check(
        &json!({}),
        &operations.into(),
        &json!({"addresses": [{"streetAddress": "streetAddress", "locality": "locality", "region": "region",
                               "postalCode": "postalCode", "country": "country", "type": "work"}]}),
    );
}

#[test]
fn a_validator_session() {
    check(
        &json!({"emails": [{"value": "w@x", "type": "work", "primary": true}]}),
        &json!([
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "n@x"},
            {"op": "add", "path": "emails[type eq \"home\"].value", "value": "h@x"},
            {"op": "replace", "path": "emails[type eq \"home\"].display", "value": "D"},
            {"op": "add", "path": "emails[type eq \"work\"].primary", "value": false},
            {"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true},
        ]),
        &json!({"emails": [{"value": "n@x", "type": "work", "primary": false},
                           {"value": "h@x", "display": "D", "type": "home", "primary": true}]}),
    );
}

#[test]
fn extensions() {
    let manager = |id: &str| json!({ENTERPRISE_USER: {"manager": {"value": id}}});
    let path = format!("{ENTERPRISE_USER}:manager");
    for value in [
        json!("m"),
        json!({"value": "m"}),
        json!([{"$ref": "../Users/m", "value": "m"}]),
        json!({"VALUE": "m", "$ref": null}),
    ] {
        for path in [path.as_str(), "manager", "MANAGER"] {
            check(&json!({}), &json!([{"op": "Add", "path": path, "value": value}]), &manager("m"));
        }
        check(
            &json!({}),
            &json!([{"op": "replace", "value": {ENTERPRISE_USER: {"manager": value}}}]),
            &manager("m"),
        );
        check(
            &json!({}),
            &json!([{"op": "replace", "path": ENTERPRISE_USER, "value": {"manager": value}}]),
            &manager("m"),
        );
    }
    check(&json!({}), &json!([{"op": "add", "path": "manager.value", "value": "m"}]), &manager("m"));
    for clearing in [
        json!({"op": "Replace", "path": path, "value": ""}),
        json!({"op": "Replace", "path": path, "value": {"value": ""}}),
        json!({"op": "Remove", "path": path}),
        json!({"op": "Remove", "path": "manager.value"}),
        json!({"op": "Remove", "path": ENTERPRISE_USER}),
        json!({"op": "replace", "path": ENTERPRISE_USER, "value": null}),
        json!({"op": "replace", "value": {ENTERPRISE_USER: null}}),
        json!({"op": "replace", "value": {ENTERPRISE_USER: {"manager": null}}}),
    ] {
        check(&manager("m"), &json!([clearing]), &json!({}));
    }
    check(
        &json!({ENTERPRISE_USER: {"manager": {"value": "m"}, "department": "D"}}),
        &json!([{"op": "add", "path": ENTERPRISE_USER, "value": {"costCenter": "C"}}]),
        &json!({ENTERPRISE_USER: {"manager": {"value": "m"}, "department": "D", "costCenter": "C"}}),
    );
    let document = patched(&json!({}), &json!([{"op": "add", "path": "department", "value": "D"}])).unwrap();
    assert_eq!(document.get("schemas"), Some(&json!([CORE_USER, ENTERPRISE_USER])));
}

#[test]
fn the_name_of_a_manager_is_the_servers_to_say() {
    let manager = |id: &str| json!({ENTERPRISE_USER: {"manager": {"value": id}}});
    let named = |id: &str| json!({"value": id, "displayName": "M"});
    let name = format!("{ENTERPRISE_USER}:manager.displayName");
    for given in [
        json!({"op": "add", "path": "manager", "value": named("n")}),
        json!({"op": "replace", "path": "manager", "value": [named("n")]}),
        json!({"op": "replace", "path": ENTERPRISE_USER, "value": {"manager": named("n")}}),
        json!({"op": "replace", "value": {ENTERPRISE_USER: {"manager": named("n")}}}),
        json!({"op": "replace", "value": {"manager.value": "n", name.as_str(): "M"}}),
    ] {
        check(&manager("m"), &json!([given]), &manager("n"));
        // Without the rule it is refused wherever it stands.
        let rules = Rules::default().without(Rule::IgnoreReadonlyInValue);
        let body = json!({"schemas": [PATCH_OP], "Operations": [given]});
        let body = body.as_object().cloned().unwrap();
        let error = patch_request(ResourceKind::User, body, &rules).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::Mutability), "{given}");
    }
    for op in ["add", "replace", "remove"] {
        let operations = json!([{"op": op, "path": name, "value": "M"}]);
        refuse(&manager("m"), &operations, ScimType::Mutability);
    }
    // A name alone makes no manager, and unmakes none.
    let name_alone = json!([{"op": "replace", "path": "manager", "value": {"displayName": "M"}}]);
    check(&json!({}), &name_alone, &json!({}));
    check(&manager("m"), &name_alone, &manager("m"));
    // One that was stored once goes with the next write.
    let title = json!([{"op": "replace", "path": "title", "value": "T"}]);
    for (held, left) in [
        (named("m"), json!({"manager": {"value": "m"}, "division": "d"})),
        (json!({"displayName": "M"}), json!({"division": "d"})),
    ] {
        let mut stored = user(&json!({})).into_map();
        stored.insert(ENTERPRISE_USER.to_owned(), json!({"division": "d", "manager": held}));
        let patch = request(ResourceKind::User, &title).unwrap();
        let document = apply_user(&Document::from_map(stored), &patch).unwrap();
        assert_eq!(document.get(ENTERPRISE_USER), Some(&left));
    }
}

#[test]
fn an_element_that_a_path_makes_needs_a_value() {
    let op = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
    let primary = op("emails[type eq \"work\"].primary", json!(true));
    let value = op("emails[type eq \"work\"].value", json!("w@x"));
    let home = json!({"emails": [{"value": "h@x", "type": "home"}]});
    for alone in [
        primary.clone(),
        op("emails[type eq \"work\"]", json!({"primary": true})),
        op("emails[type eq \"work\"].type", json!("WORK")),
        op("addresses[type eq \"work\"].primary", json!(true)),
    ] {
        refuse(&home, &json!([alone]), ScimType::InvalidValue);
        refuse(&json!({}), &json!([alone]), ScimType::InvalidValue);
    }
    refuse(&json!({}), &json!([op("emails.primary", json!(true))]), ScimType::InvalidValue);
    // In any order within one request it may get one, or go again.
    let work = json!({"emails": [{"value": "w@x", "type": "work", "primary": true}]});
    check(&json!({}), &json!([primary, value]), &work);
    check(&json!({}), &json!([value, primary]), &work);
    check(&home, &json!([primary, {"op": "remove", "path": "emails[type eq \"work\"]"}]), &home);
    check(&home, &json!([primary, {"op": "remove", "path": "emails"}]), &json!({}));
    // What was there before may lose its value, and nothing is nothing.
    check(&work, &json!([{"op": "remove", "path": "emails[type eq \"work\"].value"}]), &json!({}));
    for nothing in [json!({"value": ""}), json!({"type": "work", "value": null, "primary": true}), json!({})]
    {
        check(&home, &json!([op("emails[type eq \"work\"]", nothing)]), &home);
    }
    let by_value = json!([op("emails[value eq \"w@x\"]", json!({"primary": null}))]);
    check(&json!({}), &by_value, &json!({"emails": [{"value": "w@x"}]}));
    // A whole element that came without a value is left out, as in a body.
    check(&home, &json!([op("emails", json!([{"type": "work", "primary": true}]))]), &home);
}

#[test]
fn keys_that_are_paths() {
    check(
        &json!({"name": {"middleName": "M"}}),
        &json!([{"op": "replace", "value": {
            "displayName": "B",
            "name.givenName": "G",
            "NAME.familyName": "F",
            "emails[type eq \"work\"].value": "w@x",
            "urn:ietf:params:scim:schemas:core:2.0:User:title": "T",
            "urn:ietf:params:scim:schemas:core:2.0:User": {"nickName": "N"},
            format!("{ENTERPRISE_USER}:employeeNumber"): "7",
            format!("{ENTERPRISE_USER}:manager.value"): "m",
            "department": "D",
        }}]),
        &json!({"displayName": "B", "name": {"middleName": "M", "givenName": "G", "familyName": "F"},
                "emails": [{"value": "w@x", "type": "work"}], "title": "T", "nickName": "N",
                ENTERPRISE_USER: {"employeeNumber": "7", "manager": {"value": "m"}, "department": "D"}}),
    );
}

#[test]
fn booleans_and_roles() {
    for (value, active) in [(json!("False"), false), (json!(false), false), (json!("true"), true)] {
        check(
            &json!({}),
            &json!([{"op": "Replace", "path": "active", "value": value}]),
            &json!({"active": active}),
        );
        check(
            &json!({}),
            &json!([{"op": "replace", "value": {"active": value}}]),
            &json!({"active": active}),
        );
    }
    let role = "{\"id\":\"06\",\"value\":\"25\",\"displayName\":\"Role 1\"}";
    check(
        &json!({}),
        &json!([{"op": "Add", "path": "roles", "value": [{"value": role}]}]),
        &json!({"roles": [{"value": role}]}),
    );
}

#[test]
fn active_can_be_unassigned_by_its_path_only_and_that_reactivates_nobody() {
    for operation in
        [json!({"op": "remove", "path": "active"}), json!({"op": "replace", "path": "active", "value": null})]
    {
        let document = patched(&json!({"active": true}), &json!([operation])).unwrap();
        assert_eq!(document.get("active"), None);
        assert!(document.active());
        let document = patched(&json!({"active": false}), &json!([operation])).unwrap();
        assert!(!document.active());
        assert_eq!(document.clone().into_map().get("active"), None);
        // It stays so whatever else changes, until somebody says otherwise.
        let apply = |before: &Document, operations: Value| {
            apply_user(before, &request(ResourceKind::User, &operations).unwrap()).unwrap()
        };
        let later = apply(&document, json!([{"op": "add", "path": "title", "value": "T"}]));
        assert!(!later.active());
        assert_eq!(later.clone().into_map().get("active"), None);
        let told = apply(&later, json!([{"op": "add", "path": "active", "value": true}]));
        assert_eq!((told.active(), told.get("active")), (true, Some(&json!(true))));
    }
}

#[test]
fn what_has_no_effect() {
    let before = json!({"displayName": "D", "active": false});
    for operations in [
        json!([{"op": "replace", "value": {"password": "secret"}}]),
        json!([{"op": "replace", "path": "password", "value": "secret"}]),
        json!([{"op": "remove", "path": "password"}]),
        json!([{"op": "replace", "value": {"id": "x", "meta": {"version": "1"}, "groups": [], "schemas": ["urn:x"]}}]),
        json!([{"op": "replace", "value": {"__proto__": {"admin": true}, "constructor": {"x": 1}, "nope": [[]]}}]),
        json!([{"op": "add", "path": "schemas", "value": [ENTERPRISE_USER]}]),
        json!([{"op": "replace", "path": "urn:example:custom:2.0:User:tag", "value": "x"}]),
        json!([{"op": "replace", "value": {"urn:example:custom:2.0:User": {"tag": "x"}, "active": null}}]),
        json!([{"op": "replace", "value": {}}]),
        json!([{"op": "replace", "path": "manager.$ref", "value": "x"}]),
    ] {
        check(&before, &operations, &before);
    }
}

#[test]
fn what_is_refused() {
    use ScimType::{InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget};
    for (operations, scim_type) in [
        (json!([]), InvalidSyntax),
        (json!({}), InvalidSyntax),
        (json!(["x"]), InvalidSyntax),
        (json!([{"path": "title", "value": "x"}]), InvalidSyntax),
        (json!([{"op": "move", "path": "userName", "value": "x"}]), InvalidSyntax),
        (json!([{"op": 1, "path": "title"}]), InvalidSyntax),
        (json!([{"op": "remove"}]), NoTarget),
        (json!([{"op": "remove", "path": " "}]), NoTarget),
        (json!([{"op": "remove", "path": "userName"}]), Mutability),
        (json!([{"op": "remove", "path": "schemas"}]), Mutability),
        (json!([{"op": "remove", "path": CORE_USER}]), Mutability),
        (json!([{"op": "replace", "path": "id", "value": "x"}]), Mutability),
        (json!([{"op": "replace", "path": "meta.version", "value": "x"}]), Mutability),
        (json!([{"op": "add", "path": "groups", "value": [{"value": "g"}]}]), Mutability),
        (json!([{"op": "add", "path": "title"}]), InvalidValue),
        (json!([{"op": "replace", "path": "title"}]), InvalidValue),
        (json!([{"op": "add"}]), InvalidValue),
        (json!([{"op": "add", "value": "x"}]), InvalidValue),
        (json!([{"op": "replace", "path": "userName", "value": null}]), InvalidValue),
        (json!([{"op": "replace", "path": "userName", "value": ""}]), InvalidValue),
        (json!([{"op": "replace", "path": "userName", "value": "  "}]), InvalidValue),
        (json!([{"op": "replace", "value": {"userName": null}}]), InvalidValue),
        (json!([{"op": "replace", "path": "active", "value": "maybe"}]), InvalidValue),
        (json!([{"op": "replace", "path": "active", "value": 1}]), InvalidValue),
        (json!([{"op": "replace", "path": "title", "value": 1}]), InvalidValue),
        (json!([{"op": "replace", "path": "title", "value": {"a": 1}}]), InvalidValue),
        (json!([{"op": "replace", "path": "title", "value": ["a", "b"]}]), InvalidValue),
        (json!([{"op": "replace", "path": "name", "value": "x"}]), InvalidValue),
        (json!([{"op": "replace", "path": "emails", "value": [{"value": 1}]}]), InvalidValue),
        (json!([{"op": "replace", "path": "emails", "value": [1]}]), InvalidValue),
        (json!([{"op": "replace", "path": "addresses", "value": ["x"]}]), InvalidValue),
        (json!([{"op": "replace", "path": ENTERPRISE_USER, "value": "x"}]), InvalidValue),
        (json!([{"op": "replace", "path": "nope", "value": "x"}]), InvalidPath),
        (json!([{"op": "replace", "path": "__proto__.x", "value": "x"}]), InvalidPath),
        (json!([{"op": "replace", "path": "emails[type", "value": "x"}]), InvalidPath),
        (json!([{"op": "replace", "path": 1, "value": "x"}]), InvalidPath),
        (json!([{"op": "replace", "value": {"emails[type eq work].value": "x"}}]), InvalidPath),
        (json!([{"op": "add", "path": "title", "value": "x".repeat(65_537)}]), InvalidValue),
        (json!([{"op": "add", "path": "emails", "value": vec!["x"; 1_001]}]), InvalidValue),
    ] {
        refuse(&json!({}), &operations, scim_type);
    }
    let many = vec![json!({"op": "replace", "path": "title", "value": "x"}); 1_001];
    assert_eq!(patched(&json!({}), &many.into()).unwrap_err().status, 413);
    let filling: Vec<Value> = (0..600).map(|n| format!("e{n}").into()).collect();
    let more: Vec<Value> = (600..1_200).map(|n| format!("e{n}").into()).collect();
    refuse(
        &json!({}),
        &json!([{"op": "add", "path": "emails", "value": filling}, {"op": "add", "path": "emails", "value": more}]),
        InvalidValue,
    );
}
