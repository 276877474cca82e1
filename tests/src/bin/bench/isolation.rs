//! What endpoints that hang, fail or are slow, and a tenant that floods, cost those that are healthy.

use std::time::Duration;

use rollcall_tests::provider::Provider;
use serde_json::json;

use crate::{
    Plan,
    figures::{Windows, percentile},
    load::paced,
    members,
    sink::{Manner, Sink},
    stage::Stage,
};

/// Writes of the tenant whose endpoints are measured.
const PER_SECOND: u32 = 10;
const HEALTHY: usize = 70;
/// Endpoints of each kind that is not.
const EACH: usize = 10;
/// Writes of the tenant that floods.
const FLOOD: u32 = 200;
const DEAD: usize = 1_000;
const BACKLOG: usize = 1_000_000;
const NOISE: f64 = 0.35;

/// What the healthy endpoints have beside them.
#[derive(Clone, Copy)]
enum Beside {
    /// Ten that hang, ten that fail, ten that take two seconds, and another tenant that floods.
    Mixed,
    /// A thousand of another tenant that refuse connections.
    Dead,
    /// Another tenant's million of events, which are being sent.
    Backlog,
}

#[derive(Default)]
struct Variant {
    p50: Windows,
    p99: Windows,
}

/// Measures all of them, prints, and says whether it was quiet.
pub(crate) async fn run(plan: Plan) -> bool {
    let mut quiet = true;
    for (beside, name) in [
        (
            Beside::Mixed,
            format!("{EACH} hanging, {EACH} failing, {EACH} slow (2 s) and a flood of {FLOOD}/s"),
        ),
        (Beside::Dead, format!("{DEAD} dead endpoints of another tenant")),
        (Beside::Backlog, format!("another tenant's backlog of {BACKLOG} events")),
    ] {
        println!(
            "\n{HEALTHY} healthy endpoints at {PER_SECOND} writes per second, alone and beside {name}; \
             medians of {} windows of {:?}",
            plan.windows, plan.window
        );
        quiet &= compare(plan, beside).await;
    }
    quiet
}

async fn compare(plan: Plan, what: Beside) -> bool {
    let (alone, beside) = (Stage::new().await, Stage::new().await);
    let sinks = [Sink::start(Manner::Healthy).await, Sink::start(Manner::Healthy).await];
    let paths: Vec<String> = (0..HEALTHY).map(|n| format!("healthy{n}")).collect();
    for path in &paths {
        alone.subscribe(&sinks[0].url(path)).await;
        beside.subscribe(&sinks[1].url(path)).await;
    }
    // Kept alive for as long as it is measured.
    let others = [Manner::Hanging, Manner::Failing, Manner::Slow, Manner::Healthy];
    let mut neighbours = Vec::new();
    for manner in others {
        neighbours.push(Sink::start(manner).await);
    }
    let [hanging, failing, slow, busy] = &neighbours[..] else { return false };
    let organization = beside.owner.organization("neighbour").await;
    let neighbour = beside.owner.directory(&organization, "okta").await;
    let mut backlog = None;
    match what {
        Beside::Mixed => {
            for n in 0..EACH {
                beside.subscribe(&hanging.url(&format!("hanging{n}"))).await;
                beside.subscribe(&failing.url(&format!("failing{n}"))).await;
                beside.subscribe(&slow.url(&format!("slow{n}"))).await;
            }
            beside.subscribe_to(&neighbour, &busy.url("flood"), json!({})).await;
        }
        Beside::Dead => {
            for _ in 0..DEAD {
                // Nobody listens there.
                beside.subscribe_to(&neighbour, "http://127.0.0.1:1/", json!({})).await;
            }
        }
        Beside::Backlog => {
            let endpoint = beside.subscribe_to(&neighbour, &busy.url("backlog"), json!({})).await;
            beside.owner.post(&format!("/endpoints/{endpoint}/pause"), json!({})).await.expect(200);
            members::events(&neighbour, BACKLOG).await;
            backlog = Some(endpoint);
        }
    }
    let mut variants: [Variant; 2] = Default::default();
    for round in 0..=plan.windows {
        for (at, (stage, sink)) in [&alone, &beside].into_iter().zip(&sinks).enumerate() {
            let before = sink.accepted();
            let neighbour = (at == 1).then_some(&neighbour);
            // It is sent during the windows of the one variant only, so that there is enough of it.
            let busy_endpoint = backlog.as_ref().filter(|_| at == 1);
            if let Some(id) = busy_endpoint {
                beside.owner.post(&format!("/endpoints/{id}/resume"), json!({})).await.expect(200);
            }
            let (sent, ()) = tokio::join!(
                paced(&stage.dir, PER_SECOND, plan.window),
                disturb(what, neighbour, plan.window)
            );
            if !sink.drained(before + (sent.len() * HEALTHY) as u64, Duration::from_secs(60)).await {
                println!("a webhook to a healthy endpoint did not arrive in 60 s");
                return false;
            }
            if let Some(id) = busy_endpoint {
                beside.owner.post(&format!("/endpoints/{id}/pause"), json!({})).await.expect(200);
            }
            let mut delays = sink.delays(&sent, &paths);
            if round > 0 {
                variants[at].p50.push(percentile(&mut delays, 0.5).as_secs_f64() * 1_000.0);
                variants[at].p99.push(percentile(&mut delays, 0.99).as_secs_f64() * 1_000.0);
            }
        }
    }
    let mut quiet = true;
    for (name, variant) in ["alone", "beside the others"].iter().zip(&variants) {
        println!("  {name:<18} p50 {} ms, p99 {} ms", variant.p50.show(NOISE), variant.p99.show(NOISE));
        quiet &= variant.p50.quiet(NOISE) && variant.p99.quiet(NOISE);
    }
    println!(
        "  ratio of the p99s  {:.2} (of the p50s {:.2}); {} webhooks went to the neighbour meanwhile",
        variants[1].p99.median() / variants[0].p99.median(),
        variants[1].p50.median() / variants[0].p50.median(),
        busy.accepted()
    );
    quiet
}

/// What the neighbour does during a window.
async fn disturb(what: Beside, neighbour: Option<&Provider>, window: Duration) {
    let Some(neighbour) = neighbour else { return };
    match what {
        Beside::Mixed => drop(paced(neighbour, FLOOD, window).await),
        Beside::Dead => drop(paced(neighbour, PER_SECOND, window).await),
        Beside::Backlog => {}
    }
}
