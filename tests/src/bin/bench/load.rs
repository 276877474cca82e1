//! A load client that costs next to nothing: keep-alive HTTP/1.1 over raw connections, the request
//! built once and its counter overwritten in place.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rollcall_tests::provider::{ENTERPRISE, Provider, USER};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::figures::percentile;

/// The counter's digits in the userName.
pub(crate) const DIGITS: usize = 12;
const MARK: &str = "000000000000";

/// userNames are never used twice, whatever the window.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A `POST /Users` of about 1 KB.
#[derive(Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    digits: usize,
}

impl Request {
    pub(crate) fn new(dir: &Provider) -> Self {
        let body = json!({
            "schemas": [USER, ENTERPRISE],
            "userName": format!("bench-{MARK}"),
            "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "active": true,
            "displayName": "Given Family",
            "name": {"formatted": "Given Family", "givenName": "Given", "familyName": "Family"},
            "emails": [{"value": "given.family@example.com", "type": "work", "primary": true}],
            "phoneNumbers": [{"value": "+44 20 7946 0000", "type": "work"}],
            "addresses": [{"type": "work", "streetAddress": "1 Example Street", "locality": "London",
                           "postalCode": "N1 1AA", "country": "GB"}],
            "title": "Senior Measurement Engineer",
            "preferredLanguage": "en-GB",
            "timezone": "Europe/London",
            ENTERPRISE: {"employeeNumber": "701984", "costCenter": "4130", "organization": "Example",
                         "division": "Engineering", "department": "Measurement"},
            "nickName": "x".repeat(120),
        })
        .to_string();
        let url = dir.client.url("/Users");
        let (host, path) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .expect("the server's URL has a host and a path");
        let text = format!(
            "POST /{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\
             content-type: application/scim+json\r\ncontent-length: {}\r\n\r\n{body}",
            dir.token,
            body.len()
        );
        let digits = text.find(MARK).expect("the mark is in the body");
        Self { bytes: text.into_bytes(), digits }
    }

    /// The next request's bytes and its number.
    pub(crate) fn next(&mut self) -> (u64, &[u8]) {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let digits = format!("{number:0DIGITS$}");
        self.bytes[self.digits..self.digits + DIGITS].copy_from_slice(digits.as_bytes());
        (number, &self.bytes)
    }

    /// The userName of the request of this number.
    pub(crate) fn user_name(number: u64) -> String {
        format!("bench-{number:0DIGITS$}")
    }
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(dir: &Provider) -> io::Result<Self> {
        let url = dir.client.url("");
        let host = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8 * 1024) })
    }

    /// The last answer, head and body.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.buffer
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, length)) = head(&self.buffer)
                && self.buffer.len() >= length
            {
                return Ok(status);
            }
        }
    }
}

/// The status and the length of head and body, once the head is whole.
fn head(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length = text
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        })
        .unwrap_or(0);
    Some((status, end + length))
}

/// What a window of full load gave.
pub(crate) struct Rate {
    pub(crate) writes: u64,
    pub(crate) per_second: f64,
    pub(crate) p99: Duration,
}

/// As many writes as so many connections can make, one after the other on each.
pub(crate) async fn flat_out(dir: &Provider, connections: usize, window: Duration) -> Rate {
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let mut request = Request::new(dir);
        let mut connection = Connection::open(dir).await.expect("the server accepts connections");
        tasks.push(tokio::spawn(async move {
            let mut took = Vec::new();
            while begun.elapsed() < window {
                let (_, bytes) = request.next();
                let sent = Instant::now();
                let status = connection.exchange(bytes).await.expect("the server answers");
                assert_eq!(status, 201, "a write was refused");
                took.push(sent.elapsed());
            }
            took
        }));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("no connection panics"));
    }
    let elapsed = begun.elapsed();
    Rate {
        writes: took.len() as u64,
        per_second: took.len() as f64 / elapsed.as_secs_f64(),
        p99: percentile(&mut took, 0.99),
    }
}

/// Writes at an even pace, whatever the answers take, and gives when each number was sent.
pub(crate) async fn paced(dir: &Provider, per_second: u32, window: Duration) -> Vec<(u64, Instant)> {
    const CONNECTIONS: usize = 4;
    let gap = Duration::from_secs(1) / per_second;
    let begun = tokio::time::Instant::now();
    let mut tasks = Vec::new();
    for offset in 0..CONNECTIONS {
        let mut request = Request::new(dir);
        let mut connection = Connection::open(dir).await.expect("the server accepts connections");
        tasks.push(tokio::spawn(async move {
            let mut sent = Vec::new();
            for turn in (offset as u32..).step_by(CONNECTIONS) {
                let at = gap * turn;
                if at >= window {
                    return sent;
                }
                tokio::time::sleep_until(begun + at).await;
                let (number, bytes) = request.next();
                sent.push((number, Instant::now()));
                let status = connection.exchange(bytes).await.expect("the server answers");
                assert_eq!(status, 201, "a write was refused");
            }
            sent
        }));
    }
    let mut sent = Vec::new();
    for task in tasks {
        sent.extend(task.await.expect("no connection panics"));
    }
    sent
}
