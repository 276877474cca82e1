//! Attempts at receivers that misbehave, over real sockets on loopback: each is bounded, and each
//! has its class.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollcall_domain::{
    endpoint::{Endpoint, EndpointState, Format, OnExhausted, RetrySchedule, Scope},
    ids::EndpointId,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

use super::*;

fn sender() -> Sender {
    let egress = egress::Settings {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        allow_http: true,
        ..egress::Settings::default()
    };
    Sender::new(&Settings::default(), egress, "Rollcall/0").unwrap()
}

pub(super) fn entry(url: &str, headers: &[(&str, &str)]) -> EndpointEntry {
    EndpointEntry {
        endpoint: Arc::new(Endpoint {
            id: EndpointId::from_uuid(Uuid::nil()),
            url: url.to_owned(),
            description: None,
            scope: Scope::All,
            event_types: Vec::new(),
            format: Format::Standard,
            retry_schedule: RetrySchedule::default(),
            timeout_seconds: 30,
            on_exhausted: OnExhausted::DeadLetter,
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            state: EndpointState::Active,
            state_reason: None,
            public_keys: Vec::new(),
            start: rollcall_domain::shard::Positions::beginning(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }),
        replays: Vec::new(),
        secrets: vec![("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(), None)],
    }
}

/// Reads one request, head and body, as text.
async fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|l| l.lines().next());
            if body.len() >= length.and_then(|l| l.parse().ok()).unwrap_or(0) {
                return String::from_utf8_lossy(&read).into_owned();
            }
        }
        match stream.read(&mut buffer).await {
            Ok(n) if n > 0 => read.extend_from_slice(&buffer[..n]),
            _ => return String::from_utf8_lossy(&read).into_owned(),
        }
    }
}

/// What a receiver does after the request.
#[derive(Clone, Copy)]
enum Receiver {
    /// Answers this and closes.
    Answers(&'static str),
    /// Answers this and keeps the connection open without a word.
    AnswersAndHangs(&'static str),
    /// Answers the first part, then the second one over and over.
    Floods(&'static str, &'static str),
    /// Answers the first part, then the second one again and again, slowly.
    Drips(&'static str, &'static str),
    /// Resets the connection.
    Resets,
}

async fn serve(listener: TcpListener, receiver: Receiver) {
    while let Ok((mut stream, _)) = listener.accept().await {
        request(&mut stream).await;
        match receiver {
            Receiver::Answers(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Receiver::AnswersAndHangs(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                // Until the client lets go.
                let _ = stream.read(&mut [0; 1]).await;
            }
            Receiver::Floods(head, again) => {
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(again.as_bytes()).await.is_ok() {}
            }
            Receiver::Drips(head, again) => {
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(again.as_bytes()).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Receiver::Resets => {
                stream.set_zero_linger().unwrap();
                drop(stream);
            }
        }
    }
}

async fn attempt_at(receiver: Receiver) -> (Answer, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, receiver));
    let sender = sender();
    let mut target = sender.target(&entry(&url, &[]));
    target.timeout = Duration::from_millis(300);
    let start = Instant::now();
    let answer = sender.send(&target, "evt_1", "{}".into(), &Marks::default()).await;
    server.abort();
    (answer, start.elapsed())
}

#[tokio::test]
async fn every_misbehaviour_is_bounded_and_classified() {
    use ErrorClass as C;
    use Receiver::{Answers, AnswersAndHangs, Drips, Floods, Resets};
    let ok_mib = "HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n";
    let gzip = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nbomb";
    for (name, receiver, status, error) in [
        ("answers", Answers("HTTP/1.1 204 No Content\r\n\r\n"), Some(204), None),
        ("keeps alive", AnswersAndHangs("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), Some(200), None),
        ("hangs", AnswersAndHangs(""), None, Some(C::Timeout)),
        ("drips its head", Drips("HTTP/1.1 200 OK\r\n", "x"), None, Some(C::Timeout)),
        ("drips its body", Drips(ok_mib, "x"), Some(200), Some(C::Timeout)),
        (
            "hangs in a failure's body",
            AnswersAndHangs("HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\nno"),
            Some(500),
            Some(C::Status),
        ),
        (
            "endless headers",
            Floods("HTTP/1.1 200 OK\r\n", "x-filler: 0123456789\r\n"),
            None,
            Some(C::Protocol),
        ),
        ("a body of 1 MiB", Floods(ok_mib, "0123456789abcdef"), Some(200), None),
        ("an endless body", Floods("HTTP/1.1 200 OK\r\n\r\n", "0123456789abcdef"), Some(200), None),
        (
            "a broken body",
            Answers("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nno"),
            Some(200),
            Some(C::Protocol),
        ),
        (
            "302",
            Answers("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
            Some(302),
            Some(C::Status),
        ),
        ("410", Answers("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"), Some(410), Some(C::Status)),
        ("resets", Resets, None, Some(C::Connect)),
        ("closes", Answers(""), None, Some(C::Protocol)),
        ("is no HTTP", Answers("220 mail.example.com ESMTP\r\n"), None, Some(C::Protocol)),
        ("claims gzip", Answers(gzip), Some(200), None),
    ] {
        let (answer, took) = attempt_at(receiver).await;
        assert_eq!((answer.status, answer.error), (status, error), "{name}: {answer:?}");
        assert!(took < Duration::from_secs(5), "{name} took {took:?}");
        assert!(answer.body.as_ref().is_none_or(|b| b.len() <= KEEP), "{name}");
        assert_eq!(answer.error.is_some(), answer.detail.is_some(), "{name}");
    }
}

#[tokio::test]
async fn what_the_receiver_gets_verifies_and_is_complete() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?x=1", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let first = request(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nslow")
            .await
            .unwrap();
        // The connection is used again.
        let second = request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        (first, second)
    });
    let sender = sender();
    let target = sender
        .target(&entry(&url, &[("x-key", "k"), ("Webhook-Id", "evil"), ("host", "evil"), ("bad\n", "x")]));
    let body = r#"{"type":"user.created"}"#;
    let answer = sender.send(&target, "evt_1", body.into(), &Marks::default()).await;
    assert_eq!((answer.status, answer.retry_after), (Some(429), Some(Duration::from_secs(7))));
    assert_eq!(answer.body.as_deref(), Some("slow"));
    assert_eq!(sender.send(&target, "evt_1", body.into(), &Marks::default()).await.error, None);
    let (first, second) = server.await.unwrap();
    assert!(second.starts_with("POST"));
    let (head, sent) = first.split_once("\r\n\r\n").unwrap();
    assert_eq!(sent, body);
    assert!(head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{head}");
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    standardwebhooks::Webhook::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .unwrap()
        .verify(body.as_bytes(), &headers)
        .unwrap();
    for (name, value) in [
        ("webhook-id", "evt_1"),
        ("content-type", "application/json"),
        ("user-agent", "Rollcall/0"),
        ("x-key", "k"),
    ] {
        assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
    }
    assert!(!headers.contains_key("accept-encoding") && !headers.contains_key("cookie"), "{head}");
}

#[tokio::test]
async fn what_cannot_be_reached_says_why() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let no_tls = format!("https://{}/", plain.local_addr().unwrap());
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    for (url, class, detail) in [
        (format!("http://{free}/"), ErrorClass::Connect, "connection refused"),
        (no_tls, ErrorClass::Tls, "received corrupt message of type InvalidContentType"),
        ("https://no-such-name.invalid/".to_owned(), ErrorClass::Dns, "the name does not resolve ("),
        ("http://10.0.0.1/".to_owned(), ErrorClass::BlockedAddress, "the address 10.0.0.1 is not"),
        ("http://[::1]:8080/".to_owned(), ErrorClass::BlockedAddress, "the address ::1 is not"),
        ("ftp://127.0.0.1/".to_owned(), ErrorClass::BlockedAddress, "the URL must begin with https://"),
    ] {
        let sender = sender();
        let answer =
            sender.send(&sender.target(&entry(&url, &[])), "evt_1", "{}".into(), &Marks::default()).await;
        assert_eq!(answer.error, Some(class), "{url}: {answer:?}");
        assert!(answer.detail.as_ref().is_some_and(|d| d.starts_with(detail)), "{url}: {answer:?}");
    }
    server.abort();
}

#[tokio::test]
async fn a_name_is_refused_by_its_addresses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
    let egress = egress::Settings { allow_http: true, ..egress::Settings::default() };
    let sender = Sender::new(&Settings::default(), egress, "Rollcall/0").unwrap();
    let answer =
        sender.send(&sender.target(&entry(&url, &[])), "evt_1", "{}".into(), &Marks::default()).await;
    assert_eq!(answer.error, Some(ErrorClass::BlockedAddress), "{answer:?}");
    assert!(answer.detail.unwrap().contains("forbidden"));
}

