//! One event of each type, word for word: the order of the keys is part of it.

use rollcall_domain::{Command, directory::Mode};
use rollcall_scim::schema::ENTERPRISE_USER;
use serde_json::json;

use crate::{
    build::{
        create_group, create_user, delete_group, delete_user, patch_group, patch_user, replace_group,
        replace_user, values,
    },
    model::Model,
};

/// The events' bodies, one a line, with their ids cut short.
fn bodies(model: &Model, from: usize) -> String {
    let lines: Vec<_> = model.log[from..]
        .iter()
        .map(|event| String::from_utf8(event.body.to_vec()).unwrap())
        .map(|body| body.replace(&"0".repeat(29), "…"))
        .collect();
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
    insta::assert_snapshot!(bodies(&model, 1), @r#"{"id":"evt_…104","type":"user.created","timestamp":"2026-11-24T09:00:02.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":2,"subject":{"type":"user","id":"usr_…103","version":1},"data":{"id":"usr_…103","external_id":"e1","user_name":"ada@x.example","email":"ada@x.example","emails":[{"value":"home@x.example","type":"home"},{"value":"ada@x.example","type":"work","primary":true,"display":"Ada"}],"phone_numbers":[{"value":"+44 1","type":"mobile"}],"addresses":[{"street_address":"1 St James's Square","locality":"London","postal_code":"SW1","country":"GB","type":"work","primary":false}],"active":true,"name":{"formatted":"Countess Ada Lovelace","family_name":"Lovelace","given_name":"Ada","middle_name":"K","honorific_prefix":"Countess","honorific_suffix":"FRS"},"display_name":"Ada","nick_name":"A","profile_url":"https://x.example/ada","title":"Analyst","user_type":"Employee","preferred_language":"en","locale":"en-GB","timezone":"Europe/London","employee_number":"7","cost_center":"c","organization":"o","division":"d","department":"Maths","manager":{"id":"usr_…101","display_name":"The Boss"},"groups":[],"roles":["a","admin"],"permissions":[],"custom_attributes":{},"raw":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"e1","userName":"ada@x.example","name":{"formatted":"Countess Ada Lovelace","familyName":"Lovelace","givenName":"Ada","middleName":"K","honorificPrefix":"Countess","honorificSuffix":"FRS"},"displayName":"Ada","nickName":"A","profileUrl":"https://x.example/ada","title":"Analyst","userType":"Employee","preferredLanguage":"en","locale":"en-GB","timezone":"Europe/London","active":true,"emails":[{"value":"home@x.example","type":"home"},{"value":"ada@x.example","type":"work","primary":true,"display":"Ada"}],"phoneNumbers":[{"value":"+44 1","type":"mobile"}],"addresses":[{"streetAddress":"1 St James's Square","locality":"London","postalCode":"SW1","country":"GB","type":"work","primary":false}],"roles":[{"value":"{\"id\":\"1\",\"value\":\"admin\",\"displayName\":\"Admin\"}"},{"value":"a"},{"value":"admin"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"7","costCenter":"c","organization":"o","division":"d","department":"Maths","manager":{"value":"usr_…101"}}},"created_at":"2026-11-24T09:00:02.123Z","updated_at":"2026-11-24T09:00:02.123Z"},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}"#);
}

#[test]
fn a_users_life() {
    let mut model = Model::new();
    let ada = model.user(&create_user(json!({"userName": "ada"}))).id;
    model.run(&patch_user(&ada, json!([{"op": "add", "path": "title", "value": "Dr"}]))).unwrap();
    model.run(&replace_user(&ada, json!({"userName": "ada", "active": false}))).unwrap();
    model.run(&replace_user(&ada, json!({"userName": "ada", "active": true}))).unwrap();
    model.run(&delete_user(&ada)).unwrap();
    insta::assert_snapshot!(bodies(&model, 0), @r#"
    {"id":"evt_…102","type":"user.created","timestamp":"2026-11-24T09:00:01.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":1,"subject":{"type":"user","id":"usr_…101","version":1},"data":{"id":"usr_…101","user_name":"ada","active":true,"groups":[],"roles":[],"permissions":[],"custom_attributes":{},"raw":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","active":true},"created_at":"2026-11-24T09:00:01.123Z","updated_at":"2026-11-24T09:00:01.123Z"},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…103","type":"user.updated","timestamp":"2026-11-24T09:00:02.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":2,"subject":{"type":"user","id":"usr_…101","version":2},"data":{"id":"usr_…101","user_name":"ada","active":true,"title":"Dr","groups":[],"roles":[],"permissions":[],"custom_attributes":{},"raw":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","title":"Dr","active":true},"created_at":"2026-11-24T09:00:01.123Z","updated_at":"2026-11-24T09:00:02.123Z"},"changes":[{"path":"title","to":"Dr"}],"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…104","type":"user.deactivated","timestamp":"2026-11-24T09:00:03.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":3,"subject":{"type":"user","id":"usr_…101","version":3},"data":{"id":"usr_…101","user_name":"ada","active":false,"groups":[],"roles":[],"permissions":[],"custom_attributes":{},"raw":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","active":false},"created_at":"2026-11-24T09:00:01.123Z","updated_at":"2026-11-24T09:00:03.123Z"},"changes":[{"path":"active","from":true,"to":false},{"path":"title","from":"Dr"}],"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…105","type":"user.reactivated","timestamp":"2026-11-24T09:00:04.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":4,"subject":{"type":"user","id":"usr_…101","version":4},"data":{"id":"usr_…101","user_name":"ada","active":true,"groups":[],"roles":[],"permissions":[],"custom_attributes":{},"raw":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","active":true},"created_at":"2026-11-24T09:00:01.123Z","updated_at":"2026-11-24T09:00:04.123Z"},"changes":[{"path":"active","from":false,"to":true}],"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…106","type":"user.deleted","timestamp":"2026-11-24T09:00:05.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":5,"subject":{"type":"user","id":"usr_…101","version":5},"data":{"id":"usr_…101","user_name":"ada","active":true,"groups":[],"roles":[],"permissions":[],"custom_attributes":{},"raw":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","active":true},"created_at":"2026-11-24T09:00:01.123Z","updated_at":"2026-11-24T09:00:04.123Z"},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    "#);
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
    insta::assert_snapshot!(bodies(&model, 1), @r#"
    {"id":"evt_…104","type":"group.created","timestamp":"2026-11-24T09:00:02.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":2,"subject":{"type":"group","id":"grp_…103","version":1},"data":{"id":"grp_…103","display_name":"G","custom_attributes":{},"raw":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"G"}},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…105","type":"group.member_added","timestamp":"2026-11-24T09:00:02.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":3,"subject":{"type":"user","id":"usr_…101","version":2},"data":{"group":{"id":"grp_…103","display_name":"G"},"user":{"id":"usr_…101","external_id":"e1","user_name":"ada","email":"a@x","active":true}},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…106","type":"group.updated","timestamp":"2026-11-24T09:00:03.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":4,"subject":{"type":"group","id":"grp_…103","version":2},"data":{"id":"grp_…103","display_name":"Group","custom_attributes":{},"raw":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Group"}},"changes":[{"path":"display_name","from":"G","to":"Group"}],"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…107","type":"group.member_removed","timestamp":"2026-11-24T09:00:04.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":5,"subject":{"type":"user","id":"usr_…101","version":3},"data":{"group":{"id":"grp_…103","display_name":"Group"},"user":{"id":"usr_…101","external_id":"e1","user_name":"ada","email":"a@x","active":true}},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…108","type":"group.deleted","timestamp":"2026-11-24T09:00:05.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":6,"subject":{"type":"group","id":"grp_…103","version":3},"data":{"id":"grp_…103","display_name":"Group","custom_attributes":{},"raw":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Group"}},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    "#);
}

#[test]
fn a_directorys_life_in_the_sandbox() {
    let mut model = Model::new();
    model.directory.mode = Mode::Sandbox;
    for command in [Command::DeactivateDirectory, Command::ActivateDirectory, Command::DeleteDirectory] {
        model.run(&command).unwrap();
    }
    insta::assert_snapshot!(bodies(&model, 0), @r#"
    {"id":"evt_…101","type":"directory.deactivated","timestamp":"2026-11-24T09:00:01.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":1,"sandbox":true,"subject":{"type":"directory","id":"dir_…00d","version":1},"data":{"id":"dir_…00d","organization_id":"org_…00a","name":"Acme","provider":"entra_id","state":"disabled"},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…102","type":"directory.activated","timestamp":"2026-11-24T09:00:02.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":2,"sandbox":true,"subject":{"type":"directory","id":"dir_…00d","version":2},"data":{"id":"dir_…00d","organization_id":"org_…00a","name":"Acme","provider":"entra_id","state":"active"},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    {"id":"evt_…103","type":"directory.deleted","timestamp":"2026-11-24T09:00:03.123Z","organization_id":"org_…00a","directory_id":"dir_…00d","sequence":3,"sandbox":true,"subject":{"type":"directory","id":"dir_…00d","version":3},"data":{"id":"dir_…00d","organization_id":"org_…00a","name":"Acme","provider":"entra_id","state":"deleted"},"cause":{"provider":"entra_id","request_id":"req_…00c","method":"POST"}}
    "#);
}
