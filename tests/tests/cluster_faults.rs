//! Faults in a cluster under load: two processes that take writes in and two that deliver, and one
//! neighbour after the other is killed, frozen or emptied. Every time each write that was answered 2xx
//! is delivered with its events, without a gap and in order; what is sent twice is a suffix, in order.

use std::time::Duration;

use rollcall_tests::{
    cluster::Size,
    drill::{Drill, FROZEN, LEASE, NOTHING, Price, lasts, repeats},
    servers::postgres::Stop,
    topic,
};

/// Two processes of each role, one broker.
const SIZE: Size = Size { ingest: 2, dispatch: 2, brokers: 1 };
/// So long may the topic lack what is committed.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_are_killed_and_come_back() {
    let mut drill = Drill::start(SIZE).await;
    for n in 0..SIZE.ingest {
        drill.act(&format!("SIGKILL of ingest {}", n + 1), NOTHING, async |c, _| c.ingest[n].crash()).await;
    }
    for n in 0..SIZE.dispatch {
        let title = format!("SIGKILL of dispatch {}", n + 1);
        drill.act(&title, repeats(1), async |c, _| c.dispatch[n].crash()).await;
    }
    drill
        .act("a dispatcher is killed and stays away past its lease", repeats(1), async |c, _| {
            c.dispatch[0].kill();
            lasts(2 * LEASE).await;
            c.dispatch[0].launch();
        })
        .await;
    drill.cluster.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispatcher_that_was_given_up_comes_back_to_life() {
    let mut drill = Drill::start(SIZE).await;
    for n in 0..SIZE.dispatch {
        drill
            .act(&format!("dispatch {} frozen past its lease", n + 1), repeats(1), async |c, _| {
                c.dispatch[n].freeze();
                lasts(3 * LEASE).await;
                c.dispatch[n].thaw();
            })
            .await;
    }
    drill.cluster.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dispatchers_join_and_leave() {
    let mut drill = Drill::start(SIZE).await;
    drill
        .act("dispatchers join and leave ten times", repeats(20), async |c, _| {
            for _ in 0..10 {
                c.join();
                c.join();
                for _ in 0..2 {
                    // The oldest leaves: over time all are others.
                    let mut leaving = c.dispatch.remove(0);
                    leaving.stop();
                }
            }
        })
        .await;
    drill.cluster.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_fails_and_loses_everything() {
    let mut drill = Drill::start(SIZE).await;
    let mut ends = drill
        .act("SIGKILL of Kafka", repeats(1), async |c, _| {
            c.kafka.kill(1);
            lasts(LEASE).await;
            c.kafka.launch();
        })
        .await;
    let more = drill
        .act("Kafka frozen for 20 s", repeats(1), async |c, _| {
            c.kafka.freeze(1);
            lasts(FROZEN).await;
            c.kafka.thaw(1);
        })
        .await;
    ends.extend(more);
    let topic = drill.cluster.feed().1.to_owned();
    println!("  {}", topic::prove(&drill.cluster.kafka, &topic, &ends, PATIENCE));
    let more = drill.act("Kafka's data wiped", repeats(1), async |c, _| c.kafka.wipe()).await;
    ends.extend(more);
    // What the lost topic held is on the new one too.
    println!("  {}", topic::prove_refilled(&drill.cluster.kafka, &topic, &ends, PATIENCE));
    drill.cluster.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_fails() {
    let mut drill = Drill::start(SIZE).await;
    let price = Price { refusals: true, ..repeats(1) };
    drill.act("PostgreSQL restarted fast", price, async |c, _| c.postgres.restart(Stop::Fast)).await;
    drill.act("PostgreSQL restarted at once", price, async |c, _| c.postgres.restart(Stop::Immediate)).await;
    drill
        .act("SIGKILL of PostgreSQL", price, async |c, _| {
            c.postgres.kill();
            lasts(2 * LEASE).await;
            c.postgres.launch();
        })
        .await;
    drill
        .act("PostgreSQL frozen for 20 s", price, async |c, _| {
            c.postgres.freeze();
            lasts(FROZEN).await;
            c.postgres.thaw();
        })
        .await;
    drill.cluster.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_fails_and_loses_everything() {
    let mut drill = Drill::start(SIZE).await;
    drill.act("Redis killed and empty", NOTHING, async |c, _| c.redis.wipe()).await;
    drill
        .act("Redis frozen for 20 s", NOTHING, async |c, _| {
            c.redis.freeze();
            lasts(FROZEN).await;
            c.redis.thaw();
        })
        .await;
    drill
        .act("Redis away", NOTHING, async |c, _| {
            c.redis.kill();
            lasts(LEASE).await;
            c.redis.launch();
        })
        .await;
    drill.cluster.stop();
}
