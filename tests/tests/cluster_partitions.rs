//! Partitions of the network under load: a process that delivers is cut off from one server, or from
//! everything, and does not learn it. It takes root.

use rollcall_tests::{
    cluster::Size,
    drill::{Drill, LEASE, Price, lasts, repeats},
    servers::network::Neighbour,
};

const SIZE: Size = Size { ingest: 1, dispatch: 2, brokers: 1 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispatcher_is_cut_off() {
    let mut drill = Drill::start_apart(SIZE).await;
    for (title, neighbours) in [
        ("a dispatcher is cut off from PostgreSQL", &[Neighbour::Postgres][..]),
        ("a dispatcher is cut off from Kafka", &[Neighbour::Kafka]),
        ("a dispatcher is cut off from Redis", &[Neighbour::Redis]),
        ("a dispatcher is cut off from the receiver", &[Neighbour::Receiver]),
        (
            "a dispatcher is cut off from everything",
            &[Neighbour::Postgres, Neighbour::Kafka, Neighbour::Redis, Neighbour::Receiver],
        ),
    ] {
        let price = Price { unseen_failures: neighbours.contains(&Neighbour::Receiver), ..repeats(1) };
        drill
            .act(title, price, async |c, _| {
                neighbours.iter().for_each(|n| c.host().cut(*n));
                lasts(3 * LEASE).await;
                neighbours.iter().for_each(|n| c.host().mend(*n));
            })
            .await;
    }
    drill.cluster.stop();
}
