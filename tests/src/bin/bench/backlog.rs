//! What a great backlog at many endpoints takes: the memory of the process that dispatches it, and the
//! time until it is ready after a start.
//!
//! The data comes about through the server itself. Most of the endpoints are dead; the others are as
//! far behind, and are sent to all the time while the memory is measured. In one process with files
//! these are paused meanwhile; in a cluster the dispatcher is away.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use rollcall_tests::{
    cluster::{Cluster, Size},
    owner::Owner,
    provider::Provider,
    server::Server,
};
use serde_json::json;

use crate::{
    members,
    sink::{Manner, Sink},
    stage::{self, Stage},
};

/// Of these, one in so many is alive.
const ALIVE: usize = 100;
/// How long the memory is looked at.
const WATCHED: Duration = Duration::from_secs(60);
const MEMORY_MIB: f64 = 120.0;
const START: Duration = Duration::from_secs(5);

/// Measures, prints, and says whether the bounds were kept.
pub(crate) async fn run(lanes: usize, events: usize, in_cluster: bool) -> bool {
    println!("\n{events} events behind at {lanes} endpoints, one in {ALIVE} of which is alive");
    let sink = Sink::start(Manner::Healthy).await;
    if in_cluster {
        let mut cluster = Cluster::start(Size { ingest: 1, dispatch: 1, brokers: 1 }).await;
        let dir = cluster.directory("okta").await;
        cluster.dispatch[0].stop();
        subscribe(&cluster.owner, &dir, &sink, lanes).await;
        fill(&dir, events).await;
        return watch(&mut cluster.dispatch[0], &sink).await;
    }
    let mut stage = Stage::new().await;
    let alive = subscribe(&stage.owner, &stage.dir, &sink, lanes).await;
    set(&stage.owner, &alive, "pause").await;
    fill(&stage.dir, events).await;
    set(&stage.owner, &alive, "resume").await;
    stage.server.stop();
    watch(&mut stage.server, &sink).await
}

/// Makes the endpoints; the ids of those that are alive.
async fn subscribe(owner: &Owner, dir: &Provider, sink: &Sink, lanes: usize) -> Vec<String> {
    let begun = Instant::now();
    let made = stream::iter(0..lanes).map(|n| {
        let is_alive = n % ALIVE == 0;
        // Nobody listens at the other one.
        let url = if is_alive { sink.url(&n.to_string()) } else { "http://127.0.0.1:1/".to_owned() };
        async move {
            let body = json!({"url": url, "directory_id": dir.directory});
            let id = owner.post("/endpoints", body).await.expect(201).text("id");
            is_alive.then_some(id)
        }
    });
    let alive = made.buffer_unordered(16).filter_map(async |id| id).collect().await;
    println!("  endpoints made in {:.0?}", begun.elapsed());
    alive
}

async fn set(owner: &Owner, endpoints: &[String], what: &str) {
    for id in endpoints {
        owner.post(&format!("/endpoints/{id}/{what}"), json!({})).await.expect(200);
    }
}

async fn fill(dir: &Provider, events: usize) {
    let begun = Instant::now();
    members::events(dir, events).await;
    println!("  events made in {:.0?}", begun.elapsed());
}

/// Starts the process that dispatches, and watches it.
async fn watch(server: &mut Server, sink: &Sink) -> bool {
    let before = sink.accepted();
    let begun = Instant::now();
    server.launch();
    let ready = begun.elapsed();
    let (mut most, mut sum, mut samples) = (0.0_f64, 0.0, 0.0);
    while begun.elapsed() < WATCHED {
        if let Some(memory) = stage::memory(server) {
            most = most.max(memory);
            sum += memory;
            samples += 1.0;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let sent = (sink.accepted() - before) as f64 / WATCHED.as_secs_f64();
    println!(
        "  ready after {ready:.1?}; {most:.0} MiB at most, {:.0} MiB on average, in {WATCHED:?}; \
         {sent:.0} webhooks per second",
        sum / samples
    );
    most > 0.0 && most < MEMORY_MIB && ready < START
}
