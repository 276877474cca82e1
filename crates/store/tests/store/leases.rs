use rollcall_domain::{endpoint::Scope, ids::EndpointId};
use rollcall_store::{
    Store,
    ledger::{HeldShard, LaneRecord, ProgressBatch, SaveError},
    read::ReadError,
};
use tokio_postgres::Client;

use crate::{processes::Processes, support::Fixture};

fn lane(endpoint: &EndpointId, shard: u16, frontier: u64) -> LaneRecord {
    LaneRecord {
        endpoint_id: endpoint.clone(),
        shard,
        frontier,
        settled_above: vec![],
        breaker: "{}".into(),
        failing_since: None,
    }
}

/// Saves a lane of each of these shards, under their epochs.
async fn save(
    store: &Store,
    endpoint: &EndpointId,
    held: &[HeldShard],
    frontier: u64,
) -> Result<(), SaveError> {
    let lanes = held.iter().map(|held| lane(endpoint, held.shard, frontier)).collect();
    store.save_progress(ProgressBatch { epochs: held.to_vec(), lanes, ..ProgressBatch::default() }).await
}

async fn frontier(store: &Store, shard: u16) -> Option<u64> {
    store.load_lanes(shard).await.unwrap().first().map(|lane| lane.frontier)
}

/// A claim is a new epoch, and the one before counts no more.
async fn what_is_saved_under_an_older_epoch_is_refused(f: &Fixture) {
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    let first = f.store.claim_shards("a", &[0]).await.unwrap();
    assert_eq!(first.len(), 1);
    save(&f.store, &endpoint, &first, 5).await.unwrap();
    assert_eq!(f.store.renew_shards(&first, 1).await.unwrap(), first);
    let second = f.store.claim_shards("a", &[0]).await.unwrap();
    assert_eq!(second, [HeldShard { shard: 0, epoch: first[0].epoch + 1 }]);
    assert_eq!(f.store.renew_shards(&first, 1).await.unwrap(), []);
    let refused = save(&f.store, &endpoint, &first, 6).await;
    assert!(matches!(refused, Err(SaveError::Fenced(shards)) if shards == [0]));
    assert_eq!(frontier(&f.store, 0).await, Some(5));
    save(&f.store, &endpoint, &second, 7).await.unwrap();
    assert_eq!(frontier(&f.store, 0).await, Some(7));
    // What was let go can still be saved until somebody claims it.
    f.store.release_shards(&second).await.unwrap();
    save(&f.store, &endpoint, &second, 8).await.unwrap();
    assert_eq!(frontier(&f.store, 0).await, Some(8));
}

/// Those who hold shards are asked which configuration they have.
async fn a_revision_is_seen_when_all_holders_have_it(f: &Fixture) {
    assert!(f.store.dispatchers_seen(9).await.unwrap(), "nobody holds any");
    let held = f.store.claim_shards("a", &[0]).await.unwrap();
    assert!(!f.store.dispatchers_seen(9).await.unwrap());
    f.store.renew_shards(&held, 8).await.unwrap();
    assert!(!f.store.dispatchers_seen(9).await.unwrap());
    f.store.renew_shards(&held, 9).await.unwrap();
    assert!(f.store.dispatchers_seen(9).await.unwrap());
    f.store.claim_shards("a", &[0]).await.unwrap();
    assert!(!f.store.dispatchers_seen(9).await.unwrap());
}

/// Until a query gives this.
async fn until(sql: &Client, query: &str, expected: i64) {
    while sql.query_one(query, &[]).await.unwrap().get::<_, i64>(0) != expected {
        tokio::task::yield_now().await;
    }
}

