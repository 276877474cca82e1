//! Writes of groups and their members, case by case.

use rollcall_domain::{
    Command, MemberNeeds, Precondition, Refusal,
    ids::{GroupId, UserId},
    record::{GroupRecord, MemberKind},
};
use rollcall_scim::{document::MemberInput, error::ScimType};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    build::{create_group, create_user, delete_group, named, patch_group, replace_group, values},
    model::Model,
};

const NONE: [&str; 0] = [];

struct Three {
    model: Model,
    group: GroupRecord,
    /// Members of the group are the first two; the third user is none.
    users: [UserId; 3],
}

fn three() -> Three {
    let mut model = Model::new();
    let users = ["ada", "bob", "eve"].map(|name| model.user(&create_user(json!({"userName": name}))).id);
    let group = model.group(&create_group("G", &users[..2]));
    assert_eq!((group.version, group.event_version, group.member_count), (1, 1, 2));
    Three { model, group, users }
}

/// Operations on the members, what is told (`+` joined, `-` left), and what is loaded for it.
#[test]
fn members_change_as_a_set() {
    enum Load {
        Nothing,
        Named,
        All,
    }
    let add = |users: &[&UserId]| json!({"op": "add", "path": "members", "value": values(users)});
    let remove = |users: &[&UserId]| json!({"op": "remove", "path": "members", "value": values(users)});
    let replace = |users: &[&UserId]| json!({"op": "replace", "path": "members", "value": values(users)});
    let clear = || json!({"op": "remove", "path": "members"});
    let where_ = |user: &UserId| json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")});
    let probe = three().users;
    let [ada, bob, eve] = &probe;
    type Told<'a> = Vec<(char, &'a UserId)>;
    let cases: Vec<(Value, Told<'_>, Load)> = vec![
        (json!([add(&[eve])]), vec![('+', eve)], Load::Named),
        (json!([add(&[eve, eve]), add(&[eve])]), vec![('+', eve)], Load::Named),
        (json!([add(&[ada])]), vec![], Load::Named),
        (json!([remove(&[eve])]), vec![], Load::Named),
        (json!([remove(&[ada])]), vec![('-', ada)], Load::Named),
        (json!([add(&[eve]), remove(&[ada])]), vec![('-', ada), ('+', eve)], Load::Named),
        (json!([remove(&[ada]), add(&[ada])]), vec![], Load::Named),
        (json!([add(&[eve]), remove(&[eve])]), vec![], Load::Named),
        (json!([clear()]), vec![('-', ada), ('-', bob)], Load::All),
        (json!([clear(), add(&[bob, ada])]), vec![], Load::All),
        (json!([replace(&[eve, ada])]), vec![('-', bob), ('+', eve)], Load::All),
        (json!([replace(&[eve]), replace(&[ada, bob])]), vec![], Load::All),
        (json!([add(&[eve]), clear()]), vec![('-', ada), ('-', bob)], Load::All),
        (json!([where_(ada)]), vec![('-', ada)], Load::All),
        (json!([where_(eve)]), vec![], Load::All),
        (json!([{"op": "replace", "path": "displayName", "value": "G"}]), vec![], Load::Nothing),
    ];
    for (operations, told, load) in cases {
        let Three { mut model, group, .. } = three();
        let command = patch_group(&group.id, operations.clone());
        match (command.needs().members, load) {
            (MemberNeeds::None, Load::Nothing) | (MemberNeeds::Values(_), Load::Named) => {}
            // A filter for one value may be read as that value.
            (MemberNeeds::Values(_) | MemberNeeds::All, Load::All) => {}
            (needs, _) => panic!("{operations} needs {needs:?}"),
        }
        let before = model.log.len();
        let decision = model.run(&command).unwrap();
        let seen: Vec<(char, String)> = model.log[before..]
            .iter()
            .map(|event| {
                let sign = if event.kind.as_str() == "group.member_added" { '+' } else { '-' };
                (sign, event.subject.id.to_string())
            })
            .collect();
        let told: Vec<(char, String)> =
            told.into_iter().map(|(sign, user)| (sign, user.as_str().to_owned())).collect();
        assert_eq!(seen, told, "{operations}");
        assert_eq!(decision.writes.is_empty(), told.is_empty(), "{operations}");
        let after = &model.groups[group.id.as_str()];
        assert_eq!(after.version, 1 + u64::from(!told.is_empty()), "one write, one version: {operations}");
        assert_eq!(after.event_version, 1, "{operations}");
        assert_eq!(after.updated_at > group.updated_at, !told.is_empty(), "{operations}");
    }
}

