//! Groups in groups: the nested group is the subject of its memberships.

use serde_json::json;

use crate::{
    build::{create_group, delete_group, patch_group, values},
    model::Model,
};

const NONE: [&str; 0] = [];

#[test]
fn a_nested_group_is_the_subject() {
    let mut model = Model::new();
    let child = model.group(&create_group("Child", &NONE)).id;
    let parent = model.group(&create_group("Parent", &[&child])).id;
    let last = model.last();
    assert_eq!(last["subject"], json!({"type": "group", "id": child, "version": 2}));
    assert_eq!(
        last["data"],
        json!({"group": {"id": parent, "display_name": "Parent"},
               "member_group": {"id": child, "display_name": "Child"}})
    );
    let remove = json!([{"op": "remove", "path": "members", "value": values(&[&child])}]);
    assert_eq!(model.events_of(&patch_group(&parent, remove)), ["group.member_removed 3"]);
    assert_eq!(model.groups[child.as_str()].version, 3);
    assert_eq!(model.groups[child.as_str()].event_version, 3);
}

#[test]
fn a_deleted_group_leaves_its_parents_and_loses_its_members() {
    let mut model = Model::new();
    let inner = model.group(&create_group("Inner", &NONE)).id;
    let middle = model.group(&create_group("Middle", &[&inner])).id;
    let outer = model.group(&create_group("Outer", &[&middle])).id;
    assert_eq!(
        model.events_of(&delete_group(&middle)),
        ["group.member_removed 3", "group.member_removed 3", "group.deleted 4"]
    );
    assert_eq!(model.member_values(&outer), NONE);
}

#[test]
fn two_groups_in_each_other_can_be_told_apart() {
    let mut model = Model::new();
    let a = model.group(&create_group("A", &NONE)).id;
    let b = model.group(&create_group("B", &[&a])).id;
    let add = json!([{"op": "add", "path": "members", "value": values(&[&b])}]);
    assert_eq!(model.events_of(&patch_group(&a, add)), ["group.member_added 2"]);
    // B loses A, and leaves it: both counters of B move, once for each.
    assert_eq!(
        model.events_of(&delete_group(&a)),
        ["group.member_removed 3", "group.member_removed 3", "group.deleted 4"]
    );
    let b = &model.groups[b.as_str()];
    assert_eq!((b.version, b.event_version, b.member_count), (4, 3, 0));
}
