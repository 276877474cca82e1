//! SIGKILL under load, again and again, on one data folder: whatever was answered 2xx is kept and
//! delivered, in order, and little of it twice.
//!
//! `ROLLCALL_CRASH_ROUNDS` says how often (20 unless told), `ROLLCALL_CRASH_SEED` seeds what is
//! random; both are printed.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall_tests::{
    event::Event,
    http::Answer,
    provider::{GROUP, Provider, patch_body, user_body},
    receiver::{
        Reply,
        checker::{Rules, judge_hook},
    },
    world::World,
};
use serde_json::{Value, json};

/// Connections that write at the same time.
const WORKERS: usize = 16;
/// Between two kills, in milliseconds.
const LIFE: std::ops::Range<u64> = 700..1_700;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// What an acknowledged write promises: an event of this type about this subject, with this detail
/// (the new title, or the group).
type Promise = (&'static str, String, String);

/// One connection's worth of an identity provider. It touches only what it made, and leaves alone
/// whatever a crash made uncertain.
struct Worker {
    dir: Provider,
    name: usize,
    random: StdRng,
    made: u64,
    /// User id to its last acknowledged title.
    users: BTreeMap<String, String>,
    /// Group id to the members that it is known to have.
    groups: BTreeMap<String, Vec<String>>,
    /// A group of all workers.
    shared: String,
    promises: Vec<Promise>,
    writes: u64,
}

enum Write {
    CreateUser(String),
    SetTitle(String, String),
    CreateGroup,
    Add(String, String),
    Join(String),
    Remove(String, String),
    DeleteUser(String),
    DeleteGroup(String),
}

impl Worker {
    fn pick_user(&mut self) -> Option<String> {
        let count = self.users.len();
        (count > 0)
            .then(|| self.random.random_range(0..count))
            .and_then(|n| self.users.keys().nth(n).cloned())
    }

    fn pick_group(&mut self) -> Option<String> {
        let count = self.groups.len();
        (count > 0)
            .then(|| self.random.random_range(0..count))
            .and_then(|n| self.groups.keys().nth(n).cloned())
    }

    fn choose(&mut self) -> Write {
        self.made += 1;
        let mark = format!("w{}n{}", self.name, self.made);
        let roll = self.random.random_range(0..100);
        let chosen = match roll {
            0..40 => self.pick_user().map(|user| Write::SetTitle(user, mark.clone())),
            40..48 => Some(Write::CreateGroup),
            48..62 => self.pick_user().zip(self.pick_group()).and_then(|(user, group)| {
                (!self.groups[&group].contains(&user)).then_some(Write::Add(group, user))
            }),
            62..70 => self.pick_group().and_then(|group| {
                let user = self.groups[&group].first().cloned();
                user.map(|user| Write::Remove(group, user))
            }),
            70..76 => self.pick_user().map(Write::Join),
            76..82 if self.users.len() > 8 => self.pick_user().map(Write::DeleteUser),
            82..86 if self.groups.len() > 3 => self.pick_group().map(Write::DeleteGroup),
            _ => None,
        };
        chosen.unwrap_or(Write::CreateUser(mark))
    }

    async fn send(&self, write: &Write) -> Result<Answer, reqwest::Error> {
        let member = |op: &str, user: &str| {
            patch_body(json!([{"op": op, "path": "members", "value": [{"value": user}]}]))
        };
        let (method, path, body) = match write {
            Write::CreateUser(name) => ("POST", "/Users".to_owned(), Some(user_body(name))),
            Write::SetTitle(user, title) => (
                "PATCH",
                format!("/Users/{user}"),
                Some(patch_body(json!([{"op": "replace", "path": "title", "value": title}]))),
            ),
            Write::CreateGroup => (
                "POST",
                "/Groups".to_owned(),
                Some(
                    json!({"schemas": [GROUP], "displayName": format!("group {} {}", self.name, self.made)}),
                ),
            ),
            Write::Add(group, user) => ("PATCH", format!("/Groups/{group}"), Some(member("add", user))),
            Write::Join(user) => ("PATCH", format!("/Groups/{}", self.shared), Some(member("add", user))),
            Write::Remove(group, user) => ("PATCH", format!("/Groups/{group}"), Some(member("remove", user))),
            Write::DeleteUser(user) => ("DELETE", format!("/Users/{user}"), None),
            Write::DeleteGroup(group) => ("DELETE", format!("/Groups/{group}"), None),
        };
        let headers = [("content-type", "application/scim+json")];
        self.dir.client.try_send(method, &path, &headers, body.map(|b: Value| b.to_string().into())).await
    }

    /// The write was acknowledged.
    fn acknowledged(&mut self, write: Write, answer: &Answer) {
        let promise: Option<Promise> = match write {
            Write::CreateUser(_) => {
                let id = answer.text("id");
                self.users.insert(id.clone(), String::new());
                Some(("user.created", id, String::new()))
            }
            Write::SetTitle(user, title) => {
                self.users.insert(user.clone(), title.clone());
                Some(("user.updated", user, title))
            }
            Write::CreateGroup => {
                let id = answer.text("id");
                self.groups.insert(id.clone(), Vec::new());
                Some(("group.created", id, String::new()))
            }
            Write::Add(group, user) => {
                self.groups.entry(group.clone()).or_default().push(user.clone());
                Some(("group.member_added", user, group))
            }
            // A person may have joined before; then nothing is promised by joining again.
            Write::Join(_) => None,
            Write::Remove(group, user) => {
                self.groups.entry(group.clone()).or_default().retain(|member| *member != user);
                Some(("group.member_removed", user, group))
            }
            Write::DeleteUser(user) => {
                self.forget_user(&user);
                Some(("user.deleted", user, String::new()))
            }
            Write::DeleteGroup(group) => {
                self.groups.remove(&group);
                Some(("group.deleted", group, String::new()))
            }
        };
        self.writes += 1;
        self.promises.extend(promise);
    }

    fn forget_user(&mut self, user: &str) {
        self.users.remove(user);
        for members in self.groups.values_mut() {
            members.retain(|member| member != user);
        }
    }

    /// No answer came: the write was done or was not. Whatever it touched is left alone from now on.
    fn uncertain(&mut self, write: &Write) {
        match write {
            Write::CreateUser(_) | Write::CreateGroup => {}
            Write::SetTitle(user, _) | Write::DeleteUser(user) | Write::Join(user) => self.forget_user(user),
            Write::Add(group, user) | Write::Remove(group, user) => {
                self.groups.remove(group);
                self.forget_user(user);
            }
            Write::DeleteGroup(group) => {
                self.groups.remove(group);
            }
        }
    }

    /// Writes until the server is gone.
    async fn work(mut self) -> Self {
        loop {
            let write = self.choose();
            match self.send(&write).await {
                Ok(answer) if (200..300).contains(&answer.status) => self.acknowledged(write, &answer),
                Ok(answer) => panic!("a write that must be possible: {answer}"),
                Err(_) => {
                    self.uncertain(&write);
                    return self;
                }
            }
        }
    }
}

/// What an event keeps.
fn promise_of(event: &Event) -> (String, String, String) {
    let detail = match event.kind() {
        "user.updated" => event.change("title").and_then(|c| c["to"].as_str()).unwrap_or_default().to_owned(),
        _ => event.group().unwrap_or_default().to_owned(),
    };
    (event.kind().to_owned(), event.subject().to_owned(), detail)
}

async fn rounds(title: &str, fault: impl Fn(&World, &str)) {
    let rounds = number("ROLLCALL_CRASH_ROUNDS", 20);
    let seed = number("ROLLCALL_CRASH_SEED", 20_261_124);
    let mut random = StdRng::seed_from_u64(seed);
    let begun = Instant::now();
    let mut world = World::start().await;
    let directories = [world.directory("entra_id").await, world.directory("okta").await];
    let hooks = ["first", "second"];
    let mut workers = Vec::new();
    for (dir, hook) in directories.iter().zip(hooks) {
        let schedule: Vec<u32> = (0..24).map(|n| u32::from(n > 6)).collect();
        world.subscribe(hook, json!({"directory_id": dir.directory, "retry_schedule": schedule})).await;
        fault(&world, hook);
        let shared = dir.group("everybody", &[]).await;
        for name in 0..WORKERS / 2 {
            workers.push(Worker {
                dir: dir.clone(),
                name,
                random: StdRng::seed_from_u64(random.random()),
                made: 0,
                users: BTreeMap::new(),
                groups: BTreeMap::new(),
                shared: shared.clone(),
                promises: Vec::new(),
                writes: 0,
            });
        }
    }
    for _ in 0..rounds {
        let at_work: Vec<_> = workers.into_iter().map(|worker| tokio::spawn(worker.work())).collect();
        // Not a wait for something: the moment of the crash is what is random here.
        tokio::time::sleep(Duration::from_millis(random.random_range(LIFE))).await;
        world.server.kill();
        workers = join_all(at_work).await.into_iter().map(|done| done.expect("no worker panics")).collect();
        world.receiver.next_epoch();
        world.server.launch();
    }
    let writes: u64 = workers.iter().map(|w| w.writes).sum();
    let mut figures = Vec::new();
    for (dir, hook) in directories.iter().zip(hooks) {
        let events = world.owner.events(&dir.directory).await;
        assert!(
            events.iter().map(Event::sequence).eq(1..=events.len() as u64),
            "{title}, seed {seed}: the log of {hook} has a gap"
        );
        // Accepted is delivered: everything in the log, and everything that was promised is in it.
        let ids: Vec<&str> = events.iter().map(Event::id).collect();
        world.receiver.wait_accepted(hook, &ids, Duration::from_secs(180)).await;
        let mut kept: HashMap<(String, String, String), usize> = HashMap::new();
        for event in &events {
            *kept.entry(promise_of(event)).or_default() += 1;
        }
        for worker in workers.iter().filter(|w| w.dir.directory == dir.directory) {
            for (kind, subject, detail) in &worker.promises {
                let left = kept.get_mut(&((*kind).to_owned(), subject.clone(), detail.clone()));
                match left {
                    Some(count) if *count > 0 => *count -= 1,
                    _ => panic!("{title}, seed {seed}: lost {kind} of {subject} ({detail})"),
                }
            }
            for (user, title) in worker.users.iter().filter(|(_, title)| !title.is_empty()).take(20) {
                assert_eq!(dir.get(&format!("/Users/{user}")).await.expect(200)["title"], **title);
            }
        }
        let verdict =
            judge_hook(&world.receiver.attempts(), hook, &Rules { complete: true, ..Rules::default() });
        verdict.assert_clean();
        assert_eq!(verdict.events, events.len());
        figures.push((events.len(), verdict.attempts, verdict.duplicates));
    }
    world.server.stop();
    let (events, attempts, duplicates) =
        figures.iter().fold((0, 0, 0), |sum, f| (sum.0 + f.0, sum.1 + f.1, sum.2 + f.2));
    println!(
        "{title}: {rounds} kills, {writes} acknowledged writes, {events} events, {attempts} attempts, \
         {duplicates} duplicates ({:.3} %), seed {seed}, {:.0?}",
        duplicates as f64 * 100.0 / events as f64,
        begun.elapsed()
    );
    assert!(writes > rounds * 10, "too little load to prove anything: {writes} writes");
    assert!(duplicates * 100 < events, "1 % of duplicates or more: {duplicates} of {events}");
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