#[tokio::test]
async fn one_deadline_covers_every_phase() {
    // Nobody takes the connections that wait, and no more may wait.
    let full = tokio::net::TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        waiting.push(stream.unwrap());
    }
    // It takes connections and says nothing: neither a handshake nor an answer.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = mute.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = mute.accept().await {
            open.push(stream);
        }
    });
    for (phase, url) in [
        ("connect", format!("http://{address}/")),
        ("TLS", format!("https://{silent}/")),
        ("answer", format!("http://{silent}/")),
    ] {
        let sender = sender();
        let mut target = sender.target(&entry(&url, &[]));
        target.timeout = Duration::from_millis(300);
        let start = Instant::now();
        let answer = sender.send(&target, "evt_1", "{}".into(), &Marks::default()).await;
        assert_eq!((answer.status, answer.error), (None, Some(ErrorClass::Timeout)), "{phase}: {answer:?}");
        assert!(start.elapsed() < Duration::from_secs(2), "{phase}: {:?}", start.elapsed());
    }
    server.abort();
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let parsed = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers)
    };
    let date = |from_now: i64| {
        let at = clock::now().checked_add(jiff::SignedDuration::from_secs(from_now)).unwrap();
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    for (text, expected) in [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        // In the past: at once, as far as the bounds of a wait allow.
        ("Wed, 21 Oct 2015 07:28:00 GMT", Some(0)),
        ("-5", None),
        ("1.5", None),
        ("tomorrow", None),
        ("", None),
    ] {
        assert_eq!(parsed(text), expected.map(Duration::from_secs), "{text:?}");
    }
    let ahead = parsed(&date(90)).unwrap();
    assert!((88..=90).contains(&ahead.as_secs()), "{ahead:?}");
    assert_eq!(retry_after(&HeaderMap::new()), None);
}
