//! What Entra ID sends.

use serde_json::{Value, json};

use super::{ENTERPRISE, found, group, members, patch, patched, read, sorted, user, users};
use crate::server::Server;

#[actix_web::test]
async fn t_16_true_and_false_as_text_are_booleans() {
    let server = Server::start().await;
    let path = user(&server, json!({"active": "True"})).await;
    assert_eq!(read(&server, &path).await["active"], true);
    for (text, active, event) in [
        ("False", false, "user.deactivated"),
        ("true", true, "user.reactivated"),
        ("FALSE", false, "user.deactivated"),
    ] {
        let seen = patched(&server, &path, json!([{"op": "Replace", "path": "active", "value": text}])).await;
        assert_eq!(
            (&seen["active"], server.new_events()),
            (&json!(active), vec![event.to_owned()]),
            "{text}"
        );
    }
}

#[actix_web::test]
async fn t_17_a_remove_with_a_list_removes_those_and_nobody_else() {
    let server = Server::start().await;
    let ids = users(&server, 3).await;
    for value in [
        json!([{"$ref": null, "value": ids[0]}]),
        json!([{"value": ids[0]}]),
        json!({"value": ids[0]}),
        json!([ids[0]]),
        json!(ids[0]),
    ] {
        let path = group(&server, &ids).await;
        let operation = json!([{"op": "Remove", "path": "members", "value": value}]);
        assert_eq!(members(&patched(&server, &path, operation).await), sorted(&ids[1..]), "{value}");
        assert_eq!(server.new_events(), ["group.member_removed"]);
    }
    let path = group(&server, &ids).await;
    let nobody = patched(&server, &path, json!([{"op": "Remove", "path": "members", "value": []}])).await;
    assert_eq!(members(&nobody), sorted(&ids));
    assert_eq!(
        members(&patched(&server, &path, json!([{"op": "Remove", "path": "members"}])).await),
        [""; 0]
    );
}

#[actix_web::test]
async fn t_18_a_remove_by_value_path_is_carried_out() {
    let server = Server::start().await;
    let ids = users(&server, 3).await;
    let path = group(&server, &ids).await;
    let filter = format!("members[value eq \"{}\" or value eq \"{}\"]", ids[0], ids[2]);
    let seen = patched(&server, &path, json!([{"op": "remove", "path": filter}])).await;
    assert_eq!(members(&seen), [ids[1].clone()]);
    assert_eq!(server.new_events(), vec!["group.member_removed"; 2]);
}

#[actix_web::test]
async fn t_19_patch_is_there_for_users_and_for_groups() {
    let server = Server::start().await;
    let (ann, staff) = (user(&server, json!({})).await, group(&server, &[]).await);
    for path in [ann, staff] {
        let got =
            patch(&server, &path, json!([{"op": "replace", "path": "displayName", "value": "New"}])).await;
        assert_eq!(got.status, 200, "{path}");
        let allowed = server.one("OPTIONS", &path, None).await;
        assert!(allowed.header("allow").unwrap().contains("PATCH"));
    }
}

#[actix_web::test]
async fn t_20_a_work_address_that_is_missing_is_made_and_the_others_stay() {
    let server = Server::start().await;
    let home = json!({"value": "h@x", "type": "home"});
    let work = |value: &str| json!({"value": value, "type": "work"});
    for op in ["Add", "Replace"] {
        let path = user(&server, json!({"userName": op, "emails": [home]})).await;
        let set = |value: &str| json!([{"op": op, "path": "emails[type eq \"work\"].value", "value": value}]);
        assert_eq!(patched(&server, &path, set("w@x")).await["emails"], json!([home, work("w@x")]), "{op}");
        assert_eq!(patched(&server, &path, set("v@x")).await["emails"], json!([home, work("v@x")]), "{op}");
    }
}

#[actix_web::test]
async fn t_21_five_parts_of_an_address_are_one_address() {
    let server = Server::start().await;
    let path = user(&server, json!({})).await;
    let parts = ["streetAddress", "locality", "region", "postalCode", "country"];
    let operations: Vec<Value> = parts
        .iter()
        .map(
            |part| json!({"op": "Add", "path": format!("addresses[type eq \"work\"].{part}"), "value": part}),
        )
        .collect();
    let seen = patched(&server, &path, operations.into()).await;
    assert_eq!(seen["addresses"].as_array().map(Vec::len), Some(1), "{seen}");
    assert!(parts.iter().all(|part| seen["addresses"][0][part] == *part));
}

#[actix_web::test]
async fn t_22_a_remove_with_a_value_sets_nothing() {
    let server = Server::start().await;
    let path = user(&server, json!({"title": "T", "displayName": "D"})).await;
    let seen = patched(
        &server,
        &path,
        json!([
            {"op": "Remove", "path": "title", "value": "other"},
            {"op": "Remove", "path": "displayName", "value": ""},
        ]),
    )
    .await;
    assert_eq!((seen.get("title"), seen.get("displayName")), (None, None));
}

#[actix_web::test]
async fn t_23_values_with_spaces_are_kept_whole() {
    let server = Server::start().await;
    let path = user(&server, json!({})).await;
    let name = "  Ann  Marie van der Berg ";
    let seen = patched(
        &server,
        &path,
        json!([
            {"op": "Replace", "path": "displayName", "value": name},
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "a b@x"},
            {"op": "Add", "path": "roles[value eq \"two words\"].display", "value": "R S"},
        ]),
    )
    .await;
    assert_eq!((&seen["displayName"], &seen["emails"][0]["value"]), (&json!(name), &json!("a b@x")));
    assert_eq!(
        (&seen["roles"][0]["value"], &seen["roles"][0]["display"]),
        (&json!("two words"), &json!("R S"))
    );
    assert_eq!(found(&server, "Users", &format!("displayName eq \"{name}\"")).await, ["ann"]);
}

