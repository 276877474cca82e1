//! Three brokers under load, of which the one that matters fails: no webhook is lost or out of order,
//! and neither is a record on the topic. Not part of the test command, for it takes a big machine:
//! `cargo test -p rollcall-tests --test cluster_brokers`.

use std::{collections::BTreeMap, time::Duration};

use rollcall_tests::{
    cluster::{Cluster, Size},
    drill::{Drill, FROZEN, LEASE, NOTHING, lasts, repeats},
    load::Running,
    topic,
};

const SIZE: Size = Size { ingest: 2, dispatch: 2, brokers: 3 };
/// So long may a topic lack what is committed.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_of_three_brokers_fails() {
    let mut drill = Drill::start(SIZE).await;
    let mut all = BTreeMap::new();
    for round in 1..=3 {
        let ends = drill
            .act(&format!("SIGKILL of the leader, {round}"), NOTHING, async |c, load| {
                c.kafka.kill(leader(c, load).await);
                lasts(2 * LEASE).await;
                c.kafka.launch();
            })
            .await;
        holds(&drill.cluster, &mut all, ends);
        let ends = drill
            .act(&format!("the leader frozen, {round}"), NOTHING, async |c, load| {
                let leader = leader(c, load).await;
                c.kafka.freeze(leader);
                lasts(FROZEN).await;
                c.kafka.thaw(leader);
            })
            .await;
        holds(&drill.cluster, &mut all, ends);
    }
    let ends = drill
        .act("the leader and one more are killed", repeats(1), async |c, load| {
            let leader = leader(c, load).await;
            c.kafka.kill(leader);
            c.kafka.kill(leader % 3 + 1);
            lasts(2 * LEASE).await;
            c.kafka.launch();
        })
        .await;
    holds(&drill.cluster, &mut all, ends);
    drill.cluster.stop();
}

/// The broker that leads the partition of the load's first directory.
async fn leader(cluster: &Cluster, load: &Running) -> u32 {
    let events = cluster.owner.events(&load.directories[0].0.directory).await;
    let event = events.last().expect("something was written").id();
    let trace = cluster.owner.get(&format!("/events/{event}/trace")).await.expect(200);
    let partition = trace["log"]["shard"].as_u64().and_then(|shard| u16::try_from(shard).ok());
    let leaders = topic::leaders(&cluster.kafka, cluster.feed().1);
    let leader = leaders[&partition.expect("it has a shard")];
    println!(
        "the leader is broker {leader}, of {} partitions",
        leaders.values().filter(|l| **l == leader).count()
    );
    leader
}

/// The topic holds everything that was ever written to it.
fn holds(cluster: &Cluster, all: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    all.extend(more);
    println!("  {}", topic::prove(&cluster.kafka, cluster.feed().1, all, PATIENCE));
}
