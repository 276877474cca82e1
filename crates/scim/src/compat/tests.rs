//! Bodies of POST and PUT, and every rule switched on and off.

use serde_json::{Map, Value, json};

use super::*;
use crate::{
    error::{ScimError, ScimType},
    kind::ResourceKind,
    patch::{MemberOp, MemberSelector, Operation, apply_user_noting},
    schema::{CORE_GROUP, CORE_USER, ENTERPRISE_USER, PATCH_OP},
};

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn post(body: Value, rules: &Rules) -> Result<(Value, Vec<&'static str>), ScimError> {
    let (input, applied) = user_input(map(body), rules)?;
    let mut attributes = input.document.into_map();
    assert!(attributes.shift_remove("active").is_some_and(|active| active == true));
    attributes.shift_remove("schemas");
    Ok((attributes.into(), applied.iter().collect()))
}

#[test]
fn a_body_becomes_canonical() {
    let (input, applied) = user_input(
        map(json!({
            "SCHEMAS": [CORE_USER, ENTERPRISE_USER.to_lowercase()],
            "id": "theirs", "meta": {"resourceType": "User"}, "groups": [{"value": "g"}], "password": "p",
            "unknown": {"a": 1}, "urn:example:2.0:User": {"x": 1},
            ENTERPRISE_USER.to_lowercase(): {"Department": " D ", "manager": {"value": "m", "$ref": "x", "displayName": "M"}},
            "ACTIVE": false, "externalid": "e", "USERNAME": "Joe@X", "addresses": null, "phoneNumbers": [],
            "name": {"FAMILYNAME": "F", "givenName": "G", "x": 1, "middleName": null}, "displayName": "",
            "emails": [{"type": "work", "value": "a@x", "primary": true}, {"value": "A@X", "type": "WORK"},
                       {"value": "b@x", "primary": true}, {"type": "home", "value": "", "primary": false}, {}, null],
        })),
        &Rules::default(),
    )
    .unwrap();
    assert!(input.active_given);
    insta::assert_json_snapshot!(input.document, @r#"
    {
      "schemas": [
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
      ],
      "externalId": "e",
      "userName": "Joe@X",
      "name": {
        "familyName": "F",
        "givenName": "G"
      },
      "active": false,
      "emails": [
        {
          "value": "a@x",
          "type": "work",
          "primary": true
        },
        {
          "value": "b@x",
          "primary": false
        }
      ],
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
        "department": " D ",
        "manager": {
          "value": "m"
        }
      }
    }
    "#);
    assert_eq!(
        applied.iter().collect::<Vec<_>>(),
        ["empty_string_is_unassigned", "unknown_schema_uris", "ignore_unknown_attributes"]
    );
}

#[test]
fn a_plain_body_needs_no_rule() {
    let body = json!({"schemas": [CORE_USER], "userName": "a", "active": true, "id": "x", "meta": {},
                      "emails": [{"value": "a", "primary": true}], "title": null});
    assert_eq!(post(body.clone(), &Rules::default()).unwrap().1, [] as [&str; 0]);
    assert_eq!(
        post(body, &Rules::strict()).unwrap().0,
        json!({"userName": "a", "emails": [{"value": "a", "primary": true}]})
    );
}

#[test]
fn active_is_true_unless_given() {
    for (active, expected) in
        [(json!(null), (true, false)), (json!(true), (true, true)), (json!("False"), (false, true))]
    {
        let body = json!({"userName": "a", "active": active});
        let (input, _) = user_input(map(body), &Rules::default()).unwrap();
        assert_eq!((input.document.active(), input.active_given), expected, "{active}");
        assert!(input.document.get("active").is_some());
    }
}

