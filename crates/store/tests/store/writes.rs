use std::sync::Arc;

use rollcall_domain::{Command, Precondition, Refusal, Reply, endpoint::Scope, event::EventType};
use rollcall_store::{OpenError, Store, WriteError, ledger::ProgressBatch, read::EventQuery};
use serde_json::json;

use crate::support::{Fixture, Heard, create_user, patch_group, patch_user, request, settings, user_of};

crate::support::on_both! {
    of_parallel_creates_of_one_name_one_succeeds,
    a_refused_request_fails_alone_and_positions_stay_gapless,
    everything_is_there_after_the_store_is_opened_again,
    a_user_changes_and_goes,
    members_come_with_the_reply_where_they_are_few,
}

async fn of_parallel_creates_of_one_name_one_succeeds(f: Fixture) {
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let store = f.store.clone();
            let name = if n % 2 == 0 { "Ann" } else { "aNN" };
            let request = request(&f.directory, create_user(name));
            tokio::spawn(async move { store.write(request).await })
        })
        .collect();
    let (mut made, mut taken) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(committed) => {
                made += 1;
                assert_eq!((committed.events, committed.last_position), (1, Some(1)));
            }
            Err(WriteError::Refused(Refusal::UserNameTaken)) => taken += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((made, taken), (1, 31));
    assert_eq!(f.store.head(0), 1);
    assert_eq!(f.heard.events().len(), 1);
}

