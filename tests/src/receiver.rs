//! A receiver of webhooks that records every attempt and misbehaves on demand.
//!
//! The plot of one attempt: [`wire`] reads the request from a raw connection (so that a connection
//! can be dropped or left hanging at will), [`signature`] has the official library verify it, the
//! hook's [`Plan`] decides the answer, and the log keeps all of it with one clock for arrivals and
//! answers, on which [`checker`] judges the order.

pub mod checker;
pub mod signature;
mod wire;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::header::HeaderMap;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::event::Event;

/// What a hook does with an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answers this status, with an empty body.
    Status(u16),
    /// Answers this status with a `Retry-After` of so many seconds.
    RetryAfter(u16, u64),
    /// Answers 302 to this URL.
    Redirect(String),
    /// Answers this status after a while.
    Slow(Duration, u16),
    /// Never answers; the connection stays open until the sender leaves.
    Hang,
    /// Closes the connection without an answer.
    Drop,
}

impl Reply {
    /// The status that the sender sees, if any.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status) | Self::RetryAfter(status, _) | Self::Slow(_, status) => Some(*status),
            Self::Redirect(_) => Some(302),
            Self::Hang | Self::Drop => None,
        }
    }

    fn accepts(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }
}

/// How a hook decides; it sees the attempt before it is answered.
pub type Plan = Arc<dyn Fn(&Attempt) -> Reply + Send + Sync>;

/// One attempt at a delivery, as the receiver saw it.
#[derive(Debug)]
pub struct Attempt {
    /// The hook's name.
    pub hook: String,
    /// Which attempt at this hook it is, from 1.
    pub number: u64,
    /// The tick of its arrival, on the clock that answers share.
    pub arrived: u64,
    /// When it arrived.
    pub at: Instant,
    /// Which of the server's lives its connection began in, from 0.
    pub epoch: u32,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What the official library said of the signature.
    pub verified: Result<(), String>,
    reply: OnceLock<Reply>,
    answered: OnceLock<u64>,
}

impl Attempt {
    /// The `webhook-id`.
    pub fn webhook_id(&self) -> &str {
        self.header("webhook-id")
    }

    /// A header field's value, or the empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The body, read.
    pub fn event(&self) -> Event {
        Event::parse(&self.body)
    }

    /// What the hook did, once it has decided.
    pub fn reply(&self) -> Option<&Reply> {
        self.reply.get()
    }

    /// Whether it was answered 2xx.
    pub fn accepted(&self) -> bool {
        self.accepted_at().is_some()
    }

    /// The tick of the 2xx answer, taken before its first byte was written.
    pub fn accepted_at(&self) -> Option<u64> {
        self.reply.get().is_some_and(Reply::accepts).then(|| self.answered.get().copied()).flatten()
    }
}

struct Hook {
    plan: Plan,
    secrets: Vec<String>,
    attempts: u64,
    accepted: HashSet<String>,
}

impl Default for Hook {
    fn default() -> Self {
        Self {
            plan: Arc::new(|_| Reply::Status(204)),
            secrets: Vec::new(),
            attempts: 0,
            accepted: HashSet::new(),
        }
    }
}

struct Shared {
    hooks: Mutex<HashMap<String, Hook>>,
    log: Mutex<Vec<Arc<Attempt>>>,
    changed: watch::Sender<u64>,
    clock: AtomicU64,
    epoch: AtomicU32,
}

impl Shared {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn with_hook<T>(&self, name: &str, act: impl FnOnce(&mut Hook) -> T) -> T {
        act(self.hooks.lock().expect("no plan panics").entry(name.to_owned()).or_default())
    }
}

