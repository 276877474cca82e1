//! A receiver that costs next to nothing: it counts webhooks and notes when each number arrived
//! first at each path.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::load::DIGITS;

/// What it does with a webhook.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Healthy,
    Hanging,
    Failing,
    /// It answers after two seconds.
    Slow,
}

#[derive(Default)]
struct Seen {
    arrivals: Mutex<HashMap<(String, u64), Instant>>,
    accepted: AtomicU64,
}

/// A listening sink.
pub(crate) struct Sink {
    seen: Arc<Seen>,
    address: SocketAddr,
    listener: tokio::task::JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Sink {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let seen = Arc::<Seen>::default();
        let kept = Arc::clone(&seen);
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept), manner));
            }
        });
        Self { seen, address, listener }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// How many webhooks were accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.seen.accepted.load(Ordering::Relaxed)
    }

    /// Waits until so many were accepted; whether they were in time.
    pub(crate) async fn drained(&self, accepted: u64, patience: Duration) -> bool {
        let begun = Instant::now();
        while self.accepted() < accepted {
            if begun.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        true
    }

    /// How long each of these writes took to arrive at each of these paths.
    pub(crate) fn delays(&self, sent: &[(u64, Instant)], paths: &[String]) -> Vec<Duration> {
        let arrivals = self.seen.arrivals.lock().expect("no connection panics");
        sent.iter()
            .flat_map(|(number, at)| paths.iter().map(move |path| (path, *number, *at)))
            .filter_map(|(path, number, at)| {
                arrivals.get(&(path.clone(), number)).map(|arrived| arrived.saturating_duration_since(at))
            })
            .collect()
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>, manner: Manner) {
    let _ = stream.set_nodelay(true);
    let mut buffer: Vec<u8> = Vec::with_capacity(16 * 1024);
    loop {
        let (end, length) = loop {
            if let Some(at) = find(&buffer, b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&buffer[..at]).to_ascii_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length:"))
                    .and_then(|value| value.trim().parse::<usize>().ok())
                    .unwrap_or(0);
                if buffer.len() >= at + 4 + length {
                    break (at + 4, length);
                }
            }
            if !stream.read_buf(&mut buffer).await.is_ok_and(|count| count > 0) {
                return;
            }
        };
        let arrived = Instant::now();
        match manner {
            Manner::Healthy | Manner::Slow => {
                if manner == Manner::Slow {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                note(&buffer[..end + length], arrived, &seen);
                seen.accepted.fetch_add(1, Ordering::Relaxed);
                if stream.write_all(b"HTTP/1.1 204 -\r\n\r\n").await.is_err() {
                    return;
                }
            }
            Manner::Failing => {
                if stream.write_all(b"HTTP/1.1 500 -\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                    return;
                }
            }
            // Until the sender leaves.
            Manner::Hanging => while stream.read_buf(&mut buffer).await.is_ok_and(|count| count > 0) {},
        }
        buffer.drain(..(end + length).min(buffer.len()));
    }
}

/// Notes the first arrival of the number in the body's user name.
fn note(request: &[u8], arrived: Instant, seen: &Seen) {
    const MARK: &[u8] = b"bench-";
    let Some(at) = find(request, MARK) else { return };
    let digits = request.get(at + MARK.len()..at + MARK.len() + DIGITS);
    let number = digits.and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| d.parse().ok());
    let path = request.split(|byte| *byte == b' ').nth(1).map(|p| String::from_utf8_lossy(p).into_owned());
    if let (Some(number), Some(path)) = (number, path) {
        let path = path.trim_start_matches('/').to_owned();
        seen.arrivals.lock().expect("no connection panics").entry((path, number)).or_insert(arrived);
    }
}
