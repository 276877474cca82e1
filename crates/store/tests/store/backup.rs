//! A copy that is made while others write.

use std::{
    os::unix::fs::PermissionsExt,
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
    let summary = tokio::task::block_in_place(|| backup(&data, &target, &mut |p| told.push(p))).unwrap();
    going.store(false, Ordering::Relaxed);
    writing.await.unwrap();
    assert!(summary.users >= 200 && summary.events >= summary.users, "{summary:?}");
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
        let found = copy.users_after(Some(&f.directory), None, 1000).await.unwrap().len() as u64;
        users = users.max(found);
    }
    assert_eq!(events, summary.events);
    assert_eq!(users, summary.users.min(1000));
    copy.close().await;

    let mut quiet = |_| {};
    assert!(matches!(backup(&data, &target, &mut quiet), Err(BackupError::Exists(_))));
    let nowhere = f.folder.path().join("nowhere");
    assert!(matches!(backup(&nowhere, &target, &mut quiet), Err(BackupError::NoStore(_))));
    let other = f.folder.path().join("other");
    std::fs::create_dir(f.folder.path().join("other.partial")).unwrap();
    assert!(matches!(backup(&data, &other, &mut quiet), Err(BackupError::CutOff(_))));
}