#[actix_web::test]
async fn t_24_a_manager_in_any_form_is_an_object() {
    let server = Server::start().await;
    let boss = server.user("boss").await;
    let with = user(&server, json!({ENTERPRISE: {"manager": boss}})).await;
    let path = format!("{ENTERPRISE}:manager");
    let url = format!("https://rollcall.example{}/Users/{boss}", server.one.path());
    let expected = json!({"value": boss, "$ref": url});
    assert_eq!(read(&server, &with).await[ENTERPRISE]["manager"], expected);
    for operation in [
        json!({"op": "Replace", "path": path, "value": boss}),
        json!({"op": "Add", "path": path, "value": {"value": boss}}),
        json!({"op": "Add", "path": "manager", "value": [{"$ref": "../Users/x", "value": boss}]}),
    ] {
        let clear = json!([{"op": "Remove", "path": path}]);
        assert_eq!(patched(&server, &with, clear).await.get(ENTERPRISE), None);
        let seen = patched(&server, &with, json!([operation])).await;
        assert_eq!(seen[ENTERPRISE]["manager"], expected, "{operation}");
    }
    let seen = patched(&server, &with, json!([{"op": "Replace", "path": path, "value": ""}])).await;
    assert_eq!(seen.get(ENTERPRISE), None);
}

#[actix_web::test]
async fn t_25_roles_are_kept_as_sent_and_go_when_removed() {
    let server = Server::start().await;
    let path = user(&server, json!({})).await;
    let role =
        |n: u8| json!({"value": format!("{{\"id\":\"{n}\",\"value\":\"r\",\"displayName\":\"Role {n}\"}}")});
    let seen =
        patched(&server, &path, json!([{"op": "Add", "path": "roles", "value": [role(1), role(2)]}])).await;
    assert_eq!(seen["roles"], json!([role(1), role(2)]));
    let seen = patched(&server, &path, json!([{"op": "Replace", "path": "roles", "value": [role(2)]}])).await;
    assert_eq!(seen["roles"], json!([role(2)]));
    let seen = patched(&server, &path, json!([{"op": "Remove", "path": "roles", "value": [role(2)]}])).await;
    assert_eq!(seen.get("roles"), None);
}

#[actix_web::test]
async fn t_26_dotted_keys_are_paths_and_not_names() {
    let server = Server::start().await;
    let path = user(&server, json!({"name": {"familyName": "F"}})).await;
    let value = json!({"name.givenName": "G", "name.formatted": "G F", "emails[type eq \"work\"].value": "w@x",
                       format!("{ENTERPRISE}:department"): "D"});
    let seen = patched(&server, &path, json!([{"op": "replace", "value": value}])).await;
    assert_eq!(seen["name"], json!({"formatted": "G F", "familyName": "F", "givenName": "G"}));
    assert_eq!(seen["emails"], json!([{"value": "w@x", "type": "work"}]));
    assert_eq!(seen[ENTERPRISE]["department"], "D");
    assert!(seen.as_object().unwrap().keys().all(|key| !key.contains(".given") && !key.contains('[')));
}

#[actix_web::test]
async fn t_27_paths_below_the_urn_of_an_extension() {
    let server = Server::start().await;
    let path = user(&server, json!({})).await;
    for (name, value) in [
        (format!("{ENTERPRISE}:department"), "a"),
        (format!("{}:Department", ENTERPRISE.to_lowercase()), "b"),
        (format!("{ENTERPRISE}.department"), "c"),
    ] {
        for op in ["add", "replace"] {
            let seen = patched(&server, &path, json!([{"op": op, "path": name, "value": value}])).await;
            assert_eq!(seen[ENTERPRISE], json!({"department": value}), "{op} {name}");
            assert!(seen["schemas"].as_array().unwrap().contains(&json!(ENTERPRISE)));
        }
    }
    let core = "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName";
    let seen = patched(&server, &path, json!([{"op": "add", "path": core, "value": "F"}])).await;
    assert_eq!(seen["name"]["familyName"], "F");
    let seen = patched(&server, &path, json!([{"op": "remove", "path": ENTERPRISE}])).await;
    assert_eq!((seen.get(ENTERPRISE), seen["schemas"].as_array().map(Vec::len)), (None, Some(1)));
}

#[actix_web::test]
async fn t_28_another_external_id_is_the_same_user() {
    let server = Server::start().await;
    let path = user(&server, json!({"externalId": "nickname"})).await;
    let before = read(&server, &path).await;
    let seen =
        patched(&server, &path, json!([{"op": "Replace", "path": "externalId", "value": "object-id"}])).await;
    assert_eq!((&seen["id"], &seen["externalId"]), (&before["id"], &json!("object-id")));
    assert_eq!(found(&server, "Users", "externalId eq \"object-id\"").await, ["ann"]);
    assert_eq!(found(&server, "Users", "externalId eq \"nickname\"").await, [""; 0]);
    let again = json!({"userName": "ANN", "externalId": "object-id"});
    server.one("POST", "/Users", Some(&again)).await.assert_error(409, "the same person");
}

#[actix_web::test]
async fn t_29_a_disabled_user_is_enabled_again() {
    let server = Server::start().await;
    let path = user(&server, json!({"active": false})).await;
    for (value, events) in [(json!("True"), vec!["user.reactivated"]), (json!(true), vec![])] {
        let got = patch(&server, &path, json!([{"op": "Replace", "path": "active", "value": value}])).await;
        assert_eq!((got.status, &got.body["active"]), (200, &json!(true)));
        assert_eq!(server.new_events(), events);
    }
}
