//! A load of mixed writes by an identity provider of many connections, which remembers what each
//! acknowledgement promised, and the proof that every promise was kept.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::AddAssign,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    event::Event,
    http::Answer,
    provider::{GROUP, Provider, patch_body, user_body},
    receiver::checker::{Rules, judge_hook},
    world::Cast,
};

/// Connections that write at the same time.
pub const WORKERS: usize = 16;

/// What an acknowledged write promises: an event of this type about this subject, with this detail
/// (the new title, or the group).
type Promise = (&'static str, String, String);

/// How long a worker goes on.
#[derive(Clone, Debug)]
pub enum Until {
    /// Until the server is gone. Anything but an acknowledgement or no answer is a failure.
    Gone,
    /// Until it is told. Answers may fail to come, and 503 with a `Retry-After` is an answer.
    Told(Arc<AtomicBool>),
}

/// One connection's worth of an identity provider. It touches only what it made, and leaves alone
/// whatever a crash made uncertain.
#[derive(Debug)]
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
    /// Of all workers together.
    written: Arc<AtomicU64>,
    unanswered: u64,
    /// When it was refused with 503.
    refused: Vec<Instant>,
}

#[derive(Debug)]
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
        self.written.fetch_add(1, Ordering::Relaxed);
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

    /// Writes until it is time to stop.
    async fn work(mut self, until: Until) -> Self {
        loop {
            let write = self.choose();
            let answer = self.send(&write).await;
            match (&until, answer) {
                (_, Ok(answer)) if (200..300).contains(&answer.status) => self.acknowledged(write, &answer),
                (Until::Told(_), Ok(answer)) if answer.status == 503 => {
                    let wait: u64 = answer.header("retry-after").parse().unwrap_or_default();
                    assert!(wait > 0, "503 without Retry-After: {answer}");
                    self.refused.push(Instant::now());
                    // The database may have gone while it committed.
                    self.uncertain(&write);
                    tokio::time::sleep(PAUSE).await;
                }
                (_, Ok(answer)) => panic!("a write that must be possible: {answer}"),
                (Until::Gone, Err(_)) => {
                    self.uncertain(&write);
                    return self;
                }
                (Until::Told(_), Err(error)) => {
                    // Who was not reached did nothing.
                    if !error.is_connect() {
                        self.unanswered += 1;
                        self.uncertain(&write);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if let Until::Told(told) = &until
                && told.load(Ordering::Relaxed)
            {
                return self;
            }
            if matches!(until, Until::Told(_)) {
                tokio::time::sleep(PACE).await;
            }
        }
    }
}

/// Between the writes of one connection to a cluster, whose processes share a small machine.
const PACE: Duration = Duration::from_millis(15);
/// After a write that failed, so that a server that is down is not asked all the time.
const PAUSE: Duration = Duration::from_millis(100);

/// What an event keeps.
fn promise_of(event: &Event) -> (String, String, String) {
    let detail = match event.kind() {
        "user.updated" => event.change("title").and_then(|c| c["to"].as_str()).unwrap_or_default().to_owned(),
        _ => event.group().unwrap_or_default().to_owned(),
    };
    (event.kind().to_owned(), event.subject().to_owned(), detail)
}

/// All connections to two directories, each with an endpoint of its own.
#[derive(Debug)]
pub struct Load {
    /// Each with its hook.
    directories: Vec<(Provider, String)>,
    workers: Vec<Worker>,
    written: Arc<AtomicU64>,
}

/// A load at work.
#[derive(Debug)]
pub struct Running {
    /// Each with its hook.
    pub directories: Vec<(Provider, String)>,
    at_work: Vec<JoinHandle<Worker>>,
    told: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
}

impl Load {
    /// Makes two directories, subscribes one of the hooks to each, and readies the workers.
    pub async fn prepare(cast: &Cast, hooks: [&str; 2], random: &mut StdRng) -> Self {
        let directories = vec![
            (cast.directory("entra_id").await, hooks[0].to_owned()),
            (cast.directory("okta").await, hooks[1].to_owned()),
        ];
        let mut workers = Vec::new();
        let written = Arc::new(AtomicU64::new(0));
        for (dir, hook) in &directories {
            let schedule: Vec<u32> = (0..24).map(|n| u32::from(n > 6)).collect();
            cast.subscribe(hook, json!({"directory_id": dir.directory, "retry_schedule": schedule})).await;
            let shared = dir.group("everybody", &[]).await;
            // Only what is prepared asks again: each write of the load is sent once.
            let once = Provider { client: dir.client.patient(Duration::ZERO), ..dir.clone() };
            for name in 0..WORKERS / 2 {
                workers.push(Worker {
                    dir: once.clone(),
                    name,
                    random: StdRng::seed_from_u64(random.random()),
                    made: 0,
                    users: BTreeMap::new(),
                    groups: BTreeMap::new(),
                    shared: shared.clone(),
                    promises: Vec::new(),
                    writes: 0,
                    written: Arc::clone(&written),
                    unanswered: 0,
                    refused: Vec::new(),
                });
            }
        }
        Self { directories, workers, written }
    }

    /// Sets the workers to work on the runtime that this is called on.
    pub fn start(self, until: &Until) -> Running {
        let told = match until {
            Until::Gone => Arc::default(),
            Until::Told(told) => Arc::clone(told),
        };
        let workers = self.workers.into_iter();
        let at_work = workers.map(|worker| tokio::spawn(worker.work(until.clone()))).collect();
        Running { directories: self.directories, at_work, told, written: self.written }
    }

    /// Acknowledged writes.
    pub fn writes(&self) -> u64 {
        self.workers.iter().map(|w| w.writes).sum()
    }

    /// When writes were refused with 503.
    pub fn refused(&self) -> Vec<Instant> {
        self.workers.iter().flat_map(|w| w.refused.iter().copied()).collect()
    }

    /// Each directory with its last sequence.
    pub async fn ends(&self, cast: &Cast) -> BTreeMap<String, u64> {
        let mut ends = BTreeMap::new();
        for (dir, _) in &self.directories {
            let events = cast.owner.events(&dir.directory).await;
            ends.insert(dir.directory.clone(), events.last().map_or(0, Event::sequence));
        }
        ends
    }

    /// Waits until everything that is in the log was delivered, and panics unless each acknowledged
    /// write is in the log, which has no gap, and the deliveries are as `rules` say.
    pub async fn prove(&self, what: &str, cast: &Cast, rules: &Rules, patience: Duration) -> Figures {
        let mut figures = Figures {
            writes: self.writes(),
            unanswered: self.workers.iter().map(|w| w.unanswered).sum(),
            refused: self.refused().len(),
            ..Figures::default()
        };
        for (dir, hook) in &self.directories {
            let events = cast.owner.events(&dir.directory).await;
            assert!(
                events.iter().map(Event::sequence).eq(1..=events.len() as u64),
                "{what}: the log of {hook} has a gap"
            );
            // Accepted is delivered: everything in the log, and everything that was promised is in it.
            let ids: Vec<&str> = events.iter().map(Event::id).collect();
            cast.receiver.wait_accepted(hook, &ids, patience).await;
            let mut kept: HashMap<(String, String, String), usize> = HashMap::new();
            for event in &events {
                *kept.entry(promise_of(event)).or_default() += 1;
            }
            for worker in self.workers.iter().filter(|w| w.dir.directory == dir.directory) {
                for (kind, subject, detail) in &worker.promises {
                    let left = kept.get_mut(&((*kind).to_owned(), subject.clone(), detail.clone()));
                    match left {
                        Some(count) if *count > 0 => *count -= 1,
                        _ => panic!("{what}: lost {kind} of {subject} ({detail})"),
                    }
                }
                for (user, title) in worker.users.iter().filter(|(_, title)| !title.is_empty()).take(20) {
                    assert_eq!(dir.get(&format!("/Users/{user}")).await.expect(200)["title"], **title);
                }
            }
            let verdict = judge_hook(&cast.receiver.attempts(), hook, rules);
            verdict.assert_clean();
            assert_eq!(verdict.events, events.len());
            figures.events += events.len();
            figures.attempts += verdict.attempts;
            figures.duplicates += verdict.duplicates;
        }
        figures
    }
}

impl Running {
    /// Waits until so many writes more are acknowledged.
    pub async fn go_on_for(&self, writes: u64, patience: Duration) {
        let end = self.written.load(Ordering::Relaxed) + writes;
        let enough = async {
            while self.written.load(Ordering::Relaxed) < end {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(patience, enough).await.expect("the load goes on");
    }

    /// Waits until the workers have stopped, after telling them.
    pub async fn stop(self) -> Load {
        self.told.store(true, Ordering::Relaxed);
        let done = join_all(self.at_work).await.into_iter();
        Load {
            directories: self.directories,
            workers: done.map(|w| w.expect("no worker panics")).collect(),
            written: self.written,
        }
    }
}

/// What came of a load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Writes that were answered 2xx.
    pub writes: u64,
    /// Writes whose connection broke.
    pub unanswered: u64,
    /// Writes that were answered 503.
    pub refused: usize,
    /// Events in the logs, all delivered.
    pub events: usize,
    /// Attempts to deliver them.
    pub attempts: usize,
    /// Deliveries of what had been accepted before.
    pub duplicates: usize,
}

impl Figures {
    /// Duplicates for each hundred events.
    pub fn percent(&self) -> f64 {
        self.duplicates as f64 * 100.0 / self.events as f64
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, more: Self) {
        self.writes += more.writes;
        self.unanswered += more.unanswered;
        self.refused += more.refused;
        self.events += more.events;
        self.attempts += more.attempts;
        self.duplicates += more.duplicates;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} acknowledged writes, ", self.writes)?;
        if self.unanswered > 0 || self.refused > 0 {
            write!(f, "{} unanswered, {} refused, ", self.unanswered, self.refused)?;
        }
        let (events, attempts, duplicates) = (self.events, self.attempts, self.duplicates);
        let percent = self.percent();
        write!(f, "{events} events, {attempts} attempts, {duplicates} duplicates ({percent:.3} %)")
    }
}
