use rollcall_domain::{
    Command, Precondition, directory::Mode, endpoint::Scope, event::EventType, record::Referent,
};
use rollcall_scim::ResourceKind;
use rollcall_store::read::{EventQuery, LaneQuery};
use serde_json::json;

use crate::support::{Fixture, create_user, list, new_directory, patch_user, request};

crate::support::on_both! {
    users_are_listed_filtered_and_sorted,
    groups_are_listed_with_members_where_they_are_wanted,
    directories_do_not_see_each_other,
    events_are_found_by_each_field,
    an_organizations_lane_merges_its_directories_the_deleted_ones_too,
}

async fn names(f: &Fixture, pairs: &[(&str, &str)]) -> (Vec<String>, u64) {
    let page = f.store.list_users(&f.directory, list(ResourceKind::User, pairs)).await.unwrap();
    let names = page.resources.iter().map(|user| user.document.user_name().unwrap().to_owned()).collect();
    (names, page.total)
}

async fn users_are_listed_filtered_and_sorted(f: Fixture) {
    let mut ids = Vec::new();
    for name in ["carol", "Ann", "bob", "dave"] {
        ids.push(f.user(name).await.id);
    }
    let group = f.group("Staff", &[&ids[0], &ids[2]]).await;
    let of_group = format!(r#"groups.value eq "{}""#, group.id);
    let by_id = format!(r#"id eq "{}""#, ids[3]);
    for (pairs, expected, total) in [
        (vec![], vec!["carol", "Ann", "bob", "dave"], 4),
        (vec![("startIndex", "2"), ("count", "2")], vec!["Ann", "bob"], 4),
        (vec![("count", "0")], vec![], 4),
        (vec![("startIndex", "9")], vec![], 4),
        (vec![("filter", r#"userName eq "ANN""#)], vec!["Ann"], 1),
        (vec![("filter", r#"externalId eq "ext-bob""#)], vec!["bob"], 1),
        (vec![("filter", r#"externalId eq "EXT-bob""#)], vec![], 0),
        (vec![("filter", r#"userName eq "a\u0000b""#)], vec![], 0),
        (vec![("filter", r#"emails.value eq "ann@example.COM""#)], vec!["Ann"], 1),
        (vec![("filter", r#"emails[type eq "work" and value eq "bob@example.com"]"#)], vec!["bob"], 1),
        (vec![("filter", &by_id)], vec!["dave"], 1),
        (vec![("filter", &of_group)], vec!["carol", "bob"], 2),
        (vec![("filter", r#"userName sw "a" or displayName co "DAVE""#)], vec!["Ann", "dave"], 2),
        (vec![("filter", r#"userName pr"#), ("startIndex", "3"), ("count", "1")], vec!["bob"], 4),
        (vec![("sortBy", "userName")], vec!["Ann", "bob", "carol", "dave"], 4),
        (vec![("sortBy", "userName"), ("sortOrder", "descending"), ("count", "2")], vec!["dave", "carol"], 4),
        (vec![("filter", r#"userName eq "ann" and active eq false"#)], vec![], 0),
    ] {
        let found = names(&f, &pairs).await;
        assert_eq!(found, (expected.into_iter().map(str::to_owned).collect(), total), "{pairs:?}");
    }
    let page = f.store.list_users(&f.directory, list(ResourceKind::User, &[])).await.unwrap();
    assert_eq!(page.resources[0].groups[0].id, group.id);
    assert!(page.resources[1].groups.is_empty());
}

async fn groups_are_listed_with_members_where_they_are_wanted(f: Fixture) {
    let (ann, bob) = (f.user("ann").await.id, f.user("bob").await.id);
    let staff = f.group("Staff", &[&ann, &bob]).await;
    let board = f.group("Board", &[&bob]).await;
    let of = |name: &str, id: &str| format!(r#"{name} eq "{id}""#);
    for (filter, expected) in [
        (of("displayName", "staff"), vec![&staff.id]),
        (of("members.value", bob.as_str()), vec![&staff.id, &board.id]),
        (format!(r#"members[value eq "{ann}"]"#), vec![&staff.id]),
        (format!(r#"displayName eq "board" and members.value eq "{ann}""#), vec![]),
    ] {
        let page = f
            .store
            .list_groups(&f.directory, list(ResourceKind::Group, &[("filter", &filter)]))
            .await
            .unwrap();
        let found: Vec<_> = page.resources.iter().map(|(group, _)| &group.id).collect();
        assert_eq!(found, expected, "{filter}");
        assert!(page.resources.iter().all(|(group, members)| {
            members.as_ref().is_some_and(|members| members.len() as u64 == group.member_count)
        }));
    }
    let bare = list(ResourceKind::Group, &[("excludedAttributes", "members")]);
    let page = f.store.list_groups(&f.directory, bare).await.unwrap();
    assert_eq!(page.total, 2);
    assert!(page.resources.iter().all(|(_, members)| members.is_none()));
}

async fn directories_do_not_see_each_other(f: Fixture) {
    let other = f.second_directory(Mode::Live).await;
    let ann = f.user("ann").await;
    let group = f.group("Staff", &[&ann.id]).await;
    f.store.write(request(&other, create_user("ANN"))).await.unwrap();
    assert_eq!(f.store.user(&other, &ann.id).await.unwrap(), None);
    assert_eq!(f.store.group(&other, &group.id).await.unwrap(), None);
    let ids = vec![ann.id.as_str().to_owned(), group.id.as_str().to_owned(), "usr_x".to_owned()];
    assert!(f.store.referents(&other, ids.clone()).await.unwrap().is_empty());
    let found = f.store.referents(&f.directory, ids).await.unwrap();
    assert!(matches!(&found[ann.id.as_str()], Referent::User(user) if user.user_name == "ann"
        && user.email.as_deref() == Some("ann@Example.com") && user.active));
    assert!(matches!(&found[group.id.as_str()], Referent::Group(found) if found.member_count == 1));

    let [(place, (directory, first))] = &f.store.users_after(None, 0, 1).await.unwrap()[..] else {
        panic!("there is a first")
    };
    assert_eq!((directory, &first.id), (&f.directory, &ann.id));
    assert_eq!(first.groups.len(), 1);
    let rest = f.store.users_after(None, *place, 10).await.unwrap();
    assert_eq!(rest.iter().map(|(_, (directory, _))| directory).collect::<Vec<_>>(), [&other]);
    assert!(f.store.users_after(Some(&f.directory), *place, 10).await.unwrap().is_empty());
    let groups = f.store.groups_after(None, 0, 10).await.unwrap();
    assert_eq!(groups.len(), 1);
    assert!(f.store.groups_after(Some(&f.directory), groups[0].0, 10).await.unwrap().is_empty());
    assert_eq!(f.store.find_user(&ann.id).await.unwrap().unwrap().0, f.directory);
    assert_eq!(f.store.find_group(&group.id).await.unwrap().unwrap().0, f.directory);
}

async fn events_are_found_by_each_field(f: Fixture) {
    let sandbox = f.second_directory(Mode::Sandbox).await;
    let ann = f.user("ann").await; // 1
    let group = f.group("Staff", &[&ann.id]).await; // 2, 3
    f.store.write(request(&sandbox, create_user("sam"))).await.unwrap(); // 4
    f.write(patch_user(&ann.id, json!([{"op": "replace", "path": "title", "value": "Dr"}]))).await.unwrap(); // 5
    let all = EventQuery { limit: 100, ..EventQuery::default() };
    let subject = |id: &str| EventQuery { subject_id: Some(id.to_owned()), ..all.clone() };
    for (query, expected) in [
        (all.clone(), vec![1, 2, 3, 4, 5]),
        (EventQuery { after: vec![3].into(), ..all.clone() }, vec![4, 5]),
        (EventQuery { limit: 2, ..all.clone() }, vec![1, 2]),
        (EventQuery { directory_id: Some(sandbox.clone()), ..all.clone() }, vec![4]),
        (
            EventQuery {
                directory_id: Some(f.directory.clone()),
                after: vec![1].into(),
                limit: 2,
                ..all.clone()
            },
            vec![2, 3],
        ),
        (
            EventQuery { organization_id: Some(f.organization.clone()), limit: 4, ..all.clone() },
            vec![1, 2, 3, 4],
        ),
        (
            EventQuery { types: vec![EventType::UserCreated, EventType::MemberAdded], ..all.clone() },
            vec![1, 3, 4],
        ),
        (subject(ann.id.as_str()), vec![1, 3, 5]),
        (subject(group.id.as_str()), vec![2, 3]),
        (subject("usr_nobody"), vec![]),
        (subject("usr_\0"), vec![]),
        (EventQuery { types: vec![EventType::UserUpdated], ..subject(ann.id.as_str()) }, vec![5]),
    ] {
        let read = f.store.events(query.clone()).await.unwrap();
        let found = read.events;
        let scanned_to =
            if found.len() == query.limit as usize { found[found.len() - 1].position } else { 5 };
        assert_eq!(read.scanned_to.at(0), scanned_to, "{query:?}");
        assert_eq!(found.iter().map(|event| event.position).collect::<Vec<_>>(), expected, "{query:?}");
    }
    let heard = f.heard.events();
    assert_eq!(f.store.event(&heard[2].id).await.unwrap().unwrap(), heard[2]);
    let two = f.store.subject_events(0, ann.id.as_str(), 2, 5, 10).await.unwrap();
    assert_eq!(two.events.iter().map(|event| event.position).collect::<Vec<_>>(), [3, 5]);

    let lane = |scope, types| LaneQuery { shard: 0, scope, types, after: 0, up_to: 1000, limit: 10 };
    for (query, expected, scanned_to) in [
        (lane(Scope::All, vec![]), vec![1, 2, 3, 5], 5),
        (lane(Scope::Organization(f.organization.clone()), vec![]), vec![1, 2, 3, 5], 5),
        (lane(Scope::Directory(sandbox), vec![]), vec![4], 5),
        (lane(Scope::Directory(f.directory.clone()), vec![EventType::UserUpdated]), vec![5], 5),
        (lane(Scope::All, vec![EventType::UserDeleted]), vec![], 5),
        (LaneQuery { shard: 0, limit: 2, ..lane(Scope::All, vec![]) }, vec![1, 2], 2),
        (LaneQuery { shard: 0, after: 1, up_to: 3, ..lane(Scope::All, vec![]) }, vec![2, 3], 3),
        (LaneQuery { shard: 0, after: 9, ..lane(Scope::All, vec![]) }, vec![], 9),
    ] {
        let read = f.store.lane_events(query.clone()).await.unwrap();
        assert_eq!(read.events.iter().map(|event| event.position).collect::<Vec<_>>(), expected, "{query:?}");
        assert!(read.events.iter().all(|event| !event.body.is_empty()));
        assert_eq!(read.scanned_to, scanned_to, "{query:?}");
    }
}

/// Reads a lane page by page to its end; how many pages that took.
async fn whole_lane(f: &Fixture, query: LaneQuery) -> (Vec<u64>, usize) {
    let (mut query, mut positions, mut pages) = (query, Vec::new(), 0);
    let end = f.store.head(0).min(query.up_to);
    while query.after < end {
        let read = f.store.lane_events(query.clone()).await.unwrap();
        assert!(read.scanned_to > query.after, "every page goes on");
        positions.extend(read.events.iter().map(|event| event.position));
        query.after = read.scanned_to;
        pages += 1;
    }
    (positions, pages)
}

async fn an_organizations_lane_merges_its_directories_the_deleted_ones_too(f: Fixture) {
    let second = f.second_directory(Mode::Live).await;
    let sandbox = f.second_directory(Mode::Sandbox).await;
    let other = f.store.create_organization("Other".into(), None).await.unwrap().id;
    let foreign = f.store.create_directory(new_directory(&other, Mode::Live)).await.unwrap().0.id;
    for n in 0..60 {
        let directory = [&foreign, &f.directory, &second, &sandbox, &foreign][n % 5];
        f.store.write(request(directory, create_user(&format!("user{n}")))).await.unwrap();
    }
    f.store.write(request(&second, Command::DeleteDirectory)).await.unwrap();
    f.user("last").await;
    let expected: Vec<u64> = f
        .heard
        .events()
        .iter()
        .filter(|event| event.directory_id == f.directory || event.directory_id == second)
        .map(|event| event.position)
        .collect();
    assert!(expected.len() > 24);
    let scope = Scope::Organization(f.organization.clone());
    for limit in [1, 2, 3, 7, 64] {
        let query =
            LaneQuery { shard: 0, scope: scope.clone(), types: vec![], after: 0, up_to: u64::MAX, limit };
        assert_eq!(whole_lane(&f, query).await.0, expected, "{limit} at a time");
    }
    let types = vec![EventType::DirectoryDeleted];
    let deleted = LaneQuery { shard: 0, scope, types, after: 0, up_to: u64::MAX, limit: 64 };
    let (positions, _) = whole_lane(&f, deleted).await;
    assert_eq!(positions, [expected[expected.len() - 2]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_large_events_ends_at_about_a_mebibyte() {
    let f = Fixture::new().await;
    let ann = f.user("ann").await;
    for n in 0..4 {
        let title = json!([{"op": "replace", "path": "title", "value": format!("Dr{n}")}]);
        f.write(patch_user(&ann.id, title)).await.unwrap();
    }
    let main = rusqlite::Connection::open(f.folder.path().join("data/main.db")).unwrap();
    main.execute("UPDATE events SET body = zeroblob(600000)", []).unwrap();
    main.execute("UPDATE events SET body = zeroblob(3000000) WHERE position = 1", []).unwrap();
    for scope in
        [Scope::All, Scope::Organization(f.organization.clone()), Scope::Directory(f.directory.clone())]
    {
        for types in [vec![], EventType::ALL.to_vec()] {
            let query = LaneQuery { shard: 0, scope: scope.clone(), types, after: 0, up_to: 100, limit: 64 };
            assert_eq!(whole_lane(&f, query.clone()).await, (vec![1, 2, 3, 4, 5], 3), "{query:?}");
        }
    }
    let mut from = 1;
    let mut pages = Vec::new();
    while from <= 5 {
        let page = f.store.subject_events(0, ann.id.as_str(), from, 5, 64).await.unwrap();
        from = page.scanned_to + 1;
        pages.push(page.events.iter().map(|event| event.position).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec![1], vec![2, 3], vec![4, 5]]);
    let none = f.store.subject_events(0, "usr_nobody", 1, 5, 64).await.unwrap();
    assert_eq!((none.events.len(), none.scanned_to), (0, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_member_row_makes_nobody_a_member() {
    let f = Fixture::new().await;
    let ann = f.user("ann").await;
    let group = f.group("Staff", &[&ann.id]).await;
    let listed = async || {
        let page = f.store.list_users(&f.directory, list(ResourceKind::User, &[])).await.unwrap();
        page.resources[0].groups.len()
    };
    let shown = async || f.store.user(&f.directory, &ann.id).await.unwrap().unwrap().groups.len();
    assert_eq!((shown().await, listed().await), (1, 1));

    let main = rusqlite::Connection::open(f.folder.path().join("data/main.db")).unwrap();
    assert_eq!(main.execute("UPDATE members SET kind = 0", []).unwrap(), 1);
    assert_eq!((shown().await, listed().await), (0, 0));

    // Whoever is no member leaves nothing when it goes.
    let before = f.store.group(&f.directory, &group.id).await.unwrap().unwrap();
    let delete = Command::DeleteUser { id: ann.id.clone(), precondition: Precondition::None };
    f.write(delete).await.unwrap();
    let after = f.store.group(&f.directory, &group.id).await.unwrap().unwrap();
    assert_eq!(after.version, before.version);
}
