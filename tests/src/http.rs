//! One HTTP client for both sides of the server: it carries a bearer token, keeps connections
//! alive, follows no redirect, and its answers explain themselves when a test fails.

use std::{
    ops::Index,
    sync::{
        Arc, LazyLock, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};
use serde_json::Value;

/// Nothing here speaks TLS, but the client insists on a provider of cryptography.
static CRYPTOGRAPHY: LazyLock<()> = LazyLock::new(|| {
    let _ = rustls::crypto::ring::default_provider().install_default();
});

fn new_client() -> reqwest::Client {
    LazyLock::force(&CRYPTOGRAPHY);
    reqwest::Client::builder()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .http1_only()
        .no_proxy()
        .build()
        .expect("a client without TLS needs nothing from the machine")
}

/// Where a server listens now. It changes when the server restarts on other ports; whoever holds
/// the address sees the change.
#[derive(Clone, Debug)]
pub struct Address(Arc<Place>);

#[derive(Debug)]
enum Place {
    One(RwLock<String>),
    /// As a load balancer without health checks: each in turn, whether it listens or not.
    Each(Vec<Address>, AtomicUsize),
}

impl Address {
    /// An address to begin with, such as `http://127.0.0.1:8080`.
    pub fn new(base: &str) -> Self {
        Self(Arc::new(Place::One(RwLock::new(base.to_owned()))))
    }

    /// All of these in turn.
    pub fn each(addresses: Vec<Self>) -> Self {
        Self(Arc::new(Place::Each(addresses, AtomicUsize::new(0))))
    }

    /// The base URL without a slash at its end.
    pub fn get(&self) -> String {
        match &*self.0 {
            Place::One(base) => base.read().expect("no holder panics").clone(),
            Place::Each(all, turn) => all[turn.fetch_add(1, Ordering::Relaxed) % all.len()].get(),
        }
    }

    /// Moves it.
    pub fn set(&self, base: &str) {
        match &*self.0 {
            Place::One(known) => base.clone_into(&mut known.write().expect("no holder panics")),
            Place::Each(..) => panic!("several servers do not move as one"),
        }
    }
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The request, for failure messages.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    json: Value,
}

impl Answer {
    /// Goes on if the status is this one, and panics with the whole answer otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The string at this key, which must be there.
    #[track_caller]
    pub fn text(&self, key: &str) -> String {
        match self.json[key].as_str() {
            Some(text) => text.to_owned(),
            None => panic!("no string {key:?} in {self}"),
        }
    }

    /// A header field's value, or the empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// Panics unless this is a SCIM error (RFC 7644 §3.12) of this status.
    #[track_caller]
    pub fn expect_scim_error(self, status: u16) -> Self {
        let answer = self.expect(status);
        assert_eq!(
            answer["schemas"],
            serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"]),
            "{answer}"
        );
        assert_eq!(answer["status"], status.to_string(), "the status is a string: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|d| !d.is_empty()), "no detail: {answer}");
        assert_eq!(answer.header("content-type"), "application/scim+json", "{answer}");
        answer
    }

    /// Panics unless this is a problem (RFC 9457) of this status with a stable code.
    #[track_caller]
    pub fn expect_problem(self, status: u16) -> Self {
        let answer = self.expect(status);
        assert!(answer.header("content-type").starts_with("application/problem+json"), "{answer}");
        assert!(answer["code"].as_str().is_some_and(|c| !c.is_empty()), "no code: {answer}");
        answer
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        &self.json[key]
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let shown: String = body.chars().take(4_000).collect();
        write!(f, "{} gave {} {:?} {shown}", self.request, self.status, self.header("content-type"))
    }
}

/// A client of one server with one bearer token.
#[derive(Clone, Debug)]
pub struct Client {
    address: Address,
    prefix: String,
    token: Option<String>,
    /// How long it asks again when no answer comes or a 503.
    patience: Duration,
    http: reqwest::Client,
}

impl Client {
    /// A client of `address`, whose paths begin with `prefix`.
    pub fn new(address: Address, prefix: &str, token: Option<&str>) -> Self {
        Self {
            address,
            prefix: prefix.to_owned(),
            token: token.map(str::to_owned),
            patience: Duration::ZERO,
            // A connection belongs to the runtime that opened it, and each test has its own.
            http: new_client(),
        }
    }

    /// The same client with another token, or with none.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// The same client that asks again, for so long, when the request reached nobody, when it was
    /// refused with 503, and if it only reads also when its answer was lost.
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The absolute URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.address.get(), self.prefix)
    }

    /// Sends anything. `Err` means that no answer came.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Answer, reqwest::Error> {
        let method = Method::from_bytes(method.as_bytes()).expect("tests send real methods");
        let url = self.url(path);
        let mut request = self.http.request(method.clone(), &url);
        if let Some(token) = &self.token
            && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await?;
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let shown: String = url.chars().take(300).collect();
        Ok(Answer { request: format!("{method} {shown}"), status, headers, body, json })
    }

    /// Sends anything to a server that must answer.
    #[track_caller]
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> impl Future<Output = Answer> {
        let caller = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            loop {
                let sent = self.try_send(method, path, headers, body.clone()).await;
                let again = match &sent {
                    Ok(answer) => answer.status == 503,
                    Err(error) => error.is_connect() || method == "GET",
                };
                match sent {
                    _ if again && begun.elapsed() < self.patience => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    Ok(answer) => return answer,
                    Err(error) => panic!("no answer to {method} {path} at {caller}: {error:?}"),
                }
            }
        }
    }

    /// Sends JSON as `content_type`.
    pub async fn send_json(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Answer {
        let bytes = Bytes::from(body.to_string());
        self.send(method, path, &[("content-type", content_type)], Some(bytes)).await
    }

    /// A plain GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    /// A response whose body is read as it comes.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.http.get(self.url(path)).timeout(Duration::from_secs(600));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("the server answers")
    }
}

/// A GET without a token of any absolute URL that answers with JSON: the status and the answer.
pub async fn get_json(url: &str) -> Option<(u16, Value)> {
    let response = new_client().get(url).send().await.ok()?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await.ok()?;
    Some((status, serde_json::from_slice(&bytes).ok()?))
}

/// A GET without a token, of any absolute URL.
pub async fn get(url: &str) -> Option<u16> {
    new_client().get(url).send().await.ok().map(|r| r.status().as_u16())
}
