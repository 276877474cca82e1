//! Durable creates per second, and what a subscriber costs the provider, alive or dead.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use crate::{
    Plan,
    figures::Windows,
    load::flat_out,
    sink::{Manner, Sink},
    stage::Stage,
};

const NOISE: f64 = 0.15;

/// How long the backlog of one window may take to drain.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Variant {
    rate: Windows,
    p99: Windows,
}

/// Measures, prints, and says whether it was quiet.
pub(crate) async fn run(plan: Plan) -> bool {
    println!(
        "\nDurable POST /Users (1 KB), per second; medians of {} windows of {:?}",
        plan.windows, plan.window
    );
    let (alone, served, dead) = (Stage::new().await, Stage::new().await, Stage::new().await);
    let sink = Sink::start(Manner::Healthy).await;
    served.subscribe(&sink.url("app")).await;
    // A port that nobody listens on.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("there is a free port");
    dead.subscribe(&format!("http://{port}/")).await;
    let mut quiet = true;
    for connections in [1, 16, 64] {
        let mut variants: [Variant; 3] = Default::default();
        let mut delivered = Windows::default();
        // The first round warms up.
        for round in 0..=plan.windows {
            for (stage, variant) in [&alone, &served, &dead].into_iter().zip(&mut variants) {
                let before = sink.accepted();
                let begun = Instant::now();
                let rate = flat_out(&stage.dir, connections, plan.window).await;
                let is_served = std::ptr::eq(stage, &served);
                if is_served && !sink.drained(before + rate.writes, PATIENCE).await {
                    println!("the backlog of a window did not drain in {PATIENCE:?}");
                    return false;
                }
                if round > 0 {
                    variant.rate.push(rate.per_second);
                    variant.p99.push(rate.p99.as_secs_f64() * 1_000.0);
                    if is_served {
                        delivered.push(rate.writes as f64 / begun.elapsed().as_secs_f64());
                    }
                }
            }
        }
        println!("\n  {connections} connections");
        for (name, variant) in
            ["nobody subscribed", "one endpoint, delivered", "one endpoint, dead"].iter().zip(&variants)
        {
            println!(
                "    {name:<24} {} per s, p99 {:.2} ms, ratio {:.2}",
                variant.rate.show(NOISE),
                variant.p99.median(),
                variant.rate.median() / variants[0].rate.median()
            );
            quiet &= variant.rate.quiet(NOISE);
        }
        println!("    written and delivered    {} per s", delivered.show(NOISE));
        quiet &= delivered.quiet(NOISE);
    }
    for (name, stage) in [("nobody subscribed", &alone), ("delivered", &served), ("dead", &dead)] {
        if let Some(memory) = stage.memory() {
            println!("  memory at the end, {name}: {memory:.0} MiB");
        }
    }
    quiet
}
