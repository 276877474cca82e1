//! SIGKILL under load, again and again: whatever was answered 2xx is kept and delivered, in order, and
//! little of it twice. On one data folder, and in a cluster, where it is a process of either role.
//!
//! `ROLLCALL_CRASH_ROUNDS` says how often (20 unless told), `ROLLCALL_CRASH_SEED` seeds what is
//! random; both are printed.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall_tests::{
    cluster::{Cluster, Size},
    load::{Figures, Load, Until},
    receiver::{
        Receiver, Reply,
        checker::{Repeats, Rules},
    },
    world::World,
};

/// Of a hundred attempts, fewer than so many may be a second one of what was delivered. It is what lies between an answer
/// and its record at the moment of a kill, and so a matter of time too: an unoptimized server, beside whatever else a
/// test machine does, takes several times as long.
const DUPLICATES: f64 = if cfg!(debug_assertions) { 4.0 } else { 1.0 };

const HOOKS: [&str; 2] = ["first", "second"];
/// Between two kills, in milliseconds.
const LIFE: std::ops::Range<u64> = 700..1_700;
/// After so many kills everything is proved, and the load begins anew in other directories.
const AT_ONCE: u64 = 25;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// A receiver with every fault that one can have, now and then for a while without a break.
fn misbehave(receiver: &Receiver, hook: &str, seed: u64) {
    let dice = Mutex::new((StdRng::seed_from_u64(seed), 0_u32));
    receiver.plan(hook, move |_| {
        let mut dice = dice.lock().expect("a generator does not panic");
        let (random, outage) = &mut *dice;
        if *outage > 0 {
            *outage -= 1;
            return Reply::Status(500);
        }
        match random.random_range(0..5_000) {
            0..40 => Reply::Status(500),
            40..55 => Reply::Status(503),
            55..65 => Reply::Status(429),
            65..85 => Reply::Status(408),
            85..95 => Reply::RetryAfter(503, 1),
            // The event's own fault: only its subject waits.
            95..125 => Reply::Status(422),
            125..145 => Reply::Redirect("http://127.0.0.1:1/".to_owned()),
            145..175 => Reply::Drop,
            175 => Reply::Hang,
            // Among the slow ones, which have slots of their own.
            176..186 => Reply::Slow(Duration::from_millis(1_200), 204),
            186..196 => Reply::Slow(Duration::from_millis(300), 500),
            196..200 => {
                *outage = 12;
                Reply::Status(500)
            }
            _ => Reply::Status(204),
        }
    });
}

async fn rounds(title: &str, fault: impl Fn(&World, &str)) {
    let rounds = number("ROLLCALL_CRASH_ROUNDS", 20);
    let seed = number("ROLLCALL_CRASH_SEED", 20_261_124);
    let mut random = StdRng::seed_from_u64(seed);
    let begun = Instant::now();
    let mut world = World::start().await;
    let mut figures = Figures::default();
    let mut left = rounds;
    while left > 0 {
        // What is proved is let go of: a thousand kills would not fit into the memory.
        let hooks = HOOKS.map(|hook| format!("{hook}-{left}"));
        let mut load = Load::prepare(&world, [&hooks[0], &hooks[1]], &mut random).await;
        hooks.iter().for_each(|hook| fault(&world, hook));
        let now = left.min(AT_ONCE);
        for _ in 0..now {
            let running = load.start(&Until::Gone);
            // Not a wait for something: the moment of the crash is what is random here.
            tokio::time::sleep(Duration::from_millis(random.random_range(LIFE))).await;
            world.server.kill();
            load = running.stop().await;
            world.receiver.next_epoch();
            world.server.launch();
        }
        left -= now;
        hooks.iter().for_each(|hook| world.receiver.recover(hook));
        let what = format!("{title}, seed {seed}, {left} kills before the end");
        let rules = Rules { complete: true, ..Rules::default() };
        figures += load.prove(&what, &world, &rules, Duration::from_secs(180)).await;
        world.receiver.forget();
        println!("{title}: {} of {rounds} kills, {figures}, {:.0?}", rounds - left, begun.elapsed());
    }
    world.server.stop();
    println!("{title}: {rounds} kills, {figures}, seed {seed}, {:.0?}", begun.elapsed());
    assert!(figures.writes > rounds * 10, "too little load to prove anything: {figures}");
    assert!(figures.percent() < DUPLICATES, "{DUPLICATES} % of duplicates or more: {figures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_sigkill_and_is_delivered_in_order() {
    rounds("crashes", |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_a_receiver_that_fails_at_random() {
    rounds("crashes and faults", |world, hook| misbehave(&world.receiver, hook, 7)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_in_a_cluster() {
    let rounds = number("ROLLCALL_CRASH_ROUNDS", 20);
    let seed = number("ROLLCALL_CRASH_SEED", 20_261_124);
    let mut random = StdRng::seed_from_u64(seed);
    let begun = Instant::now();
    let mut cluster = Cluster::start(Size { ingest: 2, dispatch: 2, brokers: 1 }).await;
    let load = Load::prepare(&cluster, HOOKS, &mut random).await;
    HOOKS.iter().for_each(|hook| misbehave(&cluster.receiver, hook, 7));
    let running = load.start(&Until::Told(Arc::default()));
    let mut dispatchers = 0;
    for _ in 0..rounds {
        // Not a wait for something: the moment of the crash is what is random here.
        tokio::time::sleep(Duration::from_millis(random.random_range(LIFE))).await;
        let n = random.random_range(0..2);
        if random.random_bool(0.5) {
            dispatchers += 1;
            cluster.dispatch[n].crash();
        } else {
            cluster.ingest[n].crash();
        }
    }
    let load = running.stop().await;
    HOOKS.iter().for_each(|hook| cluster.receiver.recover(hook));
    let what = format!("crashes and faults in a cluster, seed {seed}");
    // Each life that ends may leave a suffix to be repeated; what else fails on its way here is not seen.
    let repeats = Repeats::AtMost(dispatchers);
    let rules = Rules { complete: true, repeats, unseen_failures: true, ..Rules::default() };
    let figures = load.prove(&what, &cluster, &rules, Duration::from_secs(180)).await;
    cluster.stop();
    println!("{what}: {rounds} kills, {dispatchers} of them dispatchers, {figures}, {:.0?}", begun.elapsed());
    assert!(figures.writes > rounds * 10, "too little load to prove anything: {figures}");
}