#[test]
fn a_users_counters_move_with_its_memberships_and_its_time_does_not() {
    let Three { mut model, group, users: [ada, ..] } = three();
    let before = model.users[ada.as_str()].clone();
    assert_eq!((before.version, before.event_version), (2, 2));
    model.events_of(&patch_group(&group.id, json!([{"op": "remove", "path": "members"}])));
    let after = &model.users[ada.as_str()];
    assert_eq!((after.version, after.event_version, after.updated_at), (3, 3, before.updated_at));
}

#[test]
fn the_groups_own_event_goes_before_its_members() {
    let Three { mut model, group, users: [_, bob, eve] } = three();
    assert_eq!(
        model.events_of(&replace_group(&group.id, "New", Some(&[&bob.to_string(), &eve.to_string()]))),
        ["group.updated 2", "group.member_removed 3", "group.member_added 2"]
    );
    assert_eq!(model.last()["data"]["group"]["display_name"], "New");
    assert_eq!(model.groups[group.id.as_str()].version, 2);
    assert_eq!(model.events_of(&replace_group::<&str>(&group.id, "New", None)), NONE);
    assert_eq!(model.events_of(&replace_group(&group.id, "New", Some(&NONE))).len(), 2);
}

#[test]
fn deleting_a_group_ends_its_memberships_first() {
    let Three { mut model, group, .. } = three();
    model
        .run(&patch_group(&group.id, json!([{"op": "add", "path": "members", "value": values(&["who"])}])))
        .unwrap();
    assert_eq!(
        model.events_of(&delete_group(&group.id)),
        ["group.member_removed 3", "group.member_removed 3", "group.deleted 2"]
    );
}

#[test]
fn a_pending_member_is_a_row_without_events() {
    let mut model = Model::new();
    let elsewhere = UserId::from_uuid(Uuid::from_u128(5)).to_string();
    let group = model.group(&create_group("G", &["who", &elsewhere]));
    assert_eq!((group.member_count, model.log.len()), (2, 1));
    assert!(model.members[group.id.as_str()].values().all(|row| row.kind == MemberKind::Pending));
    let remove = json!([{"op": "remove", "path": "members", "value": values(&["who"])}]);
    assert_eq!(model.events_of(&patch_group(&group.id, remove)), NONE);
    let group = &model.groups[group.id.as_str()];
    assert_eq!((group.version, group.event_version, group.member_count), (2, 1, 1));
}

#[test]
fn a_members_display_is_what_was_sent_else_its_own() {
    let mut model = Model::new();
    let ada = model.user(&create_user(json!({"userName": "ada", "displayName": "Ada"}))).id;
    let bob = model.user(&create_user(json!({"userName": "bob"}))).id;
    let eve = model.user(&create_user(json!({"userName": "eve"}))).id;
    let member = |id: &UserId, display: Option<&str>| MemberInput {
        value: id.to_string(),
        display: display.map(str::to_owned),
        kind: None,
    };
    let members = vec![member(&ada, None), member(&bob, None), member(&eve, Some("E."))];
    let group = model.group(&Command::CreateGroup { document: named("G"), members });
    let shown = |id: &UserId| model.members[group.id.as_str()][id.as_str()].display.clone();
    assert_eq!([shown(&ada), shown(&bob), shown(&eve)].map(Option::unwrap), ["Ada", "bob", "E."]);
}

#[test]
fn refusals() {
    let Three { mut model, group, .. } = three();
    let nobody = GroupId::from_uuid(Uuid::from_u128(1));
    assert_eq!(model.run(&delete_group(&nobody)).unwrap_err(), Refusal::NotFound(nobody.as_str().to_owned()));
    let stale = Command::DeleteGroup { id: group.id.clone(), precondition: Precondition::Versions(vec![2]) };
    assert_eq!(model.run(&stale).unwrap_err(), Refusal::VersionMismatch { current: "1".into() });
    for command in [
        replace_group(&group.id, "G", Some(&[group.id.as_str()])),
        patch_group(&group.id, json!([{"op": "add", "path": "members", "value": values(&[&group.id])}])),
    ] {
        let Refusal::Scim(error) = model.run(&command).unwrap_err() else { panic!() };
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
    }
}

#[test]
fn a_pending_member_that_is_named_again_joins_once_it_is_somebody() {
    let mut model = Model::new();
    let later = UserId::from_uuid(Uuid::from_u128(0x103));
    let group = model.group(&create_group("G", &[&later]));
    let user = model.user(&create_user(json!({"userName": "ada"})));
    assert_eq!(user.id, later);
    let add = json!([{"op": "add", "path": "members", "value": values(&[&later])}]);
    assert_eq!(model.events_of(&patch_group(&group.id, add.clone())), ["group.member_added 2"]);
    assert_eq!(model.members[group.id.as_str()][later.as_str()].kind, MemberKind::User);
    assert_eq!(model.events_of(&patch_group(&group.id, add)), NONE);
}