#[test]
fn refused_bodies() {
    for (body, named) in [
        (json!({}), "userName"),
        (json!({"not": "a user"}), "userName"),
        (json!({"userName": null}), "userName"),
        (json!({"userName": ""}), "userName"),
        (json!({"userName": " \t"}), "userName"),
        (json!({"userName": 1}), "userName"),
        (json!({"userName": "a", "active": "yes"}), "active"),
        (json!({"userName": "a", "active": 0}), "active"),
        (json!({"userName": "a", "name": "x"}), "name"),
        (json!({"userName": "a", "name": {"givenName": 1}}), "name.givenName"),
        (json!({"userName": "a", "emails": "x"}), "emails"),
        (json!({"userName": "a", "emails": {"value": "x"}}), "emails"),
        (json!({"userName": "a", "emails": [{"primary": "maybe"}]}), "emails.primary"),
        (json!({"userName": "a", "emails": [[]]}), "emails"),
        (json!({"userName": "a", "title": [["x"]]}), "title"),
        (json!({"userName": "a", "schemas": "urn"}), "schemas"),
        (json!({"userName": "a", "schemas": [1]}), "schemas"),
        (json!({"userName": "a", ENTERPRISE_USER: []}), ENTERPRISE_USER),
        (json!({"userName": "a", ENTERPRISE_USER: {"manager": 7}}), "manager"),
        (json!({"userName": "a", "externalId": 7}), "externalId"),
        (json!({"userName": "a".repeat(MAX_STRING + 1)}), "userName"),
        (json!({"userName": "a", "roles": [{"value": "a".repeat(MAX_STRING + 1)}]}), "roles.value"),
    ] {
        let error = user_input(map(body), &Rules::default()).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)), "{named}");
        assert!(error.detail.contains(named), "{named}: {}", error.detail);
    }
}

#[test]
fn group_bodies() {
    let read = |body: Value| group_input(map(body), &Rules::default());
    let (input, _) =
        read(json!({"schemas": [CORE_GROUP, "http://schemas.microsoft.com/2006/11/ADSCIM/2.0/Group"],
        "externalId": "e", "displayName": "G", "meta": {}, "department": "no"}))
        .unwrap();
    assert_eq!(
        Value::from(input.document.into_map()),
        json!({"schemas": [CORE_GROUP], "externalId": "e", "displayName": "G"})
    );
    assert_eq!(input.members, None);
    assert_eq!(read(json!({"displayName": "G", "members": null})).unwrap().0.members, None);
    assert_eq!(read(json!({"displayName": "G", "members": []})).unwrap().0.members, Some(vec![]));
    let members =
        read(json!({"displayName": "G", "Members": [{"value": "a", "display": "x@y"}, {"value": "a"}, "b"]}));
    let ids: Vec<String> =
        members.unwrap().0.members.unwrap().into_iter().map(|member| member.value).collect();
    assert_eq!(ids, ["a", "b"]);
    for body in [json!({}), json!({"displayName": " "}), json!({"displayName": "G", "members": [{}]})] {
        assert_eq!(read(body).unwrap_err().scim_type, Some(ScimType::InvalidValue));
    }
}

