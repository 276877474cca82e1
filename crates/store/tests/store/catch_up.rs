//! What one process has made, another finds as soon as it asks.

use futures_util::future::join_all;
use rollcall_domain::directory::Mode;

use crate::{processes::Processes, support::new_directory};

#[tokio::test]
async fn what_another_process_was_answered_is_there_for_whoever_asks() {
    let processes = Processes::new().await;
    for n in 0..10 {
        let name = format!("Organization {n}");
        let organization = processes.one.store.create_organization(name, None).await.unwrap().id;
        let (directory, ..) =
            processes.one.store.create_directory(new_directory(&organization, Mode::Live)).await.unwrap();
        join_all((0..5).map(|_| async {
            processes.two.catch_up().await;
            let catalog = processes.two.catalog();
            assert!(catalog.organizations.contains_key(&organization), "{n}");
            assert!(catalog.directories.contains_key(&directory.id), "{n}");
        }))
        .await;
    }
}