/// The receiver. It listens until it is dropped.
pub struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
    listener: JoinHandle<()>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Receiver {
    /// Listens on a free port of the loopback; every hook answers 204.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1").await
    }

    /// Listens on a free port of this address.
    pub async fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).await.expect("the address has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            hooks: Mutex::default(),
            log: Mutex::default(),
            changed: watch::channel(0).0,
            clock: AtomicU64::new(1),
            epoch: AtomicU32::new(0),
        });
        let accepting = Arc::clone(&shared);
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let epoch = accepting.epoch.load(Ordering::SeqCst);
                tokio::spawn(converse(Arc::clone(&accepting), stream, epoch));
            }
        });
        Self { shared, address, listener }
    }

    /// The URL of a hook.
    pub fn url(&self, hook: &str) -> String {
        format!("http://{}/hook/{hook}", self.address)
    }

    /// Verifies the hook's attempts with this secret from now on, beside those it trusts already.
    pub fn trust(&self, hook: &str, secret: &str) {
        self.shared.with_hook(hook, |h| h.secrets.push(secret.to_owned()));
    }

    /// Decides the hook's answers by a plan from now on.
    pub fn plan(&self, hook: &str, plan: impl Fn(&Attempt) -> Reply + Send + Sync + 'static) {
        self.shared.with_hook(hook, |h| h.plan = Arc::new(plan));
    }

    /// Answers everything alike from now on.
    pub fn always(&self, hook: &str, reply: Reply) {
        self.plan(hook, move |_| reply.clone());
    }

    /// Answers 204 from now on.
    pub fn recover(&self, hook: &str) {
        self.always(hook, Reply::Status(204));
    }

    /// Answers the next `count` attempts with `reply`, and 204 after them.
    pub fn fail_next(&self, hook: &str, count: u64, reply: Reply) {
        let from = self.shared.with_hook(hook, |h| h.attempts);
        self.plan(
            hook,
            move |attempt| if attempt.number <= from + count { reply.clone() } else { Reply::Status(204) },
        );
    }

    /// Gives one of `faults` with this probability, by a generator with this seed.
    pub fn fail_at_random(&self, hook: &str, seed: u64, probability: f64, faults: Vec<Reply>) {
        let random = Mutex::new(StdRng::seed_from_u64(seed));
        self.plan(hook, move |_| {
            let mut random = random.lock().expect("a generator does not panic");
            if random.random_bool(probability) {
                faults[random.random_range(0..faults.len())].clone()
            } else {
                Reply::Status(204)
            }
        });
    }

    /// Connections from now on belong to the server's next life. Call it between kill and start.
    pub fn next_epoch(&self) {
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Lets go of the log so far.
    pub fn forget(&self) {
        self.shared.log.lock().expect("no holder panics").clear();
    }

    /// Everything so far, in the order of arrival.
    pub fn attempts(&self) -> Vec<Arc<Attempt>> {
        self.shared.log.lock().expect("no holder panics").clone()
    }

    /// Everything so far at one hook.
    pub fn attempts_at(&self, hook: &str) -> Vec<Arc<Attempt>> {
        self.attempts().into_iter().filter(|a| a.hook == hook).collect()
    }

    /// How many attempts there were at one hook.
    pub fn count(&self, hook: &str) -> u64 {
        self.shared.with_hook(hook, |h| h.attempts)
    }

    /// Waits until `condition` holds for the log; panics with the log's end when `timeout` passes.
    pub async fn wait_until(
        &self,
        what: &str,
        timeout: Duration,
        condition: impl Fn(&[Arc<Attempt>]) -> bool,
    ) {
        let mut changed = self.shared.changed.subscribe();
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            changed.borrow_and_update();
            if condition(&self.attempts()) {
                return;
            }
            if tokio::time::timeout_at(deadline, changed.changed()).await.is_err() {
                panic!("waited {timeout:?} in vain for: {what}; the log's end:\n{}", self.tail(25));
            }
        }
    }

    /// Waits until the hook has accepted each of these events. Unlike [`Self::wait_until`] it does not
    /// look at the whole log each time, which matters when the log is long.
    pub async fn wait_accepted(&self, hook: &str, ids: &[&str], timeout: Duration) {
        // The first is the last: each id is looked for until it is there, and never again.
        let mut missing: Vec<&str> = ids.iter().rev().copied().collect();
        let mut changed = self.shared.changed.subscribe();
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            changed.borrow_and_update();
            self.shared.with_hook(hook, |h| {
                while missing.last().is_some_and(|id| h.accepted.contains(*id)) {
                    missing.pop();
                }
            });
            if missing.is_empty() {
                return;
            }
            if tokio::time::timeout_at(deadline, changed.changed()).await.is_err() {
                self.shared.with_hook(hook, |h| missing.retain(|id| !h.accepted.contains(*id)));
                panic!(
                    "after {timeout:?} {hook} lacks {} of {} events, {:?} first; the log's end:\n{}",
                    missing.len(),
                    ids.len(),
                    missing.last(),
                    self.tail(25)
                );
            }
        }
    }

    /// Waits until the hook has accepted an event of this subject.
    pub async fn wait_accepted_subject(&self, hook: &str, subject: &str, timeout: Duration) {
        let mut seen = 0;
        let mut changed = self.shared.changed.subscribe();
        let deadline = tokio::time::Instant::now() + timeout;
        // Attempts that came but are not answered yet.
        let mut open: Vec<Arc<Attempt>> = Vec::new();
        loop {
            changed.borrow_and_update();
            {
                let log = self.shared.log.lock().expect("no holder panics");
                open.extend(log[seen..].iter().filter(|a| a.hook == hook).map(Arc::clone));
                seen = log.len();
            }
            open.retain(|attempt| attempt.event().subject() == subject);
            if open.iter().any(|attempt| attempt.accepted()) {
                return;
            }
            if tokio::time::timeout_at(deadline, changed.changed()).await.is_err() {
                panic!("after {timeout:?} {hook} lacks {subject}; the log's end:\n{}", self.tail(25));
            }
        }
    }

    /// The last attempts, for people.
    pub fn tail(&self, count: usize) -> String {
        let log = self.attempts();
        let lines: Vec<String> = log[log.len().saturating_sub(count)..]
            .iter()
            .map(|a| {
                let body: String = String::from_utf8_lossy(&a.body).chars().take(160).collect();
                format!("{:>6} {} {:?} {:?} {body}", a.arrived, a.hook, a.reply(), a.verified)
            })
            .collect();
        format!("{} attempts in all\n{}", log.len(), lines.join("\n"))
    }

    /// Panics unless every attempt at the hook carried a signature that verified.
    #[track_caller]
    pub fn assert_verified(&self, hook: &str) {
        for attempt in self.attempts_at(hook) {
            assert_eq!(attempt.verified, Ok(()), "attempt {} at {hook}", attempt.number);
        }
    }
}