async fn a_refused_request_fails_alone_and_positions_stay_gapless(f: Fixture) {
    let tasks: Vec<_> = (0..60)
        .map(|n| {
            let store = f.store.clone();
            let name = if n % 3 == 0 { "same".to_owned() } else { format!("user{n}") };
            let request = request(&f.directory, create_user(&name));
            tokio::spawn(async move { store.write(request).await })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += u64::from(task.await.unwrap().is_ok());
    }
    assert_eq!(made, 41);
    let heard = f.heard.events();
    let places: Vec<(u64, u64)> = heard.iter().map(|event| (event.position, event.sequence)).collect();
    assert_eq!(places, (1..=41).map(|n| (n, n)).collect::<Vec<_>>());
    let logged = f.store.events(EventQuery { limit: 1000, ..EventQuery::default() }).await.unwrap().events;
    assert_eq!(logged, heard);
}

async fn everything_is_there_after_the_store_is_opened_again(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group("Staff", &[&ann.id]).await;
    let head = f.store.head(0);
    let catalog = f.store.catalog();
    let Fixture { settings, store, directory, .. } = f;
    drop(store);

    let heard = Arc::new(Heard::default());
    let store = Store::open(settings, heard.clone()).unwrap();
    assert_eq!(store.head(0), head);
    let again = store.catalog();
    assert_eq!(again.organizations, catalog.organizations);
    assert_eq!(again.directories[&directory].tokens, catalog.directories[&directory].tokens);
    let found = store.user(&directory, &ann.id).await.unwrap().unwrap();
    assert_eq!(found.document, ann.document);
    assert_eq!(found.groups.iter().map(|group| group.id.clone()).collect::<Vec<_>>(), [group.id]);
    store.write(request(&directory, create_user("bob"))).await.unwrap();
    let bob = heard.events();
    assert_eq!((bob[0].position, bob[0].sequence), (head + 1, head + 1));
    store.close().await;
    assert!(matches!(
        store.write(request(&directory, create_user("late"))).await,
        Err(WriteError::Unavailable { .. })
    ));
    assert!(store.health().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_opened_once() {
    let f = Fixture::new().await;
    let Err(error) = Store::open(settings(&f.folder), Arc::new(Heard::default())) else {
        panic!("opened twice")
    };
    assert!(matches!(error, OpenError::Locked(_)));
    assert!(error.to_string().contains("is in use by another process"), "{error}");
}

/// Each cause says what the others do not: whoever prints the chain prints nothing twice.
#[test]
fn the_text_of_an_error_does_not_repeat_its_causes() {
    let folder = tempfile::TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("main.db"), "this is no database ".repeat(1000)).unwrap();
    let Err(error) = Store::open(settings(&folder), Arc::new(Heard::default())) else { panic!("opened") };
    let mut texts = vec![error.to_string()];
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    let main = std::fs::canonicalize(data.join("main.db")).unwrap();
    assert_eq!(texts, [format!("opening {}", main.display()), "file is not a database".to_owned()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_files_remains_of_the_databases_after_closing() {
    let f = Fixture::new().await;
    f.endpoint(Scope::All, vec![]).await;
    let progress = ProgressBatch { manual_done: vec![1], ..ProgressBatch::default() };
    f.store.save_progress(progress).await.unwrap();
    f.user("ann").await;
    f.store.user(&f.directory, &f.user("bob").await.id).await.unwrap();
    let names = || {
        let entries = std::fs::read_dir(f.folder.path().join("data")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert!(names().iter().any(|name| name == "ledger.db-wal"));
    for name in names() {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(f.folder.path().join("data").join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", name.display());
    }
    f.store.close().await;
    assert_eq!(names(), ["ledger.db", "lock", "main.db", "master.key", "requests.db"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_a_newer_version_is_refused() {
    let f = Fixture::new().await;
    f.store.close().await;
    let main = f.folder.path().join("data/main.db");
    rusqlite::Connection::open(main)
        .unwrap()
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             SELECT 999, 'later', applied_on, checksum FROM refinery_schema_history LIMIT 1",
            [],
        )
        .unwrap();
    let Fixture { folder, store, .. } = f;
    drop(store);
    let Err(error) = Store::open(settings(&folder), Arc::new(Heard::default())) else { panic!("opened") };
    assert_eq!(error.to_string(), "opening main.db");
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.to_string().contains("newer version"), "{source}");
    assert!(source.source().is_none());
}

async fn a_user_changes_and_goes(f: Fixture) {
    let ann = f.user("ann").await;
    let bob = f.user("bob").await;
    let group = f.group("Staff", &[&ann.id, &bob.id]).await;
    assert_eq!(group.member_count, 2);

    let taken =
        f.write(patch_user(&ann.id, json!([{"op": "replace", "path": "userName", "value": "BOB"}]))).await;
    assert!(matches!(taken, Err(WriteError::Refused(Refusal::UserNameTaken))));

    let change = json!([{"op": "replace", "path": "emails", "value": [{"value": "new@x.org"}]},
                        {"op": "replace", "path": "title", "value": "Dr"}]);
    let changed = user_of(f.write(patch_user(&ann.id, change.clone())).await.unwrap());
    assert_eq!(changed.version, ann.version + 2, "a membership, then this change");
    let nothing = f.write(patch_user(&ann.id, change)).await.unwrap();
    assert_eq!((nothing.events, nothing.last_position), (0, None));

    let stale = Command::DeleteUser { id: ann.id.clone(), precondition: Precondition::Versions(vec![1]) };
    assert!(matches!(f.write(stale).await, Err(WriteError::Refused(Refusal::VersionMismatch { .. }))));
    let delete = Command::DeleteUser { id: ann.id.clone(), precondition: Precondition::None };
    let deleted = f.write(delete).await.unwrap();
    assert_eq!(deleted.reply, Reply::Deleted);
    assert_eq!(f.store.user(&f.directory, &ann.id).await.unwrap(), None);
    let (group, members) = f.store.group_with_members(&f.directory, &group.id).await.unwrap().unwrap();
    assert_eq!((group.member_count, members.len()), (1, 1));
    assert_eq!(members[0].value, bob.id.as_str());
    let kinds: Vec<EventType> = f.heard.events().iter().rev().take(2).map(|event| event.kind).collect();
    assert_eq!(kinds, [EventType::UserDeleted, EventType::MemberRemoved]);
    // The name is free again.
    f.user("ann").await;
}

async fn members_come_with_the_reply_where_they_are_few(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group("Staff", &[&ann.id]).await;
    let add = json!([{"op": "add", "path": "members", "value": [{"value": bob.id}, {"value": "nobody"}]}]);
    let mut write = request(&f.directory, patch_group(&group.id, add));
    let with = f.store.write(write.clone()).await.unwrap();
    let members = with.members.unwrap();
    assert_eq!(members.len(), 3);
    write.members_up_to = 2;
    let without = f.store.write(write).await.unwrap();
    assert_eq!((without.members, without.events), (None, 0));
    let first = f.store.members_after(&group.id, None, 2).await.unwrap();
    assert_eq!(first, members[..2]);
    assert_eq!(f.store.members_after(&group.id, Some(&first[1].value), 2).await.unwrap(), members[2..]);
    let beyond_the_first = format!("{}\0", first[0].value);
    assert_eq!(f.store.members_after(&group.id, Some(&beyond_the_first), 9).await.unwrap(), members[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_directory_is_gone_at_once_and_then_emptied() {
    let f = Fixture::new().await;
    let ann = f.user("ann").await;
    for n in 0..400 {
        f.user(&format!("user{n}")).await;
    }
    let group = f.group("Staff", &[&ann.id]).await;
    let head = f.store.head(0);
    let closed = f.write(Command::DeactivateDirectory).await.unwrap();
    assert_eq!(closed.events, 1);
    assert!(matches!(f.write(create_user("late")).await, Err(WriteError::Refused(Refusal::DirectoryClosed))));
    f.write(Command::DeleteDirectory).await.unwrap();
    assert!(!f.store.catalog().directories.contains_key(&f.directory));
    assert_eq!(f.store.find_user(&ann.id).await.unwrap(), None);
    assert_eq!(f.store.find_group(&group.id).await.unwrap(), None);
    assert!(matches!(
        f.write(Command::ActivateDirectory).await,
        Err(WriteError::Refused(Refusal::DirectoryClosed))
    ));
    // What the purge has not removed when the store closes, it removes after the next start.
    let Fixture { folder, store, .. } = f;
    drop(store);
    let store = Store::open(settings(&folder), Arc::new(Heard::default())).unwrap();
    let main = rusqlite::Connection::open(folder.path().join("data/main.db")).unwrap();
    let left = || -> i64 {
        main.query_row(
            "SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM groups) + (SELECT COUNT(*) FROM members)
                  + (SELECT COUNT(*) FROM user_emails) + (SELECT COUNT(*) FROM directories WHERE purged = 0)",
            [],
            |row| row.get(0),
        )
        .unwrap()
    };
    while left() > 0 {
        tokio::task::yield_now().await;
    }
    let events = store
        .events(EventQuery { after: vec![head].into(), limit: 10, ..EventQuery::default() })
        .await
        .unwrap()
        .events;
    let kinds: Vec<EventType> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventType::DirectoryDeactivated, EventType::DirectoryDeleted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_nowhere() {
    let f = Fixture::new().await;
    f.user("ann").await;
    f.store.close().await;
    for entry in std::fs::read_dir(f.folder.path().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_an_unknown_directory_is_closed() {
    let f = Fixture::new().await;
    let other = rollcall_domain::ids::DirectoryId::from_uuid(rollcall_store::clock::new_uuid());
    assert!(matches!(
        f.store.write(request(&other, create_user("x"))).await,
        Err(WriteError::Refused(Refusal::DirectoryClosed))
    ));
    let folder = tempfile::TempDir::new().unwrap();
    let mut small = settings(&folder);
    small.disk_refuse_percent = 0;
    let full = Store::open(small, Arc::new(Heard::default())).unwrap();
    let refused = full.write(request(&other, create_user("x"))).await;
    assert!(matches!(refused, Err(WriteError::Unavailable { retry_after_seconds: 30, .. })), "{refused:?}");
    assert_eq!(full.health(), Err("the disk is too full"));
}