async fn a_shard_changes_hands_when_it_is_let_go_or_its_lease_is_over(
    f: &Fixture,
    other: &Store,
    sql: &Client,
) {
    let endpoint = f.endpoint(Scope::All, vec![]).await.id;
    let ours = f.store.claim_shards("a", &[0, 1, 2]).await.unwrap();
    assert_eq!(ours.len(), 3);
    let theirs = other.claim_shards("b", &[1, 2, 3]).await.unwrap();
    assert_eq!(theirs, [HeldShard { shard: 3, epoch: 1 }]);
    f.store.release_shards(&ours[1..2]).await.unwrap();
    assert_eq!(other.claim_shards("b", &[1, 2]).await.unwrap(), [HeldShard { shard: 1, epoch: 2 }]);
    sql.batch_execute("UPDATE ledger.shards SET expires_at = 1 WHERE shard IN (0, 2)").await.unwrap();
    // Nobody took it yet: it can be had again.
    assert_eq!(f.store.renew_shards(&ours, 1).await.unwrap(), [ours[0], ours[2]]);
    sql.batch_execute("UPDATE ledger.shards SET expires_at = 1 WHERE shard = 2").await.unwrap();
    assert_eq!(other.claim_shards("b", &[0, 2]).await.unwrap(), [HeldShard { shard: 2, epoch: 2 }]);
    assert_eq!(f.store.renew_shards(&ours, 1).await.unwrap(), ours[..1]);

    // Who does not know it yet saves nothing, not even of the shard that it holds.
    match save(&f.store, &endpoint, &ours, 5).await {
        Err(SaveError::Fenced(mut shards)) => {
            shards.sort_unstable();
            assert_eq!(shards, [1, 2]);
        }
        saved => panic!("{saved:?}"),
    }
    for shard in 0..3 {
        assert_eq!(frontier(&f.store, shard).await, None);
    }
    save(&f.store, &endpoint, &ours[..1], 5).await.unwrap();
    assert_eq!(frontier(other, 0).await, Some(5));
}

async fn a_claim_waits_for_the_save_under_way_and_a_renewal_does_not(
    f: &Fixture,
    other: &Store,
    sql: &Client,
) {
    let ours = f.store.claim_shards("a", &[0, 1]).await.unwrap();
    // As a save does.
    sql.batch_execute("BEGIN; SELECT 1 FROM ledger.shards WHERE shard = 1 FOR KEY SHARE").await.unwrap();
    assert_eq!(f.store.renew_shards(&ours, 1).await.unwrap(), ours);
    f.store.release_shards(&ours).await.unwrap();
    let claimer = other.clone();
    let claim = tokio::spawn(async move { claimer.claim_shards("b", &[0, 1]).await });
    // One is taken, the other is waited for.
    until(sql, "SELECT COUNT(*) FROM ledger.shards WHERE holder = 'b'", 1).await;
    sql.batch_execute("COMMIT").await.unwrap();
    let held = claim.await.unwrap().unwrap();
    assert_eq!(held, [HeldShard { shard: 0, epoch: 2 }, HeldShard { shard: 1, epoch: 2 }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fenced_on_files() {
    what_is_saved_under_an_older_epoch_is_refused(&Fixture::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seen_on_files() {
    a_revision_is_seen_when_all_holders_have_it(&Fixture::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fenced_on_a_server() {
    what_is_saved_under_an_older_epoch_is_refused(&Processes::new().await.one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seen_on_a_server() {
    a_revision_is_seen_when_all_holders_have_it(&Processes::new().await.one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_hands_on_a_server() {
    let p = Processes::new().await;
    a_shard_changes_hands_when_it_is_let_go_or_its_lease_is_over(&p.one, &p.two, &p.sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_on_a_server() {
    let p = Processes::new().await;
    a_claim_waits_for_the_save_under_way_and_a_renewal_does_not(&p.one, &p.two, &p.sql).await;
}

/// What the server ended is made again; until then callers hear that another try is worth it.
#[tokio::test(flavor = "multi_thread")]
async fn lost_sessions_are_made_again() {
    let p = Processes::new().await;
    let endpoint = p.one.endpoint(Scope::All, vec![]).await.id;
    let held = p.one.store.claim_shards("a", &[0]).await.unwrap();
    save(&p.one.store, &endpoint, &held, 1).await.unwrap();
    let ended = p
        .sql
        .query_one(
            "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name IN ('rollcall ledger', 'rollcall leases')",
            &[],
        )
        .await
        .unwrap();
    assert!(ended.get::<_, i64>(0) >= 3);
    while let Err(error) = save(&p.one.store, &endpoint, &held, 2).await {
        let again = matches!(error, SaveError::Store(ReadError::Busy | ReadError::Unavailable));
        assert!(again, "{error:?}");
    }
    assert_eq!(frontier(&p.two, 0).await, Some(2));
    loop {
        match p.one.store.renew_shards(&held, 1).await {
            Ok(kept) => break assert_eq!(kept, held),
            Err(ReadError::Busy | ReadError::Unavailable) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}
