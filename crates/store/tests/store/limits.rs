//! What is bounded: the writer's queue and the write-ahead log.

use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, Sender, channel},
};

use rollcall_domain::{directory::Mode, event::LoggedEvent};
use rollcall_store::{CommitListener, Settings, Store, WriteError, config_ops::ConfigError};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::{Fixture, create_user, new_directory, request, settings};

/// Holds the writer's thread until the other end of `released` is dropped.
struct Gate {
    entered: Sender<()>,
    released: Mutex<Receiver<()>>,
}

impl CommitListener for Gate {
    fn committed(&self, _: &[Arc<LoggedEvent>]) {
        let _ = self.entered.send(());
        let _ = self.released.lock().unwrap().recv();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once_and_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let ((entered, has_entered), (release, released)) = (channel(), channel());
    let gate = Gate { entered, released: Mutex::new(released) };
    let store = Store::open(Settings { write_queue: 2, ..settings(&folder) }, Arc::new(gate)).unwrap();
    let organization = store.create_organization("Acme".into(), None).await.unwrap().id;
    let directory = store.create_directory(new_directory(&organization, Mode::Live)).await.unwrap().0.id;
    let write = |name: &str| {
        let (store, request) = (store.clone(), request(&directory, create_user(name)));
        Box::pin(async move { store.write(request).await })
    };

    let first = tokio::spawn(write("first"));
    tokio::task::spawn_blocking(move || has_entered.recv()).await.unwrap().unwrap();
    // The writer is held now: these two wait in the queue.
    let mut waiting = [write("second"), write("third")];
    for one in &mut waiting {
        tokio::select! {
            biased;
            outcome = one => panic!("{outcome:?}"),
            () = std::future::ready(()) => {}
        }
    }
    match write("fourth").await {
        Err(WriteError::Unavailable { reason, retry_after_seconds }) => {
            assert_eq!((reason, retry_after_seconds), ("too many writes wait", 1));
        }
        other => panic!("{other:?}"),
    }
    let change = store.create_organization("Other".into(), None).await;
    assert!(matches!(change, Err(ConfigError::Unavailable)));

    drop(release);
    first.await.unwrap().unwrap();
    for one in waiting {
        one.await.unwrap();
    }
    assert_eq!(store.head(0), 3, "what was refused left nothing");
    write("fourth").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_steady_stream_of_writes_the_log_starts_over() {
    const WRITES: usize = 20_000;
    const AT_ONCE: usize = 64;
    let f = Fixture::new().await;
    let data = f.folder.path().join("data");
    let size = |name: &str| std::fs::metadata(data.join(name)).unwrap().len();
    // A reader that never pauses must not be in the way.
    let reading = {
        let (store, directory) = (f.store.clone(), f.directory.clone());
        tokio::spawn(async move { while store.users_after(Some(&directory), 0, 5).await.is_ok() {} })
    };
    let mut largest = 0;
    let mut running = JoinSet::new();
    for n in 0..WRITES {
        let (store, request) = (f.store.clone(), request(&f.directory, create_user(&format!("user{n}"))));
        running.spawn(async move { store.write(request).await });
        if running.len() >= AT_ONCE {
            running.join_next().await.unwrap().unwrap().unwrap();
            largest = largest.max(size("main.db-wal"));
        }
    }
    while let Some(outcome) = running.join_next().await {
        outcome.unwrap().unwrap();
    }
    largest = largest.max(size("main.db-wal"));
    f.store.close().await;
    reading.await.unwrap();
    let all = size("main.db");
    // It starts over at 32 MiB; on a busy machine that takes a moment. Without, it would be 180 MiB.
    assert!(largest < 96 << 20, "a log of {largest} bytes, for a database of {all}");
}