/// Serves one connection until either side leaves.
async fn converse(shared: Arc<Shared>, stream: tokio::net::TcpStream, epoch: u32) {
    let _ = stream.set_nodelay(true);
    let mut connection = wire::Connection::new(stream);
    while let Some(request) = connection.read().await {
        let hook = request.path.strip_prefix("/hook/").unwrap_or(&request.path).to_owned();
        let (number, plan, secrets) = shared.with_hook(&hook, |h| {
            h.attempts += 1;
            (h.attempts, Arc::clone(&h.plan), h.secrets.clone())
        });
        let verified = signature::verify(&secrets, &request.headers, &request.body);
        let attempt = Arc::new(Attempt {
            hook,
            number,
            arrived: shared.tick(),
            at: Instant::now(),
            epoch,
            headers: request.headers,
            body: request.body,
            verified,
            reply: OnceLock::new(),
            answered: OnceLock::new(),
        });
        shared.log.lock().expect("no holder panics").push(Arc::clone(&attempt));
        let reply = plan(&attempt);
        if let Reply::Slow(delay, _) = &reply {
            shared.changed.send_modify(|n| *n += 1);
            tokio::time::sleep(*delay).await;
        }
        let _ = attempt.answered.set(shared.tick());
        let _ = attempt.reply.set(reply.clone());
        if reply.accepts() {
            shared.with_hook(&attempt.hook, |h| h.accepted.insert(attempt.webhook_id().to_owned()));
        }
        shared.changed.send_modify(|n| *n += 1);
        let kept = match reply {
            Reply::Status(status) | Reply::Slow(_, status) => connection.answer(status, "").await,
            Reply::RetryAfter(status, seconds) => {
                connection.answer(status, &format!("retry-after: {seconds}\r\n")).await
            }
            Reply::Redirect(to) => connection.answer(302, &format!("location: {to}\r\n")).await,
            Reply::Drop => return,
            Reply::Hang => {
                connection.until_closed().await;
                return;
            }
        };
        if !kept {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::{Address, Client},
        wait::SOON,
    };

    /// The status, or `None` if no answer came in time.
    async fn post(url: &str) -> Option<u16> {
        let client = Client::new(Address::new(url), "", None);
        let answer = client.try_send("POST", "", &[], Some(Bytes::from_static(b"{}")));
        Some(tokio::time::timeout(Duration::from_millis(500), answer).await.ok()?.ok()?.status)
    }

    #[tokio::test]
    async fn it_does_as_it_is_told() {
        let receiver = Receiver::start().await;
        let url = receiver.url("a");
        assert_eq!(post(&url).await, Some(204));
        receiver.fail_next("a", 1, Reply::RetryAfter(503, 7));
        assert_eq!(post(&url).await, Some(503));
        assert_eq!(post(&url).await, Some(204));
        receiver.always("a", Reply::Redirect("http://127.0.0.1/".to_owned()));
        assert_eq!(post(&url).await, Some(302));
        receiver.always("a", Reply::Drop);
        assert_eq!(post(&url).await, None);
        receiver.always("a", Reply::Hang);
        assert_eq!(post(&url).await, None);
        receiver.always("a", Reply::Slow(Duration::from_millis(20), 200));
        assert_eq!(post(&url).await, Some(200));
        receiver.recover("a");
        assert_eq!(post(&url).await, Some(204));
        let log = receiver.attempts_at("a");
        assert_eq!(log.len(), 8);
        assert_eq!(log.iter().filter(|a| a.accepted()).count(), 4);
        assert!(log.iter().all(|a| a.verified.is_err()), "nothing was signed");
        receiver.wait_until("what holds already", SOON, |log| log.len() == 8).await;
    }

    #[tokio::test]
    async fn random_faults_are_the_same_for_the_same_seed() {
        let receiver = Receiver::start().await;
        let mut runs = Vec::new();
        for hook in ["a", "b"] {
            receiver.fail_at_random(hook, 11, 0.5, vec![Reply::Status(500), Reply::Status(503)]);
            let mut statuses = Vec::new();
            for _ in 0..30 {
                statuses.push(post(&receiver.url(hook)).await);
            }
            runs.push(statuses);
        }
        assert_eq!(runs[0], runs[1]);
        assert!(runs[0].contains(&Some(204)) && runs[0].contains(&Some(500)) && runs[0].contains(&Some(503)));
    }
}
