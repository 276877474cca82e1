//! Writes of users, case by case.

use rollcall_domain::{Command, Precondition, Refusal, Reply, directory::DirectoryState, ids::UserId};
use rollcall_scim::schema::ENTERPRISE_USER;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    build::{create_group, create_user, delete_user, patch_user, replace_user, user_document},
    model::Model,
};

const NONE: [&str; 0] = [];

fn paths(model: &Model) -> Vec<String> {
    let last = model.last();
    last["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["path"].as_str().unwrap().to_owned())
        .collect()
}

/// `(stored, PUT, event, paths)`
#[test]
fn a_put_tells_what_changed() {
    let ada = || json!({"userName": "ada", "title": "Dr", "emails": [{"value": "a@x"}, {"value": "b@x"}]});
    let with = |name: &str, value: Value| {
        let mut user = ada();
        user[name] = value;
        user
    };
    for (stored, put, event, changed) in [
        (ada(), ada(), "", vec![]),
        (ada(), with("title", json!("Prof")), "user.updated 2", vec!["title"]),
        (ada(), with("active", json!(false)), "user.deactivated 2", vec!["active"]),
        (with("active", json!(false)), with("active", json!(true)), "user.reactivated 2", vec!["active"]),
        // The body does not say: the state stays.
        (with("active", json!(false)), ada(), "", vec![]),
        // One event for the write, the strongest one, with all that changed.
        (
            ada(),
            json!({"userName": "ada", "active": false}),
            "user.deactivated 2",
            vec!["active", "email", "emails", "title"],
        ),
        // The order of a multi-valued attribute means nothing, unless another address becomes the one to use.
        (
            with("phoneNumbers", json!([{"value": "1"}, {"value": "2"}])),
            with("phoneNumbers", json!([{"value": "2"}, {"value": "1"}])),
            "",
            vec![],
        ),
        (ada(), with("emails", json!([{"value": "b@x"}, {"value": "a@x"}])), "user.updated 2", vec!["email"]),
        // What the projection does not show.
        (ada(), with("ims", json!([{"value": "im"}])), "user.updated 2", vec!["raw.ims"]),
        (
            with("emails", json!([{"value": "a@x"}])),
            with("emails", json!([{"value": "a@x", "$ref": "mailto:a@x"}])),
            "user.updated 2",
            vec!["raw.emails"],
        ),
        (
            with("name", json!({"givenName": "Ada", "familyName": "Byron"})),
            with("name", json!({"givenName": "Ada", "familyName": "Lovelace"})),
            "user.updated 2",
            vec!["name.family_name"],
        ),
        (ada(), with("name", json!({"givenName": "Ada"})), "user.updated 2", vec!["name"]),
        (
            ada(),
            with(ENTERPRISE_USER, json!({"department": "Legal", "manager": {"value": "boss"}})),
            "user.updated 2",
            vec!["department", "manager"],
        ),
        (
            ada(),
            with(ENTERPRISE_USER, json!({"odd": 1})),
            "user.updated 2",
            vec!["raw.urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.odd"],
        ),
        // Entra sends roles as JSON in strings.
        (
            with("roles", json!([{"value": "admin"}])),
            with("roles", json!([{"value": r#"{"id":"1","value":"admin"}"#}])),
            "user.updated 2",
            vec!["raw.roles"],
        ),
    ] {
        let mut model = Model::new();
        let user = model.user(&create_user(stored.clone()));
        let expected: Vec<&str> = [event].into_iter().filter(|event| !event.is_empty()).collect();
        let put_again = replace_user(&user.id, put.clone());
        assert_eq!(model.events_of(&put_again), expected, "{stored} → {put}");
        if !event.is_empty() {
            assert_eq!(paths(&model), changed, "{stored} → {put}");
        }
        let decision = model.run(&put_again).unwrap();
        assert!(decision.writes.is_empty() && decision.events.is_empty(), "the same again is no change");
        let Reply::User(reply) = decision.reply else { panic!() };
        assert_eq!(reply, model.load_user(&user.id).unwrap());
        assert_eq!(reply.version, 1 + expected.len() as u64);
        assert_eq!(reply.updated_at == user.updated_at, expected.is_empty());
    }
}

#[test]
fn a_patch_tells_what_changed() {
    let mut model = Model::new();
    let user = model.user(&create_user(json!({"userName": "ada", "title": "Dr"})));
    for (operations, expected) in [
        (json!([{"op": "replace", "path": "title", "value": "Dr"}]), vec![]),
        (json!([{"op": "replace", "path": "title", "value": "Prof"}]), vec!["user.updated 2"]),
        (json!([{"op": "replace", "path": "active", "value": false}]), vec!["user.deactivated 3"]),
        (
            json!([{"op": "add", "path": "nickName", "value": "a"}, {"op": "remove", "path": "nickName"}]),
            vec![],
        ),
        (
            json!([{"op": "replace", "value": {"active": true, "title": "Countess"}}]),
            vec!["user.reactivated 4"],
        ),
    ] {
        assert_eq!(model.events_of(&patch_user(&user.id, operations.clone())), expected, "{operations}");
    }
    assert_eq!(paths(&model), ["active", "title"]);
}

#[test]
fn a_manager_is_shown_by_name_where_known() {
    let mut model = Model::new();
    let boss =
        model.user(&create_user(json!({"userName": "boss", "displayName": "The Boss", "externalId": "b"})));
    let manager = |id: &str| json!({"userName": "ada", ENTERPRISE_USER: {"manager": {"value": id}}});
    let ada = model.user(&create_user(manager(boss.id.as_str())));
    let known = json!({"id": boss.id, "external_id": "b", "display_name": "The Boss"});
    assert_eq!(model.last()["data"]["manager"], known);

    model.events_of(&replace_user(&ada.id, manager("unknown")));
    assert_eq!(model.last()["data"]["manager"], json!({"id": "unknown"}));
    assert_eq!(paths(&model), ["manager.display_name", "manager.external_id", "manager.id"]);

    let path = format!("{ENTERPRISE_USER}:manager");
    model.events_of(&patch_user(&ada.id, json!([{"op": "add", "path": path, "value": {"value": boss.id}}])));
    assert_eq!(model.last()["data"]["manager"], known);

    // The stored manager is known by name too when the write is about something else.
    model.events_of(&patch_user(&ada.id, json!([{"op": "add", "path": "title", "value": "Dr"}])));
    assert_eq!(model.last()["data"]["manager"], known);
    assert_eq!(paths(&model), ["title"]);
}

#[test]
fn deleting_a_user_ends_its_memberships_first() {
    let mut model = Model::new();
    let ada = model.user(&create_user(json!({"userName": "ada"})));
    let a = model.group(&create_group("A", &[ada.id.as_str()]));
    let b = model.group(&create_group("B", &[ada.id.as_str(), "pending"]));
    assert_eq!(
        model.events_of(&delete_user(&ada.id)),
        ["group.member_removed 4", "group.member_removed 5", "user.deleted 6"]
    );
    assert_eq!(
        model.last()["data"]["groups"],
        json!([{"id": a.id, "display_name": "A"}, {"id": b.id, "display_name": "B"}])
    );
    assert_eq!(model.member_values(&b.id), ["pending"]);
    assert_eq!(model.groups[a.id.as_str()].version, 2);
    assert_eq!(model.groups[a.id.as_str()].event_version, 1);
}

#[test]
fn refusals() {
    let mut model = Model::new();
    let ada = model.user(&create_user(json!({"userName": "ada"})));
    let nobody = UserId::from_uuid(Uuid::from_u128(1));
    let stale = Precondition::Versions(vec![7]);
    let not_found = Refusal::NotFound(nobody.as_str().into());
    let mismatch = Refusal::VersionMismatch { current: "1".into() };
    for (command, refusal) in [
        (delete_user(&nobody), &not_found),
        (replace_user(&nobody, json!({"userName": "ada"})), &not_found),
        (patch_user(&nobody, json!([{"op": "add", "path": "title", "value": "Dr"}])), &not_found),
        (Command::DeleteUser { id: ada.id.clone(), precondition: stale.clone() }, &mismatch),
        (
            Command::ReplaceUser {
                id: ada.id.clone(),
                document: user_document(json!({"userName": "ada"})),
                active_given: false,
                precondition: stale,
            },
            &mismatch,
        ),
    ] {
        assert_eq!(model.run(&command).unwrap_err(), *refusal, "{command:?}");
    }
    let matching = Precondition::Versions(vec![1]);
    model.run(&Command::DeleteUser { id: ada.id.clone(), precondition: matching }).unwrap();

    for state in [DirectoryState::Disabled, DirectoryState::Deleted] {
        model.directory.state = state;
        for command in [create_user(json!({"userName": "b"})), delete_user(&ada.id), create_group("A", &NONE)]
        {
            assert_eq!(model.run(&command).unwrap_err(), Refusal::DirectoryClosed);
        }
    }
}