/// What a request comes to: the resource after it, or the keyword of its refusal; and the rules it needed.
type Result_ = (Result<Value, Option<ScimType>>, Vec<&'static str>);

fn posted(body: Value, rules: &Rules) -> Result_ {
    match post(body, rules) {
        Ok((value, applied)) => (Ok(value), applied),
        Err(error) => (Err(error.scim_type), vec![]),
    }
}

fn patched(body: Value, rules: &Rules) -> Result_ {
    let before =
        json!({"userName": "a", "emails": [{"value": "w", "type": "work"}, {"value": "h", "type": "home"}]});
    let (before, _) = user_input(map(before), &Rules::strict()).unwrap();
    let done = patch_request(ResourceKind::User, map(body), rules).and_then(|(request, mut applied)| {
        let (document, more) = apply_user_noting(&before.document, &request)?;
        applied.merge(more);
        let changed = document
            .into_map()
            .into_iter()
            .filter(|(name, value)| name != "schemas" && before.document.get(name) != Some(value));
        Ok((Value::Object(changed.collect()), applied.iter().collect()))
    });
    match done {
        Ok((value, applied)) => (Ok(value), applied),
        Err(error) => (Err(error.scim_type), vec![]),
    }
}

fn op(operation: &Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": [operation]})
}

#[test]
fn every_rule_on_and_off() {
    use ScimType::{InvalidSyntax, InvalidValue, Mutability, NoTarget};
    let user = |more: Value| {
        let mut body = json!({"userName": "a"});
        body.as_object_mut().unwrap().append(&mut map(more));
        body
    };
    let manager = || Ok(json!({"userName": "a", ENTERPRISE_USER: {"manager": {"value": "m"}}}));
    let bare = || Ok(json!({"userName": "a"}));
    type Run = fn(Value, &Rules) -> Result_;
    type Row = (Rule, Run, Value, Result<Value, Option<ScimType>>, Result<Value, Option<ScimType>>);
    let rows: Vec<Row> = vec![
        (
            Rule::OpCaseInsensitive,
            patched,
            op(&json!({"op": "Replace", "path": "title", "value": "T"})),
            Ok(json!({"title": "T"})),
            Err(Some(InvalidSyntax)),
        ),
        (
            Rule::CoerceBooleanStrings,
            patched,
            op(&json!({"op": "replace", "path": "active", "value": "False"})),
            Ok(json!({"active": false})),
            Err(Some(InvalidValue)),
        ),
        (
            Rule::CoerceBooleanStrings,
            posted,
            user(json!({"roles": [{"value": "r", "primary": "TRUE"}]})),
            Ok(json!({"userName": "a", "roles": [{"value": "r", "primary": true}]})),
            Err(Some(InvalidValue)),
        ),
        (
            Rule::RemoveWithValueArray,
            patched,
            op(&json!({"op": "remove", "path": "emails", "value": [{"value": "h"}]})),
            Ok(json!({"emails": [{"value": "w", "type": "work"}]})),
            Err(Some(InvalidValue)),
        ),
        (
            Rule::ValuePathCreateOnMiss,
            patched,
            op(&json!({"op": "add", "path": "roles[type eq \"x\"].value", "value": "r"})),
            Ok(json!({"roles": [{"value": "r", "type": "x"}]})),
            Err(Some(NoTarget)),
        ),
        (
            Rule::ExpandDottedKeys,
            patched,
            op(&json!({"op": "replace", "value": {"name.givenName": "G"}})),
            Ok(json!({"name": {"givenName": "G"}})),
            Ok(json!({})),
        ),
        (
            Rule::ExpandDottedKeys,
            posted,
            user(json!({"name.givenName": "G"})),
            Ok(json!({"userName": "a", "name": {"givenName": "G"}})),
            bare(),
        ),
        (
            Rule::ExpandDottedKeys,
            posted,
            user(json!({ENTERPRISE_USER: {"manager.value": "m"}})),
            manager(),
            bare(),
        ),
        (
            Rule::ExpandFlatUrnKeys,
            patched,
            op(&json!({"op": "add", "value": {format!("{ENTERPRISE_USER}:department"): "D"}})),
            Ok(json!({ENTERPRISE_USER: {"department": "D"}})),
            Ok(json!({})),
        ),
        (
            Rule::WrapManagerString,
            posted,
            user(json!({ENTERPRISE_USER: {"manager": "m"}})),
            manager(),
            Err(Some(InvalidValue)),
        ),
        (
            Rule::UnwrapSingletonArray,
            posted,
            user(json!({ENTERPRISE_USER: {"manager": [{"value": "m"}]}})),
            manager(),
            Err(Some(InvalidValue)),
        ),
        (
            Rule::EmptyStringIsUnassigned,
            posted,
            user(json!({"title": ""})),
            bare(),
            Ok(json!({"userName": "a", "title": ""})),
        ),
        (
            Rule::EmptyStringIsUnassigned,
            posted,
            user(json!({ENTERPRISE_USER: {"manager": ""}})),
            bare(),
            Err(Some(InvalidValue)),
        ),
        (
            Rule::IgnoreReadonlyInValue,
            patched,
            op(&json!({"op": "replace", "value": {"id": "x", "title": "T"}})),
            Ok(json!({"title": "T"})),
            Err(Some(Mutability)),
        ),
        (
            Rule::ToleratePatchSchemas,
            patched,
            json!({"Operations": [{"op": "add", "path": "title", "value": "T"}]}),
            Ok(json!({"title": "T"})),
            Err(Some(InvalidSyntax)),
        ),
        (
            Rule::LowercaseOperations,
            patched,
            json!({"schemas": [PATCH_OP], "operations": [{"op": "add", "path": "title", "value": "T"}]}),
            Ok(json!({"title": "T"})),
            Err(Some(InvalidSyntax)),
        ),
        (
            Rule::LegacyUrns,
            posted,
            user(json!({"urn:scim:schemas:extension:enterprise:1.0": {"manager": {"value": "m"}}})),
            manager(),
            bare(),
        ),
        (
            Rule::LegacyUrns,
            posted,
            user(
                json!({"schemas": ["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"]}),
            ),
            bare(),
            bare(),
        ),
        (
            Rule::UnknownSchemaUris,
            posted,
            user(json!({"schemas": ["urn:x"]})),
            bare(),
            Err(Some(InvalidValue)),
        ),
        (
            Rule::UnknownSchemaUris,
            posted,
            user(json!({"urn:x:y": {"z": 1}})),
            bare(),
            Err(Some(InvalidValue)),
        ),
        (
            Rule::UnknownSchemaUris,
            patched,
            op(&json!({"op": "add", "path": "urn:x:y", "value": 1})),
            Ok(json!({})),
            Err(Some(ScimType::InvalidPath)),
        ),
        (
            Rule::IgnoreUnknownAttributes,
            patched,
            json!({"schemas": [PATCH_OP], "Operations": [
                {"op": "replace", "path": "favourite", "value": "x"},
                {"op": "replace", "path": "name.nope", "value": "x"},
                {"op": "replace", "path": "title", "value": "T"},
            ]}),
            Ok(json!({"title": "T"})),
            Err(Some(ScimType::InvalidPath)),
        ),
        (
            Rule::IgnoreUnknownAttributes,
            posted,
            user(json!({"favourite": "x", "name": {"nope": 1}, ENTERPRISE_USER: {"nope": 1}})),
            bare(),
            Err(Some(InvalidSyntax)),
        ),
        (
            Rule::IgnoreUnknownAttributes,
            posted,
            user(json!({"name": {"nope": 1}})),
            bare(),
            Err(Some(InvalidSyntax)),
        ),
        (
            Rule::IgnoreUnknownAttributes,
            posted,
            user(json!({ENTERPRISE_USER: {"nope": 1}})),
            bare(),
            Err(Some(InvalidSyntax)),
        ),
        (
            Rule::IgnoreUnknownAttributes,
            patched,
            op(&json!({"op": "replace", "value": {"favourite": "x", "title": "T"}})),
            Ok(json!({"title": "T"})),
            Err(Some(InvalidSyntax)),
        ),
        (
            Rule::UnqualifiedExtensionAttrs,
            posted,
            user(json!({"manager": {"value": "m"}})),
            manager(),
            bare(),
        ),
    ];
    // The rest has tests of its own, where it applies: the last two of this module, `filter`, and `ingest`.
    let elsewhere = [
        Rule::JsonContentType,
        Rule::ValuePathAsFilterLhs,
        Rule::GroupPatch204,
        Rule::PutGroupAbsentMembersKeeps,
    ];
    for rule in Rule::ALL {
        let here = rows.iter().any(|row| row.0 == *rule);
        assert_ne!(here, elsewhere.contains(rule), "{} has a test on and off", rule.name());
    }
    for (rule, run, body, on, off) in rows {
        let (outcome, applied) = run(body.clone(), &Rules::default());
        assert_eq!(outcome, on, "{} on: {body}", rule.name());
        assert!(applied.contains(&rule.name()), "{} notes: {applied:?}", rule.name());
        let (outcome, applied) = run(body.clone(), &Rules::default().without(rule));
        assert_eq!(outcome, off, "{} off: {body}", rule.name());
        assert!(!applied.contains(&rule.name()), "{}", rule.name());
    }
}

#[test]
fn removing_members_with_a_value_on_and_off() {
    let body = || map(op(&json!({"op": "remove", "path": "members", "value": [{"value": "a"}]})));
    let (request, applied) = patch_request(ResourceKind::Group, body(), &Rules::default()).unwrap();
    let only = MemberOp::Remove(MemberSelector::Values(vec!["a".to_owned()]));
    assert_eq!(request.operations, [Operation::Members(only)]);
    assert_eq!(applied.iter().collect::<Vec<_>>(), ["remove_with_value_array"]);
    let error = patch_request(ResourceKind::Group, body(), &Rules::strict()).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
}

#[test]
fn a_put_without_members_on_and_off() {
    let body = || map(json!({"displayName": "G"}));
    assert_eq!(group_input(body(), &Rules::default()).unwrap().0.members, None);
    let off = Rules::default().without(Rule::PutGroupAbsentMembersKeeps);
    assert_eq!(group_input(body(), &off).unwrap().0.members, Some(vec![]));
}

#[test]
fn a_partial_resource_is_no_patch() {
    let body = map(json!({"schemas": [CORE_USER], "active": false}));
    let error = patch_request(ResourceKind::User, body, &Rules::default()).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax));
}
