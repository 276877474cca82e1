//! Faults in a cluster, one after the other, each under a load of its own and each with its price.
//!
//! `ROLLCALL_FAULT_SEED` seeds what is random; it is printed.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    cluster::{Cluster, Size},
    load::{Load, Running, Until},
    provider::user_body,
    receiver::checker::{Repeats, Rules},
};

/// For how long a process keeps its shards without saying that it lives.
pub const LEASE: Duration = Duration::from_secs(6);
/// Within this time everything works again after a fault.
const RECOVERY: Duration = Duration::from_secs(90);
/// Longer than any client waits: a frozen server is not slow, it is gone.
pub const FROZEN: Duration = Duration::from_secs(20);

/// One cluster at a time: each wants the whole machine.
static MACHINE: Mutex<()> = Mutex::const_new(());

/// What a fault may cost.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    /// How often a shard changes hands without a goodbye: so often may a line be repeated.
    pub repeats: usize,
    /// Writes may be refused with 503.
    pub refusals: bool,
    /// Attempts may fail without the receiver's hearing of them.
    pub unseen_failures: bool,
}

/// No repetition, no refusal.
pub const NOTHING: Price = Price { repeats: 0, refusals: false, unseen_failures: false };

/// A line may be repeated so often.
pub fn repeats(repeats: usize) -> Price {
    Price { repeats, ..NOTHING }
}

/// A cluster in which one fault is played after the other.
#[derive(Debug)]
pub struct Drill {
    /// The cluster, to break.
    pub cluster: Cluster,
    seed: u64,
    random: StdRng,
    marks: u64,
    _machine: MutexGuard<'static, ()>,
}

/// Writes before and after a fault, so that there is something to prove.
const ENOUGH: u64 = 100;

impl Drill {
    /// Starts a cluster of this size.
    pub async fn start(size: Size) -> Self {
        let machine = MACHINE.lock().await;
        Self::on(Cluster::start(size).await, machine)
    }

    /// Starts a cluster of which one process is on a host apart.
    pub async fn start_apart(size: Size) -> Self {
        let machine = MACHINE.lock().await;
        Self::on(Cluster::start_apart(size).await, machine)
    }

    fn on(cluster: Cluster, machine: MutexGuard<'static, ()>) -> Self {
        let seed = std::env::var("ROLLCALL_FAULT_SEED").map_or(20_261_125, |s| s.parse().expect("a number"));
        Self { cluster, seed, random: StdRng::seed_from_u64(seed), marks: 0, _machine: machine }
    }

    /// Plays one fault under a load of its own. Gives each directory of the load with its last sequence.
    pub async fn act(
        &mut self,
        title: &str,
        price: Price,
        fault: impl AsyncFnOnce(&mut Cluster, &Running),
    ) -> BTreeMap<String, u64> {
        let begun = Instant::now();
        let hooks = [format!("{title} 1").replace(' ', "-"), format!("{title} 2").replace(' ', "-")];
        let load = Load::prepare(&self.cluster, [&hooks[0], &hooks[1]], &mut self.random).await;
        let running = load.start(&Until::Told(Arc::default()));
        self.works(&running).await;
        running.go_on_for(ENOUGH, RECOVERY).await;
        let broken = Instant::now();
        fault(&mut self.cluster, &running).await;
        let mended = Instant::now();
        let written = self.works(&running).await;
        let recovered = mended.elapsed();
        running.go_on_for(ENOUGH, RECOVERY).await;
        let load = running.stop().await;
        let what = format!("{title}, seed {}", self.seed);
        let rules = Rules {
            complete: true,
            repeats: Repeats::AtMost(price.repeats),
            unseen_failures: price.unseen_failures,
            ..Rules::default()
        };
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
        load.ends(&self.cluster).await
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
pub async fn lasts(length: Duration) {
    tokio::time::sleep(length).await;
}
