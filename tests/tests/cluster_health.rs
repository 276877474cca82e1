//! What is missing is said: by `/readyz` to whoever balances the load, and by `rollcall check` to whoever
//! sets it up, in one line; and no longer when it is there again.

use std::time::{Duration, Instant};

use rollcall_tests::{
    cluster::{Cluster, Size},
    http,
    server::Server,
    servers::postgres::Stop,
    wait::eventually,
};
use serde_json::Value;

const SIZE: Size = Size { ingest: 1, dispatch: 1, brokers: 1 };
/// So long may it take until an absence is noticed, or an end of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until both processes say so.
async fn both(cluster: &Cluster, what: &str, status: u16, is_so: impl Fn(&Value) -> bool) {
    for server in [&cluster.ingest[0], &cluster.dispatch[0]] {
        let url = format!("{}/readyz", server.private.get());
        eventually(what, PATIENCE, async || {
            let (answered, detail) = http::get_json(&url).await?;
            (answered == status && is_so(&detail)).then_some(())
        })
        .await;
    }
}

/// Both are ready, and nothing is said of this server.
async fn well(cluster: &Cluster, server: &str) {
    both(cluster, &format!("{server} is there again"), 200, |detail| {
        detail["status"] == "ready" && !names(&detail["degraded"], server)
    })
    .await;
}

fn names(list: &Value, text: &str) -> bool {
    list.as_array()
        .is_some_and(|list| list.iter().any(|line| line.as_str().is_some_and(|line| line.starts_with(text))))
}

/// `check` is content with all but this, of which it says so in one line.
fn check_fails(server: &mut Server, at: &str, why: &str) {
    let data = server.data();
    let (good, lines) = server.options().check(&data);
    assert!(!good, "{lines:#?}");
    let failed: Vec<&String> = lines.iter().filter(|line| line.starts_with("failed")).collect();
    let [line] = failed[..] else { panic!("one line: {lines:#?}") };
    assert!(line.contains(at) && line.contains(why), "{line}");
    println!("{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_said() {
    let mut cluster = Cluster::start(SIZE).await;
    let data = cluster.ingest[0].data();
    let (good, lines) = cluster.ingest[0].options().check(&data);
    assert!(good && lines.iter().all(|line| line.starts_with("ok ")), "{lines:#?}");
    for server in ["PostgreSQL: can be used, 32 shards", "Kafka: 1 broker, the topic", "Redis: answers in"] {
        assert!(lines.iter().any(|line| line.contains(server)), "{lines:#?}");
    }
    well(&cluster, "any").await;

    cluster.kafka.kill(1);
    both(&cluster, "Kafka is missed", 200, |d| names(&d["degraded"], "Kafka does not answer for ")).await;
    let kafka = format!("Kafka at {} does not answer: ", cluster.feed().0);
    check_fails(&mut cluster.ingest[0], &kafka, "");
    cluster.kafka.launch();
    well(&cluster, "Kafka").await;

    cluster.redis.kill();
    both(&cluster, "Redis is missed", 200, |d| names(&d["degraded"], "Redis does not answer since ")).await;
    check_fails(&mut cluster.ingest[0], "Redis: ", "refused");
    cluster.redis.launch();
    well(&cluster, "Redis").await;

    // One that hangs refuses nothing, and is missed all the same.
    let begun = Instant::now();
    cluster.postgres.freeze();
    both(&cluster, "PostgreSQL is missed that hangs", 503, |d| names(&d["missing"], "store: the database "))
        .await;
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    cluster.postgres.thaw();
    well(&cluster, "PostgreSQL that goes on").await;

    cluster.postgres.stop(Stop::Fast);
    both(&cluster, "PostgreSQL is missed", 503, |d| {
        d["status"] == "not ready" && names(&d["missing"], "store: the database ")
    })
    .await;
    check_fails(&mut cluster.ingest[0], "PostgreSQL at 127.0.0.1:", "refused");
    cluster.postgres.launch();
    well(&cluster, "PostgreSQL").await;

    cluster.stop();
}
