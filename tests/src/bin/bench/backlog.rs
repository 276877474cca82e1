//! What a great backlog at many endpoints takes: the memory of the process that dispatches it, and the
//! time until it is ready after a start.
//!
//! The data comes about through the server itself. Most of the endpoints are dead; the others are paused
//! meanwhile, so that they are as far behind, and are sent to all the time while the memory is measured.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::{
    members,
    sink::{Manner, Sink},
    stage::Stage,
};

/// Of these, one in so many is alive.
const ALIVE: usize = 100;
/// How long the memory is looked at.
const WATCHED: Duration = Duration::from_secs(60);
const MEMORY_MIB: f64 = 120.0;
const START: Duration = Duration::from_secs(5);

/// Measures, prints, and says whether the bounds were kept.
pub(crate) async fn run(lanes: usize, events: usize) -> bool {
    println!("\n{events} events behind at {lanes} endpoints, one in {ALIVE} of which is alive");
    let sink = Sink::start(Manner::Healthy).await;
    let mut stage = Stage::new().await;
    let begun = Instant::now();
    let (owner, directory) = (&stage.owner, &stage.dir.directory);
    let alive: Vec<String> = stream::iter(0..lanes)
        .map(|n| {
            let is_alive = n % ALIVE == 0;
            // Nobody listens at the other one.
            let url = if is_alive { sink.url(&n.to_string()) } else { "http://127.0.0.1:1/".to_owned() };
            async move {
                let body = json!({"url": url, "directory_id": directory});
                let id = owner.post("/endpoints", body).await.expect(201).text("id");
                if is_alive {
                    owner.post(&format!("/endpoints/{id}/pause"), json!({})).await.expect(200);
                }
                is_alive.then_some(id)
            }
        })
        .buffer_unordered(16)
        .filter_map(async |id| id)
        .collect()
        .await;
    println!("  endpoints made in {:.0?}", begun.elapsed());
    let begun = Instant::now();
    members::events(&stage.dir, events).await;
    println!("  events made in {:.0?}", begun.elapsed());
    for id in &alive {
        stage.owner.post(&format!("/endpoints/{id}/resume"), json!({})).await.expect(200);
    }
    stage.server.stop();
    let begun = Instant::now();
    stage.server.launch();
    let ready = begun.elapsed();
    let (mut most, mut sum, mut samples) = (0.0_f64, 0.0, 0.0);
    while begun.elapsed() < WATCHED {
        if let Some(memory) = stage.memory() {
            most = most.max(memory);
            sum += memory;
            samples += 1.0;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let sent = sink.accepted() as f64 / WATCHED.as_secs_f64();
    println!(
        "  ready after {ready:.1?}; {:.0} MiB at most, {:.0} MiB on average, in {WATCHED:?}; {sent:.0} webhooks per second",
        most,
        sum / samples
    );
    most > 0.0 && most < MEMORY_MIB && ready < START
}
