//! What endpoints that hang and fail cost those that are healthy.

use std::time::Duration;

use crate::{
    Plan,
    figures::{Windows, percentile},
    load::paced,
    sink::{Manner, Sink},
    stage::Stage,
};

const PER_SECOND: u32 = 50;
const EACH: usize = 10;
const NOISE: f64 = 0.35;

#[derive(Default)]
struct Variant {
    p50: Windows,
    p99: Windows,
}

/// Measures, prints, and says whether it was quiet.
pub(crate) async fn run(plan: Plan) -> bool {
    println!(
        "\n{EACH} healthy endpoints at {PER_SECOND} writes per second, alone and beside {EACH} hanging and {EACH} failing; \
         medians of {} windows of {:?}",
        plan.windows, plan.window
    );
    let (alone, beside) = (Stage::new().await, Stage::new().await);
    let sinks = [Sink::start(Manner::Healthy).await, Sink::start(Manner::Healthy).await];
    let (hanging, failing) = (Sink::start(Manner::Hanging).await, Sink::start(Manner::Failing).await);
    let paths: Vec<String> = (0..EACH).map(|n| format!("healthy{n}")).collect();
    for path in &paths {
        alone.subscribe(&sinks[0].url(path)).await;
        beside.subscribe(&sinks[1].url(path)).await;
    }
    for n in 0..EACH {
        beside.subscribe(&hanging.url(&format!("hanging{n}"))).await;
        beside.subscribe(&failing.url(&format!("failing{n}"))).await;
    }
    let mut variants: [Variant; 2] = Default::default();
    for round in 0..=plan.windows {
        for ((stage, sink), variant) in [&alone, &beside].into_iter().zip(&sinks).zip(&mut variants) {
            let before = sink.accepted();
            let sent = paced(&stage.dir, PER_SECOND, plan.window).await;
            if !sink.drained(before + (sent.len() * EACH) as u64, Duration::from_secs(60)).await {
                println!("a webhook to a healthy endpoint did not arrive in 60 s");
                return false;
            }
            let mut delays = sink.delays(&sent, &paths);
            if round > 0 {
                variant.p50.push(percentile(&mut delays, 0.5).as_secs_f64() * 1_000.0);
                variant.p99.push(percentile(&mut delays, 0.99).as_secs_f64() * 1_000.0);
            }
        }
    }
    let mut quiet = true;
    for (name, variant) in ["alone", "beside the others"].iter().zip(&variants) {
        println!("  {name:<18} p50 {} ms, p99 {} ms", variant.p50.show(NOISE), variant.p99.show(NOISE));
        quiet &= variant.p50.quiet(NOISE) && variant.p99.quiet(NOISE);
    }
    println!(
        "  ratio of the p99s  {:.2} (of the p50s {:.2})",
        variants[1].p99.median() / variants[0].p99.median(),
        variants[1].p50.median() / variants[0].p50.median()
    );
    quiet
}
