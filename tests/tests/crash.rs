//! SIGKILL under load, again and again, on one data folder: whatever was answered 2xx is kept and
//! delivered, in order, and little of it twice.
//!
//! `ROLLCALL_CRASH_ROUNDS` says how often (20 unless told), `ROLLCALL_CRASH_SEED` seeds what is
//! random; both are printed.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall_tests::{
    load::{Load, Until},
    receiver::{Reply, checker::Rules},
    world::World,
};

const HOOKS: [&str; 2] = ["first", "second"];
/// Between two kills, in milliseconds.
const LIFE: std::ops::Range<u64> = 700..1_700;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

async fn rounds(title: &str, fault: impl Fn(&World, &str)) {
    let rounds = number("ROLLCALL_CRASH_ROUNDS", 20);
    let seed = number("ROLLCALL_CRASH_SEED", 20_261_124);
    let mut random = StdRng::seed_from_u64(seed);
    let begun = Instant::now();
    let mut world = World::start().await;
    let mut load = Load::prepare(&world, HOOKS, &mut random).await;
    HOOKS.iter().for_each(|hook| fault(&world, hook));
    for _ in 0..rounds {
        let running = load.start(&Until::Gone);
        // Not a wait for something: the moment of the crash is what is random here.
        tokio::time::sleep(Duration::from_millis(random.random_range(LIFE))).await;
        world.server.kill();
        load = running.stop().await;
        world.receiver.next_epoch();
        world.server.launch();
    }
    let what = format!("{title}, seed {seed}");
    let rules = Rules { complete: true, ..Rules::default() };
    let figures = load.prove(&what, &world, &rules, Duration::from_secs(180)).await;
    world.server.stop();
    println!("{title}: {rounds} kills, {figures}, seed {seed}, {:.0?}", begun.elapsed());
    assert!(figures.writes > rounds * 10, "too little load to prove anything: {figures}");
    assert!(figures.percent() < 1.0, "1 % of duplicates or more: {figures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_sigkill_and_is_delivered_in_order() {
    rounds("crashes", |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_a_receiver_that_fails_at_random() {
    rounds("crashes and faults", |world, hook| {
        let faults = vec![Reply::Status(503), Reply::Status(500), Reply::Drop];
        world.receiver.fail_at_random(hook, 7, 0.05, faults);
    })
    .await;
}
