//! Faults in a cluster under load: two processes that take writes in and two that deliver, and one
//! neighbour after the other is killed, frozen or emptied. Every time each write that was answered 2xx
//! is delivered with its events, without a gap and in order; what is sent twice is a suffix, in order.
//!
//! `ROLLCALL_FAULT_SEED` seeds what is random; it is printed.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use rollcall_tests::{
    cluster::{Cluster, Size},
    load::{Load, Running, Until},
    provider::user_body,
    receiver::checker::{Repeats, Rules},
    servers::postgres::Stop,
};
use tokio::sync::Mutex;

/// Two processes of each role, one broker.
const SIZE: Size = Size { ingest: 2, dispatch: 2, brokers: 1 };
/// For how long a process keeps its shards without saying that it lives.
const LEASE: Duration = Duration::from_secs(6);
/// Within this time everything works again after a fault.
const RECOVERY: Duration = Duration::from_secs(90);
/// Longer than any client waits: a frozen server is not slow, it is gone.
const FROZEN: Duration = Duration::from_secs(20);

/// One cluster at a time: each wants the whole machine.
static MACHINE: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);

/// What a fault may cost.
#[derive(Clone, Copy)]
struct Price {
    /// How often a shard changes hands without a goodbye: so often may a line be repeated.
    repeats: usize,
    /// Writes may be refused with 503.
    refusals: bool,
}

const NOTHING: Price = Price { repeats: 0, refusals: false };

fn repeats(repeats: usize) -> Price {
    Price { repeats, ..NOTHING }
}

/// A cluster in which one fault is played after the other.
struct Drill {
    cluster: Cluster,
    seed: u64,
    random: StdRng,
    marks: u64,
}

impl Drill {
    async fn start() -> Self {
        let seed = std::env::var("ROLLCALL_FAULT_SEED").map_or(20_261_125, |s| s.parse().expect("a number"));
        let cluster = Cluster::start(SIZE).await;
        Self { cluster, seed, random: StdRng::seed_from_u64(seed), marks: 0 }
    }

    /// Plays one fault under a load of its own.
    async fn act(&mut self, title: &str, price: Price, fault: impl AsyncFnOnce(&mut Cluster)) {
        let begun = Instant::now();
        let hooks = [format!("{title} 1").replace(' ', "-"), format!("{title} 2").replace(' ', "-")];
        let load = Load::prepare(&self.cluster, [&hooks[0], &hooks[1]], &mut self.random).await;
        let running = load.start(&Until::Told(Arc::default()));
        self.works(&running).await;
        let broken = Instant::now();
        fault(&mut self.cluster).await;
        let mended = Instant::now();
        let written = self.works(&running).await;
        let recovered = mended.elapsed();
        let load = running.stop().await;
        let what = format!("{title}, seed {}", self.seed);
        let rules = Rules { complete: true, repeats: Repeats::AtMost(price.repeats), ..Rules::default() };
        let figures = load.prove(&what, &self.cluster, &rules, RECOVERY).await;
        println!(
            "{title}: {figures}, works again after {recovered:.1?}, seed {}, {:.0?}",
            self.seed,
            begun.elapsed()
        );
        for refusal in load.refused() {
            assert!(price.refusals, "{what}: a write was refused");
            assert!((broken..written + LEASE).contains(&refusal), "{what}: refused without need");
        }
        if price.repeats == 0 {
            assert_eq!(figures.duplicates, 0, "{what}: {figures}");
        }
        assert!(figures.writes > 200, "{what}: too little load to prove anything: {figures}");
    }

