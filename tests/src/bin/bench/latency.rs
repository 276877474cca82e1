//! From the write's first byte to the webhook's arrival.

use std::time::Duration;

use crate::{
    Plan,
    figures::{Windows, percentile},
    load::paced,
    sink::{Manner, Sink},
    stage::Stage,
};

const PER_SECOND: u32 = 100;
const NOISE: f64 = 0.35;

/// Measures, prints, and says whether it was quiet.
pub(crate) async fn run(plan: Plan) -> bool {
    println!(
        "\nWrite to delivery at {PER_SECOND} writes per second; medians of {} windows of {:?}",
        plan.windows, plan.window
    );
    let stage = Stage::new().await;
    let sink = Sink::start(Manner::Healthy).await;
    stage.subscribe(&sink.url("app")).await;
    let paths = ["app".to_owned()];
    let (mut p50, mut p99) = (Windows::default(), Windows::default());
    for round in 0..=plan.windows {
        let before = sink.accepted();
        let sent = paced(&stage.dir, PER_SECOND, plan.window).await;
        if !sink.drained(before + sent.len() as u64, Duration::from_secs(20)).await {
            println!("a webhook did not arrive in 20 s");
            return false;
        }
        let mut delays = sink.delays(&sent, &paths);
        if round > 0 {
            p50.push(percentile(&mut delays, 0.5).as_secs_f64() * 1_000.0);
            p99.push(percentile(&mut delays, 0.99).as_secs_f64() * 1_000.0);
        }
    }
    println!("  p50 {} ms\n  p99 {} ms", p50.show(NOISE), p99.show(NOISE));
    p50.quiet(NOISE)
}
