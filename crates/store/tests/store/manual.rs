use std::time::Duration;

use rollcall_domain::{
    delivery::{Attempt, Trigger},
    endpoint::Scope,
    ids::{AttemptId, EventId},
    shard::shard_of,
};
use rollcall_store::{
    Store, clock,
    ledger::{ManualSend, ManualSendWhat, ProgressBatch},
};
use tokio::time::timeout;

use crate::{processes::Processes, support::Fixture};

/// How soon another process must know.
const SOON: Duration = Duration::from_secs(1);

/// Each send is its shard's, and is read by nobody else.
async fn a_send_is_read_by_the_dispatcher_of_its_shard(f: &Fixture) {
    let shards = f.store.shards();
    let of_directory = f.endpoint(Scope::Directory(f.directory.clone()), vec![]).await.id;
    let of_all = f.endpoint(Scope::All, vec![]).await.id;
    let test = || ManualSendWhat::Test { event_id: EventId::from_uuid(clock::new_uuid()), body: "{}".into() };
    let event = ManualSendWhat::Event { shard: shards - 1, position: 7 };
    f.store.request_manual_send(&of_directory, test()).await.unwrap();
    f.store.request_manual_send(&of_all, test()).await.unwrap();
    f.store.request_manual_send(&of_all, event.clone()).await.unwrap();
    let mut found: Vec<(u16, ManualSend)> = Vec::new();
    for shard in 0..shards {
        found.extend(f.store.manual_sends(shard, 10).await.unwrap().into_iter().map(|send| (shard, send)));
    }
    found.sort_unstable_by_key(|(_, send)| send.id);
    assert_eq!(
        found.iter().map(|(shard, send)| (*shard, &send.endpoint_id)).collect::<Vec<_>>(),
        [(shard_of(&f.directory, shards), &of_directory), (0, &of_all), (shards - 1, &of_all)]
    );
    assert_eq!(found[2].1.what, event);
    f.store.delete_endpoint(&of_all).await.unwrap();
    assert!(f.store.manual_sends(0, 10).await.unwrap().iter().all(|send| send.endpoint_id == of_directory));
}

/// What one process asks for, another makes, and the first hears of it.
async fn a_send_crosses_processes_and_its_outcome_comes_back(f: &Fixture, other: &Store) {
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    let event_id = EventId::from_uuid(clock::new_uuid());
    let (mut asked, mut outcome) = (other.manual_changes(), f.store.ledger_changes());
    for round in 1..=3 {
        let what = ManualSendWhat::Test { event_id: event_id.clone(), body: "{}".into() };
        f.store.request_manual_send(&endpoint, what).await.unwrap();
        let send = timeout(SOON, async {
            loop {
                asked.changed().await.unwrap();
                if let Some(send) = other.manual_sends(0, 10).await.unwrap().pop() {
                    return send;
                }
            }
        });
        let send = send.await.expect("the request comes in time");
        let attempt = Attempt {
            id: AttemptId::from_uuid(clock::new_uuid()),
            endpoint_id: endpoint.clone(),
            event_id: event_id.clone(),
            shard: 0,
            position: 0,
            number: 1,
            trigger: Trigger::Test,
            started_at: clock::now(),
            duration_ms: 1,
            response_status: Some(200),
            error: None,
            error_detail: None,
            response_body: None,
        };
        let batch =
            ProgressBatch { attempts: vec![attempt], manual_done: vec![send.id], ..ProgressBatch::default() };
        other.save_progress(batch).await.unwrap();
        let made = timeout(SOON, async {
            while f.store.test_attempts(&endpoint, &event_id).await.unwrap().len() < round {
                outcome.changed().await.unwrap();
            }
        });
        made.await.expect("the outcome comes in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_shard_on_files() {
    a_send_is_read_by_the_dispatcher_of_its_shard(&Fixture::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcome_on_files() {
    let f = Fixture::new().await;
    a_send_crosses_processes_and_its_outcome_comes_back(&f, &f.store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_shard_on_a_server() {
    a_send_is_read_by_the_dispatcher_of_its_shard(&Processes::new().await.one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcome_on_a_server() {
    let p = Processes::new().await;
    a_send_crosses_processes_and_its_outcome_comes_back(&p.one, &p.two).await;
}