    /// Writes one person into each directory of the load, and waits until both have arrived. When both
    /// were written is the answer.
    async fn works(&mut self, running: &Running) -> Instant {
        let mut marks = Vec::new();
        for (dir, hook) in &running.directories {
            let begun = Instant::now();
            let user = loop {
                assert!(begun.elapsed() < RECOVERY, "no write is possible {RECOVERY:?} after a fault");
                // A name for each try: whether the last one was lost nobody knows.
                self.marks += 1;
                let body = user_body(&format!("mark{}", self.marks)).to_string();
                let headers = [("content-type", "application/scim+json")];
                match dir.client.try_send("POST", "/Users", &headers, Some(body.into())).await {
                    Ok(answer) if answer.status == 201 => break answer.text("id"),
                    Ok(answer) => assert_eq!(answer.status, 503, "{answer}"),
                    Err(_) => {}
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            marks.push((hook, user));
        }
        let written = Instant::now();
        for (hook, user) in marks {
            self.cluster.receiver.wait_accepted_subject(hook, &user, RECOVERY).await;
        }
        written
    }
}

/// Not a wait for something: how long the fault lasts.
async fn lasts(length: Duration) {
    tokio::time::sleep(length).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_are_killed_and_come_back() {
    let _machine = MACHINE.lock().await;
    let mut drill = Drill::start().await;
    for n in 0..SIZE.ingest {
        drill.act(&format!("SIGKILL of ingest {}", n + 1), NOTHING, async |c| c.ingest[n].crash()).await;
    }
    for n in 0..SIZE.dispatch {
        let title = format!("SIGKILL of dispatch {}", n + 1);
        drill.act(&title, repeats(1), async |c| c.dispatch[n].crash()).await;
    }
    drill
        .act("a dispatcher is killed and stays away past its lease", repeats(1), async |c| {
            c.dispatch[0].kill();
            lasts(2 * LEASE).await;
            c.dispatch[0].launch();
        })
        .await;
    drill.cluster.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispatcher_that_was_given_up_comes_back_to_life() {
    let _machine = MACHINE.lock().await;
    let mut drill = Drill::start().await;
    for n in 0..SIZE.dispatch {
        drill
            .act(&format!("dispatch {} frozen past its lease", n + 1), repeats(1), async |c| {
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
    let _machine = MACHINE.lock().await;
    let mut drill = Drill::start().await;
    drill
        .act("dispatchers join and leave ten times", repeats(20), async |c| {
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
    let _machine = MACHINE.lock().await;
    let mut drill = Drill::start().await;
    drill
        .act("SIGKILL of Kafka", repeats(1), async |c| {
            c.kafka.kill(1);
            lasts(LEASE).await;
            c.kafka.launch();
        })
        .await;
    drill
        .act("Kafka frozen for 20 s", repeats(1), async |c| {
            c.kafka.freeze(1);
            lasts(FROZEN).await;
            c.kafka.thaw(1);
        })
        .await;
    drill.act("Kafka's data wiped", repeats(1), async |c| c.kafka.wipe()).await;
    drill.cluster.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_fails() {
    let _machine = MACHINE.lock().await;
    let mut drill = Drill::start().await;
    let price = Price { repeats: 1, refusals: true };
    drill.act("PostgreSQL restarted fast", price, async |c| c.postgres.restart(Stop::Fast)).await;
    drill.act("PostgreSQL restarted at once", price, async |c| c.postgres.restart(Stop::Immediate)).await;
    drill
        .act("SIGKILL of PostgreSQL", price, async |c| {
            c.postgres.kill();
            lasts(2 * LEASE).await;
            c.postgres.launch();
        })
        .await;
    drill
        .act("PostgreSQL frozen for 20 s", price, async |c| {
            c.postgres.freeze();
            lasts(FROZEN).await;
            c.postgres.thaw();
        })
        .await;
    drill.cluster.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_fails_and_loses_everything() {
    let _machine = MACHINE.lock().await;
    let mut drill = Drill::start().await;
    drill.act("Redis killed and empty", NOTHING, async |c| c.redis.wipe()).await;
    drill
        .act("Redis frozen for 20 s", NOTHING, async |c| {
            c.redis.freeze();
            lasts(FROZEN).await;
            c.redis.thaw();
        })
        .await;
    drill
        .act("Redis away", NOTHING, async |c| {
            c.redis.kill();
            lasts(LEASE).await;
            c.redis.launch();
        })
        .await;
    drill.cluster.stop();
}
