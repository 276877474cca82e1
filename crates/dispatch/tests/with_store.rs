//! The dispatcher with the real store, the real feed and a receiver on loopback: what is written
//! arrives, in order, before and after a restart.

#![expect(clippy::unwrap_used, reason = "helpers of a test may panic")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rollcall_dispatch::{Dispatcher, Settings, egress, start};
use rollcall_domain::{
    Command, Reply,
    directory::{Mode, Provider, RuleSwitches},
    endpoint::{Format, OnExhausted, RetrySchedule, Scope},
    ids::{DirectoryId, EndpointId, RequestId, UserId},
};
use rollcall_scim::{Rules, user_input};
use rollcall_store::{
    Store, WriteRequest, clock,
    config_ops::{NewDirectory, NewEndpoint, Start},
};
use rollcall_stream::Feed;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// What arrived: (sequence, subject), and how many answers of 500 come first.
#[derive(Default)]
struct Receiver {
    arrived: Mutex<Vec<(u64, String)>>,
    more: Notify,
    ill: AtomicUsize,
}

impl Receiver {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let receiver = Arc::clone(&self);
            tokio::spawn(async move { receiver.connection(BufStream::new(stream)).await });
        }
    }

    async fn connection(&self, mut stream: BufStream<TcpStream>) -> std::io::Result<()> {
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await? == 0 {
                    return Ok(());
                }
                let line = line.trim_end().to_lowercase();
                if let Some(text) = line.strip_prefix("content-length: ") {
                    length = text.parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await?;
            let ill =
                self.ill.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
            if !ill {
                let event: Value = serde_json::from_slice(&body).unwrap();
                let subject = event["subject"]["id"].as_str().unwrap().to_owned();
                self.arrived.lock().unwrap().push((event["sequence"].as_u64().unwrap(), subject));
                self.more.notify_waiters();
            }
            let status = if ill { "500 Ill" } else { "200 OK" };
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await?;
            stream.flush().await?;
        }
    }

    async fn until(&self, count: usize) {
        let all = async {
            loop {
                let more = self.more.notified();
                if self.arrived.lock().unwrap().len() >= count {
                    return;
                }
                more.await;
            }
        };
        let arrived = || self.arrived.lock().unwrap().len();
        assert!(tokio::time::timeout(Duration::from_secs(60), all).await.is_ok(), "{} of {count}", arrived());
    }
}

fn command(n: usize) -> Command {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("user{n}@example.com"),
        "name": {"familyName": "Family", "givenName": format!("Given{n}")},
        "emails": [{"value": format!("user{n}@example.com"), "type": "work", "primary": true}],
    });
    let Value::Object(body) = body else { unreachable!() };
    Command::CreateUser { document: user_input(body, &Rules::default()).unwrap().0.document }
}

fn open(folder: &tempfile::TempDir) -> (Store, Arc<Feed>) {
    let feed = Feed::new(rollcall_stream::Settings::default());
    feed.assign([0].into());
    let data_dir = folder.path().join("data");
    let settings = rollcall_store::Settings { data_dir, ..rollcall_store::Settings::default() };
    (Store::open(settings, Arc::<Feed>::clone(&feed)).unwrap(), feed)
}

fn dispatch(store: &Store, feed: &Arc<Feed>) -> Dispatcher {
    let egress = egress::Settings {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        allow_http: true,
        ..egress::Settings::default()
    };
    start(Settings::default(), egress, store.clone(), Arc::clone(feed), "Rollcall/0".to_owned(), None)
        .unwrap()
}

async fn write(store: &Store, directory: &DirectoryId, command: Command) -> Reply {
    let request = WriteRequest {
        directory_id: directory.clone(),
        command,
        request_id: RequestId::from_uuid(clock::new_uuid()),
        method: "POST",
        members_up_to: 0,
    };
    store.write(request).await.unwrap().reply
}

async fn create(store: &Store, directory: &DirectoryId, range: std::ops::Range<usize>) -> Vec<UserId> {
    let writes = range.map(|n| write(store, directory, command(n)));
    let replies = futures_util::future::join_all(writes).await;
    let id = |reply| if let Reply::User(user) = reply { user.id } else { unreachable!() };
    replies.into_iter().map(id).collect()
}

async fn endpoint(store: &Store, url: String) -> EndpointId {
    let new = NewEndpoint {
        url,
        description: None,
        scope: Scope::All,
        event_types: Vec::new(),
        format: Format::Standard,
        retry_schedule: RetrySchedule::new(vec![0, 1, 1, 1, 1, 1]).unwrap(),
        timeout_seconds: 5,
        on_exhausted: OnExhausted::DeadLetter,
        headers: BTreeMap::new(),
        start: Start::Now,
        asymmetric: false,
    };
    store.create_endpoint(new).await.unwrap().0.id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_arrives_in_order_before_and_after_a_restart() {
    const USERS: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    let receiver = Arc::new(Receiver::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(Arc::clone(&receiver).serve(listener));

    let (store, feed) = open(&folder);
    let dispatcher = dispatch(&store, &feed);
    let organization_id = store.create_organization("Acme".into(), None).await.unwrap().id;
    let new = NewDirectory {
        organization_id,
        name: "E".into(),
        provider: Provider::EntraId,
        mode: Mode::Live,
        compatibility: RuleSwitches::default(),
    };
    let directory = store.create_directory(new).await.unwrap().0.id;
    let endpoint_id = endpoint(&store, url).await;

    let started = Instant::now();
    let users = create(&store, &directory, 0..USERS).await;
    receiver.until(USERS).await;
    println!("{USERS} events written and delivered in {:?}", started.elapsed());

    // The endpoint is ill for a while; what could not be sent is sent when it is well again.
    receiver.ill.store(8, Ordering::Relaxed);
    for id in &users[..20] {
        let id = id.clone();
        let precondition = rollcall_domain::Precondition::None;
        write(&store, &directory, Command::DeleteUser { id, precondition }).await;
    }
    receiver.until(USERS + 20).await;
    dispatcher.stop(Duration::from_secs(5)).await;

    // Written while nobody dispatches.
    create(&store, &directory, USERS..2 * USERS).await;
    store.close().await;
    drop((store, feed));
    let (store, feed) = open(&folder);
    let dispatcher = dispatch(&store, &feed);
    receiver.until(2 * USERS + 20).await;
    dispatcher.stop(Duration::from_secs(5)).await;

    let lanes = store.load_lanes(0).await.unwrap();
    let lane = lanes.iter().find(|lane| lane.endpoint_id == endpoint_id).unwrap();
    assert_eq!(lane.frontier, store.head(0));
    assert_eq!(store.load_parked(&endpoint_id, 0).await.unwrap(), []);
    let mut by_subject: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut sequences = Vec::new();
    for (sequence, subject) in receiver.arrived.lock().unwrap().drain(..) {
        sequences.push(sequence);
        by_subject.entry(subject).or_default().push(sequence);
    }
    assert!(by_subject.values().all(|sequences| sequences.is_sorted()), "{by_subject:?}");
    sequences.sort_unstable();
    let all: Vec<u64> = (1..=2 * USERS as u64 + 20).collect();
    assert_eq!(sequences, all, "each once, without a gap");
    store.close().await;
}
