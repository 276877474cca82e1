//! A copy that is made while others write.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rollcall_store::{
    Settings, Store,
    backup::{BackupError, backup},
    read::EventQuery,
};

use crate::support::{Fixture, Heard, create_user, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_one_state_of_the_store() {
    let f = Fixture::new().await;
    let data = f.folder.path().join("data");
    let target = f.folder.path().join("copy");
    for n in 0..200 {
        f.user(&format!("before{n}")).await;
    }
    let going = Arc::new(AtomicBool::new(true));
    let writing = tokio::spawn({
        let (store, directory, going) = (f.store.clone(), f.directory.clone(), going.clone());
        async move {
            let mut n = 0;
            while going.load(Ordering::Relaxed) {
                store.write(request(&directory, create_user(&format!("during{n}")))).await.unwrap();
                n += 1;
            }
        }
    });
    let mut told = Vec::new();
    let summary =
        tokio::task::block_in_place(|| backup(&data, &target, false, &mut |p| told.push(p))).unwrap();
    going.store(false, Ordering::Relaxed);
    writing.await.unwrap();
    assert!(summary.users >= 200 && summary.events >= summary.users, "{summary:?}");
    assert_eq!(summary.position, summary.events);
    assert_eq!(told.last().unwrap().name, "main.db");
    for name in ["main.db", "ledger.db", "master.key"] {
        let mode = target.join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }

    // The copy is a data folder.
    let settings = Settings { data_dir: target.clone(), disk_refuse_percent: 100, ..Settings::default() };
    let copy = Store::open(settings, Arc::new(Heard::default())).unwrap();
    let mut query = EventQuery { limit: 1000, ..EventQuery::default() };
    let (mut events, mut users) = (0, 0);
    loop {
        let read = copy.events(query.clone()).await.unwrap();
        let Some(last) = read.events.last() else { break };
        query.after.set(0, last.position);
        for event in &read.events {
            events += 1;
            assert_eq!(event.sequence, events, "no gap");
        }
        let found = copy.users_after(Some(&f.directory), 0, 1000).await.unwrap().len() as u64;
        users = users.max(found);
    }
    assert_eq!(events, summary.events);
    assert_eq!(users, summary.users.min(1000));
    copy.close().await;

    let mut quiet = |_| {};
    assert!(matches!(backup(&data, &target, false, &mut quiet), Err(BackupError::Exists(_))));
    let nowhere = f.folder.path().join("nowhere");
    assert!(matches!(backup(&nowhere, &target, false, &mut quiet), Err(BackupError::NoStore(_))));
    let other = f.folder.path().join("other");
    std::fs::create_dir(f.folder.path().join("other.partial")).unwrap();
    assert!(matches!(backup(&data, &other, false, &mut quiet), Err(BackupError::CutOff(_))));
}

/// Nothing with the target's name is left, nor what was on the way to it.
fn refused(data: &Path, key_is_configured: bool) -> BackupError {
    let target = data.with_file_name("refused");
    let error = backup(data, &target, key_is_configured, &mut |_| {}).unwrap_err();
    assert!(!target.exists() && !data.with_file_name("refused.partial").exists(), "{error}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_with_a_gap_is_no_backup() {
    for (damage, found) in [
        ("DELETE FROM events WHERE position = 1", "position 2 where 1 should be"),
        ("DELETE FROM events WHERE position = 4", "position 5 where 4 should be"),
        ("UPDATE events SET sequence = sequence + 1 WHERE position = 5", "at position 5"),
        ("DELETE FROM events WHERE position = (SELECT MAX(position) FROM events)", "its last event has"),
    ] {
        let f = Fixture::new().await;
        let data = f.folder.path().join("data");
        for n in 0..6 {
            f.user(&format!("user{n}")).await;
        }
        f.store.close().await;
        backup(&data, &data.with_file_name("whole"), false, &mut |_| {}).unwrap();
        let main = rusqlite::Connection::open(data.join("main.db")).unwrap();
        assert_eq!(main.execute(damage, []).unwrap(), 1);
        let error = refused(&data, false);
        let BackupError::Damaged { name: "main.db", problem } = &error else { panic!("{error:?}") };
        assert!(problem.contains(found), "{damage}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_its_key_or_of_a_newer_version_is_not_copied() {
    let f = Fixture::new().await;
    let data = f.folder.path().join("data");
    f.store.close().await;
    let key = data.join("master.key");
    std::fs::rename(&key, data.join("elsewhere")).unwrap();
    assert!(matches!(refused(&data, false), BackupError::NoKey(_)));
    let copy = f.folder.path().join("copy");
    backup(&data, &copy, true, &mut |_| {}).unwrap();
    assert!(copy.join("main.db").exists() && !copy.join("master.key").exists());
    std::fs::rename(data.join("elsewhere"), &key).unwrap();

    for name in ["ledger.db", "main.db"] {
        let c = rusqlite::Connection::open(data.join(name)).unwrap();
        let later = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                     SELECT 999, 'later', applied_on, checksum FROM refinery_schema_history LIMIT 1";
        assert_eq!(c.execute(later, []).unwrap(), 1);
        let error = refused(&data, false);
        assert!(matches!(&error, BackupError::Newer { name: found, .. } if *found == name), "{error:?}");
        assert!(error.to_string().contains("newer version of rollcall (its schema is 999"), "{error}");
    }
}
