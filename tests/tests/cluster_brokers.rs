//! Three brokers under load, of which one after the other fails. Not part of the test command, for it
//! takes a big machine: `cargo test -p rollcall-tests --test cluster_brokers`.

use rollcall_tests::{
    cluster::Size,
    drill::{Drill, FROZEN, LEASE, NOTHING, lasts, repeats},
};

const SIZE: Size = Size { ingest: 2, dispatch: 2, brokers: 3 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_broker_of_three_fails() {
    let mut drill = Drill::start(SIZE).await;
    for broker in 1..=3 {
        drill
            .act(&format!("SIGKILL of broker {broker}"), NOTHING, async |c| {
                c.kafka.kill(broker);
                lasts(2 * LEASE).await;
                c.kafka.launch();
            })
            .await;
        drill
            .act(&format!("broker {broker} frozen"), NOTHING, async |c| {
                c.kafka.freeze(broker);
                lasts(FROZEN).await;
                c.kafka.thaw(broker);
            })
            .await;
    }
    drill
        .act("two brokers of three are killed", repeats(1), async |c| {
            c.kafka.kill(1);
            c.kafka.kill(2);
            lasts(2 * LEASE).await;
            c.kafka.launch();
        })
        .await;
    drill.cluster.stop();
}
