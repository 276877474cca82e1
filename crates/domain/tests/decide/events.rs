//! One event of each type, word for word: the order of the keys is part of it.

use rollcall_domain::{Command, directory::Mode};
use rollcall_scim::schema::ENTERPRISE_USER;
use serde_json::json;

use crate::{
    build::{
        create_group, create_user, delete_group, delete_user, patch_user, replace_group, replace_user, values,
        patch_group,
    },
    model::Model,
};

/// The events' bodies, one a line.
fn bodies(model: &Model, from: usize) -> String {
    let lines: Vec<_> =
        model.log[from..].iter().map(|event| String::from_utf8(event.body.to_vec()).unwrap()).collect();
    lines.join("\n")
}

#[test]
fn a_user_with_everything() {
    let mut model = Model::new();
    let boss = model.user(&create_user(json!({"userName": "boss", "displayName": "The Boss"}))).id;
    model.user(&create_user(json!({
        "externalId": "e1", "userName": "ada@x.example",
        "name": {"formatted": "Countess Ada Lovelace", "familyName": "Lovelace", "givenName": "Ada",
                 "middleName": "K", "honorificPrefix": "Countess", "honorificSuffix": "FRS"},
        "displayName": "Ada", "nickName": "A", "profileUrl": "https://x.example/ada", "title": "Analyst",
        "userType": "Employee", "preferredLanguage": "en", "locale": "en-GB", "timezone": "Europe/London",
        "active": true,
        "emails": [{"value": "home@x.example", "type": "home"},
                   {"value": "ada@x.example", "type": "work", "primary": true, "display": "Ada"}],
        "phoneNumbers": [{"value": "+44 1", "type": "mobile"}],
        "addresses": [{"streetAddress": "1 St James's Square", "locality": "London", "postalCode": "SW1",
                       "country": "GB", "type": "work", "primary": false}],
        "roles": [{"value": "{\"id\":\"1\",\"value\":\"admin\",\"displayName\":\"Admin\"}"}, {"value": "a"},
                  {"value": "admin"}],
        ENTERPRISE_USER: {"employeeNumber": "7", "costCenter": "c", "organization": "o", "division": "d",
                          "department": "Maths", "manager": {"value": boss}},
    })));
    insta::assert_snapshot!(bodies(&model, 1), @"");
}

#[test]
fn a_users_life() {
    let mut model = Model::new();
    let ada = model.user(&create_user(json!({"userName": "ada"}))).id;
    model.run(&patch_user(&ada, json!([{"op": "add", "path": "title", "value": "Dr"}]))).unwrap();
    model.run(&replace_user(&ada, json!({"userName": "ada", "active": false}))).unwrap();
    model.run(&replace_user(&ada, json!({"userName": "ada", "active": true}))).unwrap();
    model.run(&delete_user(&ada)).unwrap();
    insta::assert_snapshot!(bodies(&model, 0), @"");
}

#[test]
fn a_groups_life() {
    let mut model = Model::new();
    let ada = model
        .user(&create_user(json!({"userName": "ada", "externalId": "e1", "emails": [{"value": "a@x"}]})))
        .id;
    let group = model.group(&create_group("G", &[&ada])).id;
    model.run(&replace_group::<&str>(&group, "Group", None)).unwrap();
    let remove = json!([{"op": "remove", "path": "members", "value": values(&[&ada])}]);
    model.run(&patch_group(&group, remove)).unwrap();
    model.run(&delete_group(&group)).unwrap();
    insta::assert_snapshot!(bodies(&model, 1), @"");
}

#[test]
fn a_directorys_life_in_the_sandbox() {
    let mut model = Model::new();
    model.directory.mode = Mode::Sandbox;
    for command in [Command::DeactivateDirectory, Command::ActivateDirectory, Command::DeleteDirectory] {
        model.run(&command).unwrap();
    }
    insta::assert_snapshot!(bodies(&model, 0), @"");
}
